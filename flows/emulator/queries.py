"""What a list request asks for: the parameters of `/Recordings`, checked."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

DEFAULT_PAGE_SIZE = 50  # documented
MAX_PAGE_SIZE = 1000  # documented
BAD_PAGE_SIZE = 54454  # documented; that the status is 400 is assumed
BAD_PAGE_TOKEN = 54453  # documented; that the status is 400 is assumed
BAD_PARAMETER = 20001  # assumed: the documents do not say how an unreadable date is refused
_LAST_SECOND = timedelta(hours=23, minutes=59, seconds=59)  # of a day
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})")


class QueryError(ValueError):
    """The API refuses a parameter."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One page of a list. Creation dates are epoch seconds (UTC), both included, infinite when not given."""

    page: int
    page_size: int
    page_token: str | None
    first: float
    last: float
    filters: Mapping[str, str]  # as they were asked, to be repeated in the uris of the envelope


def read_query(query: Mapping[str, str]) -> ListQuery:
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
    first, last = created_between(query)
    filters = {name: query[name] for name in query if name.startswith("DateCreated")}
    return ListQuery(page, page_size, page_token, first, last, filters)


def created_between(query: Mapping[str, str]) -> tuple[float, float]:
    """The creation dates a list is limited to: the one place that knows what the date parameters mean.

    The time of day is honoured, both bounds are included; a bare date is midnight UTC in `DateCreated<` and
    `DateCreated>`, and the whole day in `DateCreated`. The documents leave all of this open.
    """
    first, last = -math.inf, math.inf
    if "DateCreated>" in query:
        first = max(first, _instant(query["DateCreated>"]).timestamp())
    if "DateCreated<" in query:
        last = min(last, _instant(query["DateCreated<"]).timestamp())
    if "DateCreated" in query:
        value = query["DateCreated"]
        start = _instant(value)
        end = start + _LAST_SECOND if _DATE.fullmatch(value) else start
        first, last = max(first, start.timestamp()), min(last, end.timestamp())
    return first, last


def _instant(value: str) -> datetime:
    """Read a date, an ISO 8601 date-time with its zone, or an RFC 2822 one."""
    try:
        if _DATE.fullmatch(value):
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        if _DATE_TIME.fullmatch(value):
            return datetime.fromisoformat(value)
        instant = parsedate_to_datetime(value)
    except (ValueError, OverflowError) as reason:
        raise QueryError(BAD_PARAMETER, "A date of DateCreated cannot be read") from reason
    if instant.tzinfo is not None:
        return instant
    if value.endswith("-0000"):  # UTC, of a sender who does not tell his zone
        return instant.replace(tzinfo=UTC)
    raise QueryError(BAD_PARAMETER, "A date of DateCreated has no zone that can be read")


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
