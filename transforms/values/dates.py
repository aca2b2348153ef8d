"""Parse dates as the Recordings API writes them into instants in UTC.

The documented format is RFC 2822 (`Tue, 25 Sep 2018 23:00:00 +0000`). The vendor's own sample writes `Sept`,
which is not RFC 2822. Other zones, full month names, missing or wrong weekdays and ISO 8601 also occur.
`parse_instant` parses one text in any accepted form; `date_columns.py` a whole column.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa

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
