import json
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.values.money import (
    PRICE,
    amounts,
    estimated,
    is_rounded,
    is_unpriced,
    parse_price,
    plain,
    readable,
    trimmed,
)

READABLE = {
    "-0.0025": "-0.0025",
    "-0.00250": "-0.0025",
    "0.0105": "0.0105",
    "0.04": "0.04",
    "+0.04": "0.04",
    "0": "0",
    "0.0": "0",
    "-0.0": "0",
    "4": "4",
    "5.": "5",
    ".5": "0.5",
    "-.5": "-0.5",
    "007.5": "7.5",
    " 0.5 ": "0.5",
    "2.5e-3": "0.0025",
    "-2.5E-3": "-0.0025",
    "25E+1": "250",
    "1e8": "100000000",
    "0e9": "0",
    "0.000e12": "0",
    "-0e9999": "0",
    "1e-9": "0.000000001",
    "1e-9999": "0",
    "999999999.999999999": "999999999.999999999",
    "-999999999.999999999": "-999999999.999999999",
    "0.0024999999999999996": "0.0025",
    "0.010499999999999999": "0.0105",
    "0.1000000000000000055511151231257827": "0.1",
}

# Ten decimals and more are rounded to nine, a half to the even neighbour.
ROUNDED = {
    "0.0000000005": "0.000000000",
    "0.0000000015": "0.000000002",
    "0.0000000025": "0.000000002",
    "0.0000000035": "0.000000004",
    "-0.0000000025": "-0.000000002",
    "-0.0000000035": "-0.000000004",
    "0.00000000250000000000000000000000000000000000001": "0.000000003",
    "0.00000000249999999999999999999999999999999999999": "0.000000002",
    "25e-10": "0.000000002",
    "999999999.9999999994": "999999999.999999999",
}

NO_PRICES = [
    "free",
    "NaN",
    "nan",
    "sNaN",
    "Infinity",
    "-inf",
    "1_000",
    "0_0",
    "1,5",
    "1 000",
    "$1",
    "1 USD",
    "--1",
    "+-1",
    "- 1",
    ".",
    "-",
    "e5",
    "1e",
    "1e+",
    "1.2.3",
    "0x10",
    "true",
    "{}",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "1\N{ARABIC-INDIC DIGIT TWO}",
    "\N{FULLWIDTH DIGIT ONE}.5",
    "\N{MINUS SIGN}1",
    "\N{SUPERSCRIPT TWO}",
    "1e99999",
    "1e9",
    "1000000000",
    "-1000000000",
    "999999999.9999999995",
    "0.1e10",
]

NUMBER_TEXTS = st.from_regex(r"\A[+-]?(\d{1,12}(\.\d{0,14})?|\.\d{1,14})([eE][+-]?\d{1,2})?\Z").map(
    lambda text: "".join(str(int(letter)) if letter.isdecimal() else letter for letter in text)
)


def nanos(text: str) -> int | None:
    """Round to billionths, half to even, with exact fractions; None if there are more than nine integer digits."""
    billionths = round(Fraction(text) * 10**9)
    return billionths if abs(billionths) < 10**18 else None


@pytest.mark.parametrize(("text", "value"), [*READABLE.items(), *ROUNDED.items()])
def test_parse_price_is_exact(text: str, value: str) -> None:
    assert parse_price(text) == Decimal(value)


@pytest.mark.parametrize("text", ROUNDED)
def test_is_rounded_detects_lost_digits(text: str) -> None:
    price = parse_price(text)
    assert price is not None
    assert is_rounded(text, price)


@pytest.mark.parametrize(
    "text", ["0.0025", " -0.002500000000000 ", "25e-4", "0", "0e9", "999999999.999999999"]
)
def test_is_rounded_is_false_up_to_nine_decimals(text: str) -> None:
    price = parse_price(text)
    assert price is not None
    assert not is_rounded(text, price)


@pytest.mark.parametrize("text", NO_PRICES)
def test_parse_price_returns_none_if_invalid_or_too_large(text: str) -> None:
    assert parse_price(text) is None


@pytest.mark.parametrize("text", ["", " ", "null", "NULL", " Null\n"])
def test_is_unpriced_for_empty_and_the_word_null(text: str) -> None:
    assert is_unpriced(text)
    assert parse_price(text) is None


@pytest.mark.parametrize("text", ["0", "0.0", "-0", "none", "nullnull", "free"])
def test_is_unpriced_is_false_for_zero_and_other_words(text: str) -> None:
    assert not is_unpriced(text)


