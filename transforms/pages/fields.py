"""Readers for the fields that come in more than one form: a value as sent to a value of the lake.

Each reader takes what the JSON held and returns a `ParsedField`: the value, and what was odd about it, if anything.
Something odd never stops a record; only a price that is no number does (`unreadable`).
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import msgspec

from transforms.schema import NO_CURRENCY, SOURCES, STATUSES, UNKNOWN
from transforms.values import money


class ParsedField(NamedTuple):
    """A value for the lake and, when it surprises, the name of the oddity to count."""

    value: object
    oddity: str | None = None


class PriceReading(NamedTuple):
    """A price, its text without quotes, what is odd about it, and whether it is no number at all."""

    value: Decimal | None
    text: str | None
    oddity: str | None = None
    unreadable: bool = False


# The same source is spelled differently on different pages of the documentation: compared without case, and
# with the one longer spelling that was met.
_SOURCE_BY_FOLDED_NAME = {name.lower(): name for name in SOURCES} | {
    "startconferencerecordingapi": "StartConferenceRecording"
}
# The same few texts come back on page after page.
_remembered = lru_cache(maxsize=20_000, typed=True)

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
    """One of the seven documented names, compared without case; any other name verbatim and counted."""
    if value is None or not value.strip():
        return ParsedField(UNKNOWN, "missing source")
    known = _SOURCE_BY_FOLDED_NAME.get(value.strip().lower())
    return ParsedField(known) if known else ParsedField(value, "unknown source")


def read_status(value: str | None) -> ParsedField:
    """The status in lower case; an undocumented one is kept and counted."""
    if value is None or not value.strip():
        return ParsedField(UNKNOWN, "missing status")
    status = value.strip().lower()
    return ParsedField(status, None if status in STATUSES else "unknown status")


def read_currency(value: str | None) -> ParsedField:
    """The currency in upper case, XXX when there is none. Text that is no ISO code stays a currency of its own."""
    if _is_absent(value) or value is None:
        return ParsedField(NO_CURRENCY)
    currency = value.strip().upper()
    is_code = len(currency) == 3 and currency.isascii() and currency.isalpha()
    return ParsedField(currency, None if is_code else "unknown currency")


def read_channels(value: str | int | None) -> ParsedField:
    """The number of channels; null when it is not readable."""
    if _is_absent(value):
        return ParsedField(None, "missing channels")
    channels = _whole_number(value, _INT8_MAX)
    if channels is None:
        return ParsedField(None, "unreadable channels")
    return ParsedField(channels, None if channels in (1, 2) else "unknown channels")


@_remembered
def read_duration(value: str | int | None) -> ParsedField:
    """Seconds; null while the recording is not done, and when the text is no whole number of seconds."""
    if _is_absent(value):
        return ParsedField(None)
    seconds = _whole_number(value, _INT32_MAX)
    return ParsedField(seconds, "unreadable duration" if seconds is None else None)


def read_error_code(value: str | int | None) -> ParsedField:
    """The code as text; the word "null" was met and means none."""
    return ParsedField(None if _is_absent(value) else str(value).strip())


@_remembered
def read_price(json_text: bytes) -> PriceReading:
    """The exact price from its JSON text: string or number alike; null, "" and "null" mean not priced yet."""
    text = json_text.decode(errors="replace")
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
