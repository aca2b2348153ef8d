"""Prices as the API writes them, to exact decimals; and decimals as people read them.

A price is text (`"-0.0025"`) or a JSON number (`0.0105`). A number is parsed from its JSON text, never through a
float. Its sign is not reliable: the documentation shows charges as negative, and those of sibling resources as
positive. So the sign is kept here, and `cost` is the absolute value. Zero is a real price; null means not priced yet.
"""

import re
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

import pyarrow as pa

PRICE = pa.decimal128(18, 9)

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_NINE_DECIMALS = Decimal("1e-9")
_INTEGER_DIGITS = 9
_HALF_EVEN = Context(prec=30, rounding=ROUND_HALF_EVEN)
_FEWEST_DECIMALS = 2
_RATE = Context(prec=4, rounding=ROUND_HALF_EVEN)


def is_unpriced(text: str) -> bool:
    """Check whether a price's text means that there is no price yet: it is empty or the word null."""
    return text.strip().lower() in {"", "null"}


def parse_price(text: str) -> Decimal | None:
    """Parse a price's text; None if it is not a number or does not fit decimal(18, 9).

    More than nine decimals are rounded half-even; `is_rounded` detects that.
    """
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    value = Decimal(text)
    if value and value.adjusted() >= _INTEGER_DIGITS:
        return None
    rounded = value.quantize(_NINE_DECIMALS, context=_HALF_EVEN)
    return rounded if rounded.adjusted() < _INTEGER_DIGITS else None


def is_rounded(text: str, value: Decimal) -> bool:
    """Check whether parsing `text` as `value` lost digits after the ninth decimal."""
    return Decimal(text.strip()) != value


def plain(value: Decimal) -> str:
    """Format a decimal as plain text with all its decimals: never 1E-7, never a binary fraction."""
    return format(value, "f")


def trimmed(text: str) -> str:
    """A plain decimal's text without the zeros at its end, which say nothing: 12.500 is 12.5, and 12.000 is 12."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def readable(
    values: Iterable[Decimal | None], *, signed: bool = False, is_rate: bool = False
) -> list[str | None]:
    """Amounts of one line or column for people: thousands separators, and in all of them the same decimals.

    There are as many decimals as the values use, two at least. Nothing is rounded, except for rates.

    Args:
        values: The amounts; null stays null.
        signed: Show a plus as well.
        is_rate: Count only the first four significant digits of each value.
    """
    known = list(values)
    decimals = max(
        [_FEWEST_DECIMALS, *(_decimals(value, is_rate=is_rate) for value in known if value is not None)]
    )
    form = f"{'+' if signed else ''},.{decimals}f"
    return [None if value is None else format(value, form) for value in known]


def amounts(
    values: Iterable[Decimal], currency: str, *, signed: bool = False, is_rate: bool = False
) -> list[str]:
    """The same, each with the code of its currency next to it."""
    return [f"{text} {currency}" for text in readable(values, signed=signed, is_rate=is_rate)]


def percentage(value: Decimal, *, signed: bool = False) -> str:
    """A percentage for people: all its decimals, with thousands separators."""
    return f"{value:{'+' if signed else ''},f} %"


def estimated(value: Decimal, *, signed: bool = False) -> str:
    """An estimate for people: two decimals, or as many as two significant digits take."""
    exponent = min(value.adjusted() - 1, -_FEWEST_DECIMALS) if value else -_FEWEST_DECIMALS
    rounded = value.quantize(Decimal(1).scaleb(exponent), ROUND_HALF_EVEN)
    return format(rounded, "+,f" if signed else ",f")


def _decimals(value: Decimal, *, is_rate: bool) -> int:
    shown = _RATE.plus(value) if is_rate else value
    return len(trimmed(plain(shown)).partition(".")[2])
