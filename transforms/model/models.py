"""SQL models and checks as text: what each refers to, in which order to build, and what its twin says."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Literal

import msgspec

from transforms.errors import ModelError

_SEVERITY = re.compile(r"^severity:\s*(\w+)$")

_PARTS = "scope: parts"

FACT = "marts.fct_recordings"
"""The table of all recordings: every figure is computed from it."""

DETAIL = "marts.daily_spend_detail"
"""The table of all recordings by day and every dimension: what most marts are summed from."""


class TwinColumn(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A column as the twin describes it: DuckDB type, words, and its unit if it has one.

    equals: SQL that gives the same value from other columns of the row and of `settings`; a check is generated from it.
    """

    type: str
    words: str
    unit: str = ""
    equals: str = ""

    @property
    def comment(self) -> str:
        """What the warehouse says about the column."""
        return f"{self.words} Unit: {self.unit}." if self.unit else self.words


class TwinRecordings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which recordings a row of a mart consists of, if they are not simply those with its key.

    columns: key column → its value for a recording, in SQL over `recordings` (a row of marts.fct_recordings); null if
    the column does not restrict them. where: a further condition, in SQL over `recordings` and `mart` (the row).
    through: the mart that has the recordings; its rows with the same key columns count. none: a sentence that says why
    the mart has no recordings.
    """

    columns: dict[str, str | None] = {}
    where: str = ""
    through: str = ""
    none: str = ""


class TwinTotals(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a mart adds up to, for each value of its key: a check is generated from it.

    columns: those that add up. of: the table whose rows they are summed from. by: key column → its value in a row of
    `of`, in SQL; null if sums are compared over all its values. A key column that is not in `by` has the same name in
    `of`, and `month` is that of usage_date. where: which rows of `of` count, in SQL.
    """

    columns: list[str] = []
    of: str = DETAIL
    by: dict[str, str | None] = {}
    where: str = ""


