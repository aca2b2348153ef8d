"""Check and interpret the parameters of `/Recordings`, in each dialect.

The vendors' documentation contradicts itself about the date filters, so the emulator supports every interpretation.
This module alone decides what the parameters mean.
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
SOFT_DELETED = "IncludeSoftDeleted"  # documented by Twilio only
BAD_PARAMETER = 20001  # assumed: the documentation does not say how an unreadable date is refused
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
    """How the API interprets its parameters. Which dialect the real API uses is not known.

    Args:
        compares: whether `DateCreated<` and `DateCreated>` compare instants, or drop the time of day and compare
            days (UTC).
        includes_bounds: whether a recording created at exactly that instant or day is listed.
        date_forms: the accepted date formats.
        page_size_factor: a page has this many times the requested rows.
    """

    compares: Literal["instants", "days"] = "instants"
    includes_bounds: bool = True
    date_forms: tuple[DateForm, ...] = ("date", "iso", "rfc2822")
    page_size_factor: int = 1


DEFAULT_DIALECT = EmulatedDialect()
# The fields of a dialect that each name sets.
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
    """Return the dialect that names of DIALECTS describe together. Fields that none of them sets have defaults.

    Raises:
        ValueError: a name is not in DIALECTS, or the names contradict each other.
    """
    fields: dict[str, Any] = {}
    for name in names:
        if name not in DIALECTS:
            raise ValueError(f"{name!r} is not a dialect. Choose from: {', '.join(sorted(DIALECTS))}.")
        if any(fields.get(field, value) != value for field, value in DIALECTS[name].items()):
            raise ValueError(f"The dialects {' and '.join(names)} contradict each other. Choose one of them.")
        fields |= DIALECTS[name]
    return replace(DEFAULT_DIALECT, **fields)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One page of a list.

    `first` and `last` limit the creation dates: epoch seconds (UTC), both inclusive, infinite if not given.
    `page_size` is the requested number of rows, `rows` the number that a page actually has.
    """

    page: int
    page_size: int
    rows: int
    page_token: str | None
    first: float
    last: float
    filters: Mapping[str, str]  # as requested; the envelope's uris repeat them
    with_deleted: bool = False  # whether recordings deleted up to 40 days ago are listed too


def read_query(query: Mapping[str, str], dialect: EmulatedDialect = DEFAULT_DIALECT) -> ListQuery:
    """Check the parameters of a list request. Unknown parameters are ignored.

    Raises:
        QueryError: a parameter is not valid.
    """
    page_size = _number(query.get("PageSize", str(DEFAULT_PAGE_SIZE)))
    if page_size is None or not 1 <= page_size <= MAX_PAGE_SIZE:
        raise QueryError(BAD_PAGE_SIZE, f"PageSize must be a number from 1 to {MAX_PAGE_SIZE}")
    page = _number(query.get("Page", "0"))
    page_token = query.get("PageToken")
    if page is None or (page > 0 and page_token is None):
        raise QueryError(BAD_PAGE_TOKEN, "Page must come with the PageToken of a next_page_uri")
    for name in ("CallSid", "ConferenceSid"):
        if name in query:  # refusing is safer than silently ignoring the filter
            raise QueryError(BAD_PARAMETER, f"This emulator does not filter by {name}")
    first, last = created_between(query, dialect)
    filters = {name: query[name] for name in query if name.startswith("DateCreated") or name == SOFT_DELETED}
    rows = page_size * dialect.page_size_factor
    return ListQuery(page, page_size, rows, page_token, first, last, filters, wants_deleted(query))


def wants_deleted(query: Mapping[str, str]) -> bool:
    """Return whether recordings that were deleted up to 40 days ago are wanted too, in a list or by themselves."""
    return query.get(SOFT_DELETED, "false").lower() == "true"


def created_between(
    query: Mapping[str, str], dialect: EmulatedDialect = DEFAULT_DIALECT
) -> tuple[float, float]:
    """Return the first and last creation date (whole epoch seconds, UTC) of a list, both inclusive.

    By default the time of day counts, both bounds are inclusive, and a bare date is midnight UTC in `DateCreated<`
    and `DateCreated>`. `DateCreated` means that instant, or the whole day if it is a bare date or if days are
    compared. The documentation specifies none of this.
    """
    first, last = -math.inf, math.inf
    if "DateCreated>" in query:
        low, high = _span_of(query["DateCreated>"], dialect)
        first = max(first, low if dialect.includes_bounds else math.floor(high) + 1)
    if "DateCreated<" in query:
        low, high = _span_of(query["DateCreated<"], dialect)
        last = min(last, high if dialect.includes_bounds else math.ceil(low) - 1)
    if "DateCreated" in query:
        low, high = _span_of(query["DateCreated"], dialect)
        if _DATE.fullmatch(query["DateCreated"]):
            high = low + _DAY_SECONDS - 1
        first, last = max(first, low), min(last, high)
    return first, last


def _span_of(value: str, dialect: EmulatedDialect) -> tuple[float, float]:
    """Return the first and last second of a date: a single instant, or its whole day (UTC)."""
    form, instant = _instant(value)
    if form not in dialect.date_forms:
        raise QueryError(BAD_PARAMETER, "DateCreated has a date format that is not accepted")
    epoch = instant.timestamp()
    if dialect.compares == "instants":
        return epoch, epoch
    midnight = epoch // _DAY_SECONDS * _DAY_SECONDS
    return midnight, midnight + _DAY_SECONDS - 1


def _instant(value: str) -> tuple[DateForm, datetime]:
    """Parse a date, an ISO 8601 date-time with a zone, or an RFC 2822 date-time."""
    try:
        if _DATE.fullmatch(value):
            return "date", datetime.fromisoformat(value).replace(tzinfo=UTC)
        if _DATE_TIME.fullmatch(value):
            return "iso", datetime.fromisoformat(value)
        instant = parsedate_to_datetime(value)
    except (ValueError, OverflowError) as reason:
        raise QueryError(BAD_PARAMETER, "DateCreated is not a valid date") from reason
    if instant.tzinfo is not None:
        return "rfc2822", instant
    if value.endswith("-0000"):  # UTC, from a sender that does not state its own zone
        return "rfc2822", instant.replace(tzinfo=UTC)
    raise QueryError(BAD_PARAMETER, "DateCreated has no valid time zone")


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
