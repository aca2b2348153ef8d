"""Parsers for the fields that the API sends in more than one form.

Each parser takes the value from the JSON and returns a `ParsedField`: the value for the lake, and what was odd about
it, if anything. An oddity never rejects a record; only a price that is not a number does (`unreadable`).
"""

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import NamedTuple

import msgspec

from transforms.pages.bounds import LONGEST_TEXT
from transforms.pages.oddities import shown
from transforms.schema import NO_CURRENCY, SOURCES, STATUSES, UNKNOWN
from transforms.values import money


class ParsedField(NamedTuple):
    """A value for the lake and, if it is unexpected, the name of the oddity to count."""

    value: object
    oddity: str | None = None


class PriceReading(NamedTuple):
    """A price, its text without quotes, what is odd about it, and whether it could not be parsed at all."""

    value: Decimal | None
    text: str | None
    oddity: str | None = None
    unreadable: bool = False


# Different pages of the documentation spell the same source differently. Names are compared case-insensitively, and
# one longer spelling that the API was seen to send is mapped.
_SOURCE_BY_FOLDED_NAME = {name.lower(): name for name in SOURCES} | {
    "startconferencerecordingapi": "StartConferenceRecording"
}
# Pages repeat the same few texts.
_remembered = lru_cache(maxsize=20_000, typed=True)

_SECONDS = re.compile(r"\+?(\d{1,10}\.\d{1,18})", re.ASCII)
_THOUSANDTHS = Decimal("0.001")
_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d):([0-5]\d(?:\.\d{1,18})?)", re.ASCII)
_ISO_8601 = re.compile(
    r"P(?:(\d{1,5})D)?(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,10}(?:[.,]\d{1,18})?)S)?)?", re.ASCII
)
_WHOLE_NUMBER = re.compile(r"([+-]?\d{1,18})(?:\.0*)?", re.ASCII)
_INT8_MAX = 2**7 - 1
_INT32_MAX = 2**31 - 1


def _whole_number(value: str | int | None, limit: int) -> int | None:
    if isinstance(value, str):
        match = _WHOLE_NUMBER.fullmatch(value.strip())
        value = int(match[1]) if match else None
    return value if value is not None and 0 <= value <= limit else None


def _is_absent(value: str | int | None) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in {"", "null"})


def read_source(value: str | None) -> ParsedField:
    """Parse a source: one of the seven documented names, in any case. Any other name is kept verbatim and counted."""
    if value is None or not value.strip():
        return ParsedField(UNKNOWN, "missing source")
    known = _SOURCE_BY_FOLDED_NAME.get(value.strip().lower())
    return ParsedField(known) if known else ParsedField(value, "unknown source")


def read_status(value: str | None) -> ParsedField:
    """Parse a status into lower case; an undocumented one is kept and counted."""
    if value is None or not value.strip():
        return ParsedField(UNKNOWN, "missing status")
    status = value.strip().lower()
    return ParsedField(status, None if status in STATUSES else "unknown status")


def read_currency(value: str | None) -> ParsedField:
    """Parse a currency into upper case, XXX if there is none. Text that is not an ISO code is kept and counted."""
    if _is_absent(value) or value is None:
        return ParsedField(NO_CURRENCY)
    currency = value.strip().upper()
    is_code = len(currency) == 3 and currency.isascii() and currency.isalpha()
    return ParsedField(currency, None if is_code else "unknown currency")


def read_channels(value: str | int | None) -> ParsedField:
    """Parse the number of channels; null if it cannot be parsed."""
    if _is_absent(value):
        return ParsedField(None, "missing channels")
    channels = _whole_number(value, _INT8_MAX)
    if channels is None:
        return ParsedField(None, "unreadable channels")
    return ParsedField(channels, None if channels in (1, 2) else "unknown channels")


@_remembered
def read_duration(value: str | int | None) -> ParsedField:
    """Parse a duration into seconds; null while the recording is not done, or if the value is not a duration.

    Seconds are documented, as text or number. `42.7`, `00:01:23` and `PT11.64S` (ISO 8601) are read too, and counted.
    A part of a second is rounded up: a started minute is billed in full, so 60.2 seconds are two minutes. Less than
    half a thousandth is the noise of a float, as in 60.00000000000001, and is not a part.
    """
    if _is_absent(value):
        return ParsedField(None)
    seconds = _whole_number(value, _INT32_MAX)
    if seconds is not None:
        return ParsedField(seconds)
    exact = _other_duration(str(value).strip())
    if exact is None or exact > _INT32_MAX:
        return ParsedField(None, "unreadable duration")
    exact = exact.quantize(_THOUSANDTHS)
    rounded = int(exact.to_integral_value(ROUND_CEILING))
    return ParsedField(
        rounded, "duration in another form" if rounded == exact else "duration rounded up to a second"
    )


def _other_duration(text: str) -> Decimal | None:
    if match := _SECONDS.fullmatch(text):
        return Decimal(match[1])
    if match := _CLOCK.fullmatch(text):
        return int(match[1]) * 3600 + int(match[2]) * 60 + Decimal(match[3])
    match = _ISO_8601.fullmatch(text.upper())
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes = (int(part or 0) for part in match.groups()[:3])
    return days * 86_400 + hours * 3600 + minutes * 60 + Decimal((match[4] or "0").replace(",", "."))


def read_error_code(value: str | int | None) -> ParsedField:
    """Parse an error code into text; the API also sends the word "null" for no error."""
    return ParsedField(None if _is_absent(value) else str(value).strip())


@_remembered
def read_price(json_text: bytes) -> PriceReading:
    """Parse the exact price from its JSON text, a string or a number; null, "" and "null" mean not priced yet."""
    text = json_text.decode(errors="replace")
    if len(text) > LONGEST_TEXT:
        return PriceReading(None, shown(text), unreadable=True)
    if text.startswith('"'):
        try:
            text = msgspec.json.decode(json_text, type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return PriceReading(None, text, unreadable=True)
    if money.is_unpriced(text):
        return PriceReading(None, None)
    price = money.parse_price(text)
    if price is None:
        return PriceReading(None, text, unreadable=True)
    oddity = "price rounded to nine decimals" if money.is_rounded(text, price) else None
    return PriceReading(price, text, oddity)
