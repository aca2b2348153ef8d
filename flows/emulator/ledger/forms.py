"""The different forms in which the Recordings API writes the same value.

The truth about a recording (an instant, an amount, a name) is separate from how it is written in a response.
Every table here maps the name of a form to the function that writes a value in it, so that tests can iterate over
all of them. The forms were seen in real responses or are in the vendors' documentation, which contradicts itself.
A client must handle all of them.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)  # wide enough that no sum of prices is ever rounded
NINE_DECIMALS = Decimal("1e-9")

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_HOURS_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))
_SECONDS = tuple(f"{second:02d}" for second in range(60))


def round_nine(price: Decimal) -> Decimal:
    """Return the absolute value of a price, rounded half-even to nine decimals."""
    return EXACT.quantize(price.copy_abs(), NINE_DECIMALS)


def _date_form(day_template: str, zone: str, shift_seconds: int = 0) -> Callable[[int], str]:
    """Return a function that writes epoch seconds (UTC) as a date.

    `shift_seconds` is the offset of `zone`, so that the instant stays the same.
    """

    @lru_cache(maxsize=4096)
    def day_text(day_number: int) -> str:
        day = date(1970, 1, 1) + timedelta(days=day_number)
        name = _MONTHS[day.month - 1]
        return day_template.format(
            weekday=_WEEKDAYS[day.weekday()],
            next_weekday=_WEEKDAYS[(day.weekday() + 1) % 7],
            day=day.day,
            month=day.month,
            mon=name[:3],
            sept="Sept" if day.month == 9 else name[:3],
            name=name,
            year=day.year,
        )

    def write(epoch: int) -> str:
        day_number, second = divmod(epoch + shift_seconds, 86_400)
        return f"{day_text(day_number)}{_HOURS_MINUTES[second // 60]}{_SECONDS[second % 60]}{zone}"

    return write


_RFC_2822 = "{weekday}, {day:02d} {mon} {year:04d} "
DATE_FORMS: Mapping[str, Callable[[int], str]] = {
    "common": _date_form(_RFC_2822, " +0000"),
    "Sept": _date_form("{weekday}, {day:02d} {sept} {year:04d} ", " +0000"),  # differs in September only
    "GMT": _date_form(_RFC_2822, " GMT"),
    "UTC": _date_form(_RFC_2822, " UTC"),
    "Z": _date_form(_RFC_2822, " Z"),
    "-0000": _date_form(_RFC_2822, " -0000"),
    "+0100": _date_form(_RFC_2822, " +0100", 3600),
    "-05:00": _date_form(_RFC_2822, " -05:00", -5 * 3600),
    "EST": _date_form(_RFC_2822, " EST", -5 * 3600),
    "full month": _date_form("{weekday}, {day:02d} {name} {year:04d} ", " +0000"),
    "no weekday": _date_form("{day:02d} {mon} {year:04d} ", " +0000"),
    "wrong weekday": _date_form("{next_weekday}, {day:02d} {mon} {year:04d} ", " +0000"),
    "one-digit day": _date_form(
        "{weekday}, {day} {mon} {year:04d} ", " +0000"
    ),  # differs before the 10th only
    "ISO 8601": _date_form("{year:04d}-{month:02d}-{day:02d}T", "Z"),
}


def _plain(price: Decimal) -> str:
    """Write the absolute value of a price as plain digits: with a decimal point and without an exponent."""
    text = f"{price.copy_abs():f}"
    return text if "." in text else text + ".0"


def _long(price: Decimal) -> str:
    """Write more than nine decimals; the extra digits do not change the value at nine decimals."""
    return f"{round_nine(price):f}01"


def _noisy(price: Decimal) -> str:
    """Write a price with float noise: 0.0024999999999999996 for 0.0025. At nine decimals it is the same."""
    rounded = round_nine(price)
    return f"{EXACT.subtract(rounded, Decimal('4e-19')):f}" if rounded else "0.0"


# The sign carries no information: charges are negative in the documentation, positive in related resources.
SIGN_FORMS: Mapping[str, str] = {"negative": "-", "positive": ""}
# Each writes (sign, price) as JSON text.
PRICE_FORMS: Mapping[str, Callable[[str, Decimal], str]] = {
    "text": lambda sign, price: f'"{sign}{_plain(price)}"',
    "padded text": lambda sign, price: f'"{sign}{_plain(price)}0"',
    "long text": lambda sign, price: f'"{sign}{_long(price)}"',
    "number": lambda sign, price: sign + _plain(price),
    "noisy number": lambda sign, price: sign + _noisy(price),
}
DURATION_FORMS: Mapping[str, Callable[[int], str]] = {"text": lambda n: f'"{n}"', "number": str}
# Each writes the whole JSON member, because some forms send `channel` in addition to `channels`.
CHANNELS_FORMS: Mapping[str, Callable[[int], str]] = {
    "number": lambda n: f'"channels":{n}',
    "text": lambda n: f'"channels":"{n}"',
    "text twice": lambda n: f'"channel":"{n}","channels":"{n}"',
}
_OTHER_SPELLING = {
    "OutboundAPI": "OutBoundApi",
    "StartCallRecordingAPI": "StartCallRecordingApi",
    "StartConferenceRecording": "StartConferenceRecordingAPI",
}
SOURCE_FORMS: Mapping[str, Callable[[str], str]] = {
    "canonical": str,
    "other spelling": lambda name: _OTHER_SPELLING.get(name, name),
    "upper case": str.upper,
    "lower case": str.lower,
}
CURRENCY_FORMS: Mapping[str, Callable[[str], str]] = {"upper case": str, "lower case": str.lower}
STATUS_FORMS: Mapping[str, Callable[[str], str]] = {"as is": str, "upper case": str.upper}


def _error_number(code: str | None) -> str:
    is_number = code is not None and code.isascii() and code.isdigit() and not code.startswith("0")
    return str(code) if is_number else json.dumps(code)


# Each writes JSON text. Without an error it is null, or sometimes the text "null".
ERROR_FORMS: Mapping[str, Callable[[str | None], str]] = {
    "text": json.dumps,
    "number": _error_number,
    "null text": lambda code: json.dumps("null" if code is None else code),
}
# The resource that the recording's uri is below. Without a call (or conference) it is the account.
URI_FORMS: tuple[str, ...] = ("call", "account", "conference")


@dataclass(frozen=True, slots=True)
class Forms:
    """The form in which each field of one recording is written: names from the tables above."""

    created: str = "common"
    updated: str = "common"
    started: str = "common"
    ended: str = "common"
    sign: str = "negative"
    price: str = "text"
    duration: str = "text"
    channels: str = "number"
    source: str = "canonical"
    currency: str = "upper case"
    error: str = "text"
    uri: str = "call"
    status: str = "as is"


COMMON = Forms()
_DATES = tuple(DATE_FORMS)
# Each field of `Forms` and its possible names.
FORMS: Mapping[str, tuple[str, ...]] = {
    "created": _DATES,
    "updated": _DATES,
    "started": _DATES,
    "ended": _DATES,
    "sign": tuple(SIGN_FORMS),
    "price": tuple(PRICE_FORMS),
    "duration": tuple(DURATION_FORMS),
    "channels": tuple(CHANNELS_FORMS),
    "source": tuple(SOURCE_FORMS),
    "currency": tuple(CURRENCY_FORMS),
    "error": tuple(ERROR_FORMS),
    "uri": URI_FORMS,
    "status": tuple(STATUS_FORMS),
}
