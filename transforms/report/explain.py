"""SQL for the recordings of a figure of a mart, from the mart's twin and part of its key.

A key column with the name of a column of `marts.fct_recordings` means that column; `month` is the month of usage_date.
The twin's `recordings` lists the exceptions.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from transforms.errors import ConfigError
from transforms.model.models import FACT, Model, Twin
from transforms.model.sums import FACT_SUMS
from transforms.values.names import find_mart_name

_MONTH = "cast(date_trunc('month', recordings.usage_date) as date)"


@dataclass(frozen=True, slots=True)
class Condition:
    """A key column and its required value, as SQL and as given by the user."""

    column: str
    literal: str
    given: str

    @property
    def sql(self) -> str:
        """The condition on a row of the mart."""
        return f'"{self.column}" is not distinct from {self.literal}'


def additive(mart: Model) -> list[str]:
    """Return the columns of a mart that add up over its recordings."""
    return [name for name in FACT_SUMS if name in mart.twin.columns and mart.name != FACT]


def find_mart(marts: Iterable[Model], name: str) -> Model:
    """Return the mart with this name, with or without `marts.`. Raises ConfigError with the names of all marts."""
    by_name = {mart.name.removeprefix("marts."): mart for mart in marts if mart.name.startswith("marts.")}
    return by_name[find_mart_name(by_name, name)]


def read_conditions(mart: Model, texts: Iterable[str]) -> list[Condition]:
    """Parse parts of a key, each given as column=value; an empty value is null.

    Raises ConfigError if a name is not a key column or a value does not fit its type.
    """
    conditions: dict[str, Condition] = {}
    for text in texts:
        column, sign, value = text.partition("=")
        if not sign or column not in mart.twin.key:
            raise ConfigError(
                f"{text} is not a key column of {mart.name}. Write column=value with one of {', '.join(mart.twin.key)}."
            )
        if column in conditions:
            raise ConfigError(f"{column} is given twice. Name each column once.")
        conditions[column] = Condition(column, _literal(column, mart.twin.columns[column].type, value), text)
    return list(conditions.values())


def where(conditions: Sequence[Condition]) -> str:
    """Join the conditions with `and`; `true` if there are none."""
    return " and ".join(condition.sql for condition in conditions) or "true"


def figures_sql(mart: Model, conditions: Sequence[Condition]) -> str:
    """Return SQL for the matching figures: sums of additive columns and the number of rows, by currency if possible."""
    keys = ["currency"] if "currency" in mart.twin.columns else []
    sums = [f"cast(sum({name}) as {mart.twin.columns[name].type}) as {name}" for name in additive(mart)]
    selected = ", ".join([*keys, "count(*) as rows", *sums])
    group = f"group by {keys[0]} order by {keys[0]}" if keys else "having count(*) > 0"
    return f"select {selected} from {mart.name} where {where(conditions)} {group}"  # noqa: S608


def recordings_sql(marts: Mapping[str, Model], mart: Model, conditions: Sequence[Condition]) -> str:
    """Return SQL for the recordings of the matching rows. Raises ConfigError if the mart has no recordings of its own.

    marts: by full name.
    """
    rows = f"(select * from {mart.name} where {where(conditions)})"  # noqa: S608
    through: list[str] = []
    while mart.twin.recordings.through:
        other = marts[mart.twin.recordings.through]
        shared = [column for column in mart.twin.key if column in other.twin.columns]
        on = " and ".join(f'other."{column}" is not distinct from mart."{column}"' for column in shared)
        rows = f"(select other.* from {other.name} as other semi join {rows} as mart on {on})"  # noqa: S608
        through.append(mart.name)
        mart = other
        if mart.name in through:
            raise ConfigError(f"{mart.name} refers to itself. Correct `recordings` in its twin.")
    on = " and ".join(_meanings(mart, marts[FACT].twin))
    return f"select recordings.* from {FACT} as recordings semi join {rows} as mart on {on}"  # noqa: S608


def sums_sql(mart: Model, recordings: str) -> str:
    """Return SQL for the same sums over the recordings alone, and their number."""
    keys = ["currency"] if "currency" in mart.twin.columns else []
    sums = [f"{FACT_SUMS[name]} as {name}" for name in dict.fromkeys(["recordings", *additive(mart)])]
    group = f"group by {keys[0]} order by {keys[0]}" if keys else ""
    return f"select {', '.join([*keys, *sums])} from ({recordings}) {group}"  # noqa: S608


def _meanings(mart: Model, fact: Twin) -> list[str]:
    """Return the conditions under which a recording belongs to a row (`mart`)."""
    mapped = mart.twin.recordings
    if mapped.none:
        raise ConfigError(f"{mart.name} has no recordings of its own: {mapped.none}")
    says_nothing = not (mapped.columns or mapped.where)
    if says_nothing and mart.name != FACT and FACT_SUMS.keys().isdisjoint(mart.twin.columns):
        raise ConfigError(
            f"{mart.name} has no recordings of its own: no column of it is a sum over recordings."
        )
    meanings = []
    for column in mart.twin.key:
        default = _MONTH if column == "month" else f'recordings."{column}"' if column in fact.columns else ""
        meaning = mapped.columns.get(column, default)
        if meaning == "":
            raise ConfigError(
                f"{mart.name} has no recordings of its own: a recording has no {column}, and the twin does not map it."
            )
        if meaning is not None:
            meanings.append(f'{meaning} is not distinct from mart."{column}"')
    return [*meanings, *([f"({mapped.where})"] if mapped.where else [])]


def _literal(column: str, type_: str, text: str) -> str:
    if not text:
        return "null"
    if column == "month" and len(text) == len("2026-09"):
        text = f"{text}-01"
    read, words = _READERS.get(type_.partition("(")[0], (str, "text"))
    try:
        return f"cast('{str(read(text)).replace(chr(39), 2 * chr(39))}' as {type_})"
    except (ValueError, InvalidOperation):
        raise ConfigError(f"{column}={text} is not {words}.") from None


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


_WHOLE = (int, "a whole number")
_READERS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "DATE": (date.fromisoformat, "a date (use YYYY-MM-DD)"),
    "TIMESTAMP WITH TIME ZONE": (
        datetime.fromisoformat,
        "a date and time. Write it like 2026-09-30T06:00:00Z",
    ),
    "TINYINT": _WHOLE,
    "INTEGER": _WHOLE,
    "BIGINT": _WHOLE,
    "DECIMAL": (Decimal, "a number. Write it like 0.0025"),
    "BOOLEAN": (_truth, "true or false"),
}