class Twin(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The `.yml` file next to a model: what a row is, which columns identify it, and every column in order.

    question: what a mart answers, in a reader's words. recordings: which recordings a row of a mart consists of.
    is_report: whether it is a report file; if not, it is only written when requested by name. month_from: the column
    with the month of a row, or the first and the last day of a span; empty if its rows belong to no month.
    adds_up: which of its columns add up to those of another table, and how. wide: it reads single recordings, and is
    built for each part of the lake by itself (`wide.py`).
    """

    description: str
    key: list[str]
    columns: dict[str, TwinColumn]
    question: str = ""
    recordings: TwinRecordings = TwinRecordings()
    is_report: bool = True
    month_from: list[str] = []
    adds_up: TwinTotals = TwinTotals()
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Model:
    """A SELECT under its full name (`marts.daily_spend`), its file, and its twin."""

    name: str
    file: str
    sql: str
    twin: Twin


@dataclass(frozen=True, slots=True)
class Check:
    """A SELECT of offending rows, why they would matter, and whether they stop the figures or only warn.

    sql: one SELECT or several with the same columns, separated by semicolons. by_parts: what it finds in the whole lake
    is what it finds in all parts of it, which are months of accounts.
    """

    name: str
    file: str
    sql: str
    severity: Literal["fail", "warn"]
    why: str
    by_parts: bool = False


@cache
def read_twin(text: str, file: str) -> Twin:
    """Read a twin. Raises ModelError with the file and what is wrong in it."""
    try:
        return msgspec.yaml.decode(text, type=Twin)
    except msgspec.DecodeError as error:
        raise ModelError(f"{file}: {error}. Compare it with another twin.") from None


def read_check(name: str, text: str, file: str) -> Check:
    """Read a check: comment lines on top say why it matters, one of them `severity: fail` or `severity: warn`.

    A line `scope: parts` says that it is run on parts of the lake.
    """
    comments = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        comments.append(line.removeprefix("--").strip())
    severities = [match[1] for comment in comments if (match := _SEVERITY.match(comment))]
    why = " ".join(comment for comment in comments if not _SEVERITY.match(comment) and comment != _PARTS)
    if severities == ["fail"]:
        return Check(name, file, text, "fail", why, _PARTS in comments)
    if severities == ["warn"]:
        return Check(name, file, text, "warn", why, _PARTS in comments)
    raise ModelError(f"{file}: the comment on top needs one line `severity: fail` or `severity: warn`.")


@cache
def references(sql: str, file: str) -> frozenset[str]:
    """Return the full names of the tables a SELECT reads, without its own CTEs. Raises ModelError if it is not SQL."""
    import sqlglot
    from sqlglot import exp

    try:
        parsed = sqlglot.parse_one(sql, dialect="duckdb")
    except sqlglot.errors.SqlglotError as error:
        first_line = str(error).splitlines()[0]
        raise ModelError(f"{file}: {first_line}") from None
    own = {cte.alias_or_name for cte in parsed.find_all(exp.CTE)}
    tables = (table for table in parsed.find_all(exp.Table) if table.db or table.name not in own)
    return frozenset(f"{table.db}.{table.name}" if table.db else table.name for table in tables)


def build_order(models: Iterable[Model], given: Collection[str]) -> list[Model]:
    """Return the models, each after those it reads. `given` names the tables that exist before any model.

    Raises ModelError naming the file if a model reads an unknown name, or if models read each other in a circle.
    """
    by_name = {model.name: model for model in models}
    reads: dict[str, frozenset[str]] = {}
    for model in by_name.values():
        names = references(model.sql, model.file)
        unknown = sorted(names - by_name.keys() - set(given))
        if unknown:
            raise ModelError(
                f"{model.file} reads {unknown[0]}, which is neither a model nor given. Correct the name."
            )
        reads[model.name] = names & by_name.keys()
    try:
        return [by_name[name] for name in _sorted(reads)]
    except CycleError as error:
        files = " → ".join(by_name[name].file for name in error.args[1])
        raise ModelError(f"Models read each other in a circle: {files}. Break it at one of them.") from None


def reads_of(models: Iterable[Model]) -> dict[str, list[str]]:
    """Return the full names of the tables that each model reads. Raises ModelError if one is not SQL."""
    return {model.name: sorted(references(model.sql, model.file)) for model in models}


def outdated_by(changed: Collection[str], reads: Mapping[str, Collection[str]]) -> list[str]:
    """Return the models that read one of these tables, or a model that does, each after those it reads.

    reads: the tables that each model reads.
    """
    stale = set(changed)
    order = _sorted({name: frozenset(tables) & reads.keys() for name, tables in reads.items()})
    outdated = []
    for name in order:
        if not stale.isdisjoint(reads[name]):
            stale.add(name)
            outdated.append(name)
    return outdated


def _sorted(reads: Mapping[str, frozenset[str]]) -> Iterable[str]:
    # Sorted at each step, so that the order is the same on every machine.
    sorter = TopologicalSorter({name: sorted(reads[name]) for name in sorted(reads)})
    return list(sorter.static_order())


def drift(model: str, twin: Twin, built: Mapping[str, str]) -> list[str]:
    """Return the differences between a built table (column name → type, in order) and its twin, as sentences."""
    problems = [f"{model} has no column {name}" for name in twin.columns if name not in built]
    problems += [
        f"the twin of {model} does not describe {name}" for name in built if name not in twin.columns
    ]
    problems += [
        f"{model}.{name} is {built[name]}, its twin says {column.type}"
        for name, column in twin.columns.items()
        if name in built and built[name] != column.type
    ]
    if not problems and list(built) != list(twin.columns):
        problems.append(f"the columns of {model} are in a different order than in its twin")
    facts = {"key": twin.key, "month_from": twin.month_from, "adds_up": twin.adds_up.columns}
    return problems + [
        f"{fact} column {name} of {model} is not a column"
        for fact, names in facts.items()
        for name in names
        if name not in twin.columns and (fact == "key" or name not in built)
    ]
