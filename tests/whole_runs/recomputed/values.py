"""Single values: what a text of the API means, and how days, months and minutes are counted."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

Row = dict[str, Any]

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
NOTHING = Decimal(0)
NO_CURRENCY = "XXX"
SOURCES = (
    *("DialVerb", "Conference", "OutboundAPI", "Trunking"),
    *("RecordVerb", "StartCallRecordingAPI", "StartConferenceRecording"),
)
_SOURCE_BY_SPELLING = {name.lower(): name for name in SOURCES} | {
    "startconferencerecordingapi": "StartConferenceRecording"
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_RFC = re.compile(r"(?:\w+, *)?(\d{1,2}) ([A-Za-z]+) (\d{4}) (\d\d):(\d\d):(\d\d) ?(\S+)")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z")
_ZONES = {"GMT": 0, "UTC": 0, "Z": 0, "EST": -300}


class UnreadableError(ValueError):
    """A value of a record that cannot be understood."""


def instant(text: object) -> datetime:
    """Read a date of the API. Raises UnreadableError."""
    if isinstance(text, str):
        if found := _ISO.fullmatch(text):
            year, month, day, hour, minute, second = map(int, found.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        if found := _RFC.fullmatch(text):
            number = _MONTHS.index(found[2][:3].lower()) + 1
            day, year, hour, minute, second = (int(found[place]) for place in (1, 3, 4, 5, 6))
            local = datetime(year, number, day, hour, minute, second, tzinfo=UTC)
            return local - timedelta(minutes=_minutes_east(found[7]))
    raise UnreadableError(f"date {text!r}")


def _minutes_east(zone: str) -> int:
    if zone in _ZONES:
        return _ZONES[zone]
    sign, digits = zone[0], zone[1:].replace(":", "")
    return (1 if sign == "+" else -1) * (int(digits[:2]) * 60 + int(digits[2:]))


def place(url: str | None) -> str | None:
    """Say whose storage an address is in: the vendor's is on the host of the API, which is this machine in tests."""
    if not url:
        return None
    return "vendor" if urlsplit(url).hostname in (None, "127.0.0.1", "api.twilio.com") else "external"


def price(value: object) -> Decimal | None:
    """Read a price, to nine decimals. None: not priced yet. Raises UnreadableError."""
    if value is None:
        return None
    try:
        return EXACT.quantize(Decimal(str(value)), Decimal("1e-9"))
    except ArithmeticError as wrong:
        raise UnreadableError(f"price {value!r}") from wrong


def whole(value: object) -> int | None:
    """Read a number that comes as a number or as text."""
    return None if value is None else int(str(value))


def source(text: str) -> str:
    """Return the documented name of a source, or the text as it was sent."""
    return _SOURCE_BY_SPELLING.get(text.lower(), text)


def error_code(value: object) -> str | None:
    """Read an error code: a number, a text, or null, which may be written as text."""
    return None if value in (None, "", "null") else str(value)


def minutes(seconds: int | None, increment: int = 60) -> Decimal | int | None:
    """Return the minutes that are billed, to ten decimals: a started increment counts. None: the length is unknown."""
    if seconds is None:
        return None
    billed = -(-seconds // increment) * increment
    whole = Decimal(billed) / 60
    return EXACT.quantize(whole, Decimal("1e-10")) if billed % 60 else billed // 60


def size(amount: Decimal | None) -> Decimal | None:
    """Return the size of a price, whatever its sign."""
    return None if amount is None else amount.copy_abs()


def charged(amount: Decimal | None, sign: int | None) -> Decimal | None:
    """Return what was charged. sign: of a charge; the other one is that of a credit. None: every price is a charge."""
    return size(amount) if amount is None or sign is None else EXACT.multiply(amount, sign)


def day_in(moment: datetime, zone: str) -> date:
    """Return the day of an instant in a time zone."""
    return moment.astimezone(ZoneInfo(zone)).date()


def month_of(day: date) -> date:
    """Return the first day of its month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """Return the first day of the month after."""
    return (month + timedelta(days=32)).replace(day=1)


def days_between(first: date, last: date) -> list[date]:
    """Return the days from first to last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def total(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """Add up what is known; None if nothing is."""
    known = [amount for amount in amounts if amount is not None]
    result = NOTHING
    for amount in known:
        result = EXACT.add(result, amount)
    return result if known else None


def over(amount: Decimal | None, number: Decimal | int | None) -> Fraction | None:
    """Divide exactly; None without an amount, or by nothing."""
    return None if amount is None or not number else Fraction(amount) / Fraction(number)


def percent(part: Decimal | None, of: Decimal | None) -> Fraction | None:
    """Return a part in percent of something; None if that is not known or 0."""
    share = over(part, of)
    return None if share is None else share * 100
