"""Prices as the API writes them, to exact decimals.

A price is text (`"-0.0025"`) or a JSON number (`0.0105`). A number is parsed from its JSON text, never through a
float. Its sign is not reliable: the documentation shows charges as negative, and those of sibling resources as
positive. So the sign is kept here, and `cost` is the absolute value. Zero is a real price; null means not priced yet.
"""

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal

import pyarrow as pa

PRICE = pa.decimal128(18, 9)

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_NINE_DECIMALS = Decimal("1e-9")
_INTEGER_DIGITS = 9
_HALF_EVEN = Context(prec=30, rounding=ROUND_HALF_EVEN)


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


def shortened(amount: str) -> str:
    """A plain decimal without the zeros at its end, but for two decimals. Nothing is rounded."""
    whole, _, decimals = amount.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
