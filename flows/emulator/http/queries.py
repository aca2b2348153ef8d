"""What a list request asks for: the parameters of `/Recordings`, checked, and the dialects they are read in.

The vendors' documents contradict each other about the date filters, so the emulator speaks every reading of them.
All of what the parameters mean stands in this module.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

DEFAULT_PAGE_SIZE = 50  # documented
MAX_PAGE_SIZE = 1000  # documented
BAD_PAGE_SIZE = 54454  # documented; that the status is 400 is assumed
BAD_PAGE_TOKEN = 54453  # documented; that the status is 400 is assumed
BAD_PARAMETER = 20001  # assumed: the documents do not say how an unreadable date is refused
_DAY_SECONDS = 86_400
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})")


class QueryError(ValueError):
    """The API refuses a parameter."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


DateForm = Literal["date", "iso", "rfc2822"]


@dataclass(frozen=True, slots=True)
class EmulatedDialect:
    """What the API makes of its parameters; which dialect the real one speaks is not known.

    `compares` says whether `DateCreated<` and `DateCreated>` honour the time of day or cut it off and compare
    creation days (UTC), `includes_bounds` whether a recording of that very instant or day is listed,
    `date_forms` which ways of writing a date are not refused. A page has `page_size_factor` times the rows asked.
    """

    compares: Literal["instants", "days"] = "instants"
    includes_bounds: bool = True
    date_forms: tuple[DateForm, ...] = ("date", "iso", "rfc2822")
    page_size_factor: int = 1


DEFAULT_DIALECT = EmulatedDialect()
# What each name says about a dialect.
DIALECTS: Mapping[str, Mapping[str, Any]] = {
    "instant-inclusive": {"compares": "instants", "includes_bounds": True},
    "instant-exclusive": {"compares": "instants", "includes_bounds": False},
    "day-inclusive": {"compares": "days", "includes_bounds": True},
    "day-exclusive": {"compares": "days", "includes_bounds": False},
    "iso-only": {"date_forms": ("iso",)},
    "date-only": {"date_forms": ("date",)},
    "rfc2822-only": {"date_forms": ("rfc2822",)},
}


def dialect_of(names: Sequence[str]) -> EmulatedDialect:
    """The dialect that the names of DIALECTS describe together; what none of them says is as by default.

    Raises ValueError for a name not in DIALECTS, and for names that contradict each other.
    """
    said: dict[str, Any] = {}
    for name in names:
        if name not in DIALECTS:
            raise ValueError(f"There is no dialect {name!r}. Choose from: {', '.join(sorted(DIALECTS))}.")
        if any(said.get(field, value) != value for field, value in DIALECTS[name].items()):
            raise ValueError(f"The dialects {' and '.join(names)} contradict each other. Choose one of them.")
        said |= DIALECTS[name]
    return replace(DEFAULT_DIALECT, **said)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One page of a list. Creation dates are epoch seconds (UTC), both included, infinite when not given.

    `page_size` is what was asked for, `rows` how many a page really has.
    """

    page: int
    page_size: int
    rows: int
    page_token: str | None
    first: float
    last: float
    filters: Mapping[str, str]  # as they were asked, to be repeated in the uris of the envelope


def read_query(query: Mapping[str, str], dialect: EmulatedDialect = DEFAULT_DIALECT) -> ListQuery:
    """Check the parameters of a list request; raises QueryError. Unknown parameters are ignored."""
    page_size = _number(query.get("PageSize", str(DEFAULT_PAGE_SIZE)))
    if page_size is None or not 1 <= page_size <= MAX_PAGE_SIZE:
        raise QueryError(BAD_PAGE_SIZE, f"PageSize must be a number from 1 to {MAX_PAGE_SIZE}")
    page = _number(query.get("Page", "0"))
    page_token = query.get("PageToken")
    if page is None or (page > 0 and page_token is None):
        raise QueryError(BAD_PAGE_TOKEN, "Page must come with the PageToken of a next_page_uri")
    for name in ("CallSid", "ConferenceSid"):
        if name in query:  # rather refused than quietly not honoured
            raise QueryError(BAD_PARAMETER, f"This emulator does not filter by {name}")
    first, last = created_between(query, dialect)
    filters = {name: query[name] for name in query if name.startswith("DateCreated")}
    rows = page_size * dialect.page_size_factor
    return ListQuery(page, page_size, rows, page_token, first, last, filters)


def created_between(
    query: Mapping[str, str], dialect: EmulatedDialect = DEFAULT_DIALECT
) -> tuple[float, float]:
    """The creation dates a list is limited to, both included; creation dates are whole seconds.

    By default the time of day is honoured, both bounds are included, and a bare date is midnight UTC in
    `DateCreated<` and `DateCreated>`. `DateCreated` means that instant, or the whole day when it is a bare date or
    when days are compared. The documents leave all of this open.
    """
    first, last = -math.inf, math.inf
    if "DateCreated>" in query:
        low, high = _meant(query["DateCreated>"], dialect)
        first = max(first, low if dialect.includes_bounds else math.floor(high) + 1)
    if "DateCreated<" in query:
        low, high = _meant(query["DateCreated<"], dialect)
        last = min(last, high if dialect.includes_bounds else math.ceil(low) - 1)
    if "DateCreated" in query:
        low, high = _meant(query["DateCreated"], dialect)
        if _DATE.fullmatch(query["DateCreated"]):
            high = low + _DAY_SECONDS - 1
        first, last = max(first, low), min(last, high)
    return first, last


def _meant(value: str, dialect: EmulatedDialect) -> tuple[float, float]:
    """The first and the last second that a date stands for: one instant, or its whole day (UTC)."""
    form, instant = _instant(value)
    if form not in dialect.date_forms:
        raise QueryError(BAD_PARAMETER, "A date of DateCreated is written in a form that is not accepted")
    epoch = instant.timestamp()
    if dialect.compares == "instants":
        return epoch, epoch
    midnight = epoch // _DAY_SECONDS * _DAY_SECONDS
    return midnight, midnight + _DAY_SECONDS - 1


def _instant(value: str) -> tuple[DateForm, datetime]:
    """Read a date, an ISO 8601 date-time with its zone, or an RFC 2822 one."""
    try:
        if _DATE.fullmatch(value):
            return "date", datetime.fromisoformat(value).replace(tzinfo=UTC)
        if _DATE_TIME.fullmatch(value):
            return "iso", datetime.fromisoformat(value)
        instant = parsedate_to_datetime(value)
    except (ValueError, OverflowError) as reason:
        raise QueryError(BAD_PARAMETER, "A date of DateCreated cannot be read") from reason
    if instant.tzinfo is not None:
        return "rfc2822", instant
    if value.endswith("-0000"):  # UTC, of a sender who does not tell his zone
        return "rfc2822", instant.replace(tzinfo=UTC)
    raise QueryError(BAD_PARAMETER, "A date of DateCreated has no zone that can be read")


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