@given(NUMBER_TEXTS)
@example("0.0000000005")
@example("-999999999.9999999995")
@example("0e99")
def test_parse_price_rounds_half_even_to_billionths(text: str) -> None:
    expected = nanos(text)
    price = parse_price(text)
    assert price == (None if expected is None else Decimal(expected).scaleb(-9))
    if price is not None:
        assert is_rounded(text, price) == (Fraction(text) != Fraction(price))
        assert pa.scalar(price, PRICE).as_py() == price


@given(
    st.text(st.characters(codec="utf-8")) | st.text("0123456789+-.eE_ \N{ARABIC-INDIC DIGIT ONE}", max_size=8)
)
def test_parse_price_accepts_only_ascii_digits_in_range(text: str) -> None:
    price = parse_price(text)
    if price is not None:
        assert text.strip().isascii()
        assert "_" not in text
        assert price == Decimal(nanos(text) or 0).scaleb(-9)


@given(st.integers(1 - 10**18, 10**18 - 1))
def test_price_round_trips_through_text(billionths: int) -> None:
    price = Decimal(billionths).scaleb(-9)
    assert parse_price(plain(price)) == price
    assert not is_rounded(plain(price), price)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-1000, max_value=1000))
def test_price_is_exact_from_a_json_number(price: Decimal) -> None:
    number = format(price, "f")
    assert json.loads(number, parse_float=str, parse_int=str) == number
    assert parse_price(number) == price


@pytest.mark.parametrize(
    ("value", "text"),
    {
        Decimal("1E-7"): "0.0000001",
        Decimal("-0.002500000"): "-0.002500000",
        Decimal("1E+2"): "100",
        Decimal("0E-9"): "0.000000000",
        Decimal("123456789012345678901234567890.5"): "123456789012345678901234567890.5",
    }.items(),
)
def test_plain_has_all_decimals_and_no_exponent(value: Decimal, text: str) -> None:
    assert plain(value) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("12.500", "12.5"), ("12.000", "12"), ("-0.10", "-0.1"), ("100", "100"), ("0.0", "0")],
)
def test_trimmed_drops_the_zeros_at_the_end(text: str, expected: str) -> None:
    assert trimmed(text) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        ([None], [None]),
        (["0.000000000"], ["0.00"]),
        (["12"], ["12.00"]),
        (["-1.5"], ["-1.50"]),
        (["0.123456789"], ["0.123456789"]),
        (["100.0"], ["100.00"]),
        (["1E+3", "1E-7"], ["1,000.0000000", "0.0000001"]),
        (["3.5342", "1.934", None], ["3.5342", "1.9340", None]),
        (["1234567.5", "-1000"], ["1,234,567.50", "-1,000.00"]),
        (["12345678901234567890123456789.123456789"], ["12,345,678,901,234,567,890,123,456,789.123456789"]),
    ],
)
def test_readable_has_common_decimals(values: list[str | None], expected: list[str | None]) -> None:
    assert readable(None if value is None else Decimal(value) for value in values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["0.004"], ["0.004"]),
        (["0.5"], ["0.50"]),
        (["0.123456", "0.5"], ["0.1235", "0.5000"]),
        (["0.000375219"], ["0.0003752"]),
        (["1.23456", "0"], ["1.235", "0.000"]),
        (["12345.678"], ["12,345.68"]),
    ],
)
def test_readable_cuts_rates_to_four_digits(values: list[str], expected: list[str]) -> None:
    assert readable(map(Decimal, values), is_rate=True) == expected


@given(st.lists(st.decimals(-(10**28), 10**28, places=9), max_size=5))
def test_readable_loses_no_digit(values: list[Decimal]) -> None:
    shown = [str(text) for text in readable(values)]
    assert [Decimal(text.replace(",", "")) for text in shown] == values
    assert len({len(text.partition(".")[2]) for text in shown}) <= 1


def test_amounts_have_their_currency_next_to_them() -> None:
    assert amounts([Decimal("3.5342"), Decimal(-1)], "USD", signed=True) == ["+3.5342 USD", "-1.0000 USD"]
    assert amounts([Decimal("0.012345678")], "EUR", is_rate=True) == ["0.01235 EUR"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", "0.00"),
        ("12345.678", "12,345.68"),
        ("0.0012345", "0.0012"),
        ("0.12345", "0.12"),
        ("-3", "-3.00"),
    ],
)
def test_estimated_needs_few_decimals(value: str, expected: str) -> None:
    assert estimated(Decimal(value)) == expected
    assert estimated(Decimal(value), signed=True) == (
        expected if expected.startswith("-") else f"+{expected}"
    )
