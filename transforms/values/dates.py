"""Parse dates as the Recordings API writes them into instants in UTC.

The documented format is RFC 2822 (`Tue, 25 Sep 2018 23:00:00 +0000`). The vendor's own sample writes `Sept`,
which is not RFC 2822. Other zones, full month names, missing or wrong weekdays and ISO 8601 also occur.
Two functions give the same result: `parse_instant` parses one text in any accepted form. `instants` parses a whole
column: the common form column-wise, and only the rest one by one.
"""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.distinct import map_distinct

INSTANT = pa.timestamp("us", tz="UTC")

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep sept september",
            "oct october",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}
# The alphabetic zones that RFC 5322 defines (section 4.3). Any other name is rejected rather than guessed.
_ZONE_HOURS = {
    "UT": 0, "UTC": 0, "GMT": 0, "Z": 0,
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
}  # fmt: skip
_ZONE = r"(?P<zone>[A-Za-z]+|[+-]\d\d:?\d\d)"
# A date without a zone is UTC: the documentation gives UTC as the zone of every date. A comment in parentheses after
# the zone means nothing (RFC 5322, section 3.2.2); it repeats the zone's name, as in `+0000 (UTC)`.
_RFC2822 = re.compile(
    r"(?:[A-Za-z]+\.?,?\s+)?(?P<day>\d{1,2})[\s-]+(?P<month>[A-Za-z]+)\.?[\s-]+(?P<year>\d{4})\s+"
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?\s*" + _ZONE + r"?(?:\s*\([^()]*\))?",
    re.ASCII,
)
_ISO8601 = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)[Tt ](?P<hour>\d\d):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?\s*" + _ZONE + "?",
    re.ASCII,
)
_COMMON_DAY = re.compile(rb"[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) ")
# What follows the time of day when the zone is UTC. All of these are shorter than the slice they are compared with.
_COMMON_ZONES = (b" +0000", b" -0000", b" GMT", b" UTC", b" Z")
_EARLIEST_YEAR = 1970


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return UTC
    if text[0] in "+-":
        hours, minutes = int(text[1:3]), int(text[-2:])
        if hours > 23 or minutes > 59:
            return None
        offset = timedelta(hours=hours, minutes=minutes)
        return timezone(-offset if text[0] == "-" else offset)
    hours_or_none = _ZONE_HOURS.get(text.upper())
    return None if hours_or_none is None else timezone(timedelta(hours=hours_or_none))


def parse_instant(text: str) -> datetime | None:
    """Parse one date in any accepted form.

    A wrong weekday is ignored: the day of the month decides. An impossible day, an unknown zone name and a year
    before 1970 are not accepted; a day is never moved to make a date valid.

    Returns:
        The instant in UTC, or None if the text is ambiguous or not a date.
    """
    text = text.strip()
    match = _RFC2822.fullmatch(text) or _ISO8601.fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict()
    month = int(parts["month"]) if parts["month"].isdigit() else _MONTHS.get(parts["month"].lower())
    zone = _zone(parts["zone"])
    if month is None or zone is None or int(parts["year"]) < _EARLIEST_YEAR:
        return None
    second = int(parts["second"] or 0)
    try:
        instant = datetime(
            int(parts["year"]), month, int(parts["day"]), int(parts["hour"]), int(parts["minute"]),
            min(second, 59), int((parts.get("fraction") or "0").ljust(6, "0")[:6]), tzinfo=zone,
        )  # fmt: skip
        # RFC 5322 allows a leap second, :60. It becomes the instant one second after :59.
        instant = (instant + timedelta(seconds=1) if second == 60 else instant).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return instant if second <= 60 and instant.year >= _EARLIEST_YEAR else None


@lru_cache(maxsize=20_000)
def _iso_day(common_day: bytes) -> str | None:
    match = _COMMON_DAY.fullmatch(common_day)
    month = _MONTHS.get(match[2].decode().lower()) if match else None
    if match is None or month is None or int(match[3]) < _EARLIEST_YEAR:
        return None
    try:
        return date(int(match[3]), month, int(match[1])).isoformat()
    except ValueError:
        return None


def _common_instants(texts: pa.Array) -> pa.Array:
    """Parse the rows in the common form; every other row becomes null.

    The date part has few distinct values, so each is parsed once. The time of day is parsed column-wise.
    """
    raw = texts.cast(pa.binary())
    is_common = pc.is_in(pc.binary_slice(raw, 25, 32), value_set=pa.array(_COMMON_ZONES, pa.binary()))
    days = pc.binary_slice(raw, 0, 17).dictionary_encode()
    iso_days = pa.array([_iso_day(day) for day in days.dictionary.to_pylist()], pa.string())
    iso_days = iso_days.take(pc.if_else(is_common, days.indices, pa.scalar(None, days.indices.type)))
    clocks = pc.binary_slice(raw, 17, 25).cast(pa.string(), safe=False)
    try:
        return pc.binary_join_element_wise(iso_days, clocks, "T").cast(pa.timestamp("us")).cast(INSTANT)
    except pa.ArrowInvalid:  # a time of day is invalid: leave the whole column to the general parser
        return pa.nulls(len(texts), INSTANT)


def instants(texts: pa.Array) -> pa.Array:
    """Parse a column of dates (string) into instants (timestamp[us, UTC]); an unreadable date and null become null."""
    found = _common_instants(texts)
    if found.null_count == texts.null_count:
        return found
    odd = pc.and_(pc.is_null(found), pc.is_valid(texts))
    return pc.replace_with_mask(found, odd, map_distinct(texts.filter(odd), parse_instant, INSTANT))
