from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.support.samples.transforms import lake_row, utc
from transforms.normalize.corrections import CORRECTION_SCHEMA, corrections, with_costs
from transforms.schema import LAKE_SCHEMA

SEEN = utc(2018, 10, 9)
SEEN_SCHEMA = LAKE_SCHEMA.append(pa.field("seen_at", pa.timestamp("us", "UTC")))


def corrected(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    old = pa.Table.from_pylist([before], LAKE_SCHEMA)
    new = pa.Table.from_pylist([{**after, "seen_at": SEEN}], SEEN_SCHEMA)
    rows: list[dict[str, Any]] = corrections(old, new).to_pylist()
    return rows


def correction(sid: str, price: str = "0.01") -> dict[str, Any]:
    return {
        "account_sid": "A",
        "recording_sid": sid,
        "created_at": utc(2018, 9, 1),
        "seen_at": SEEN,
        "price_before": Decimal("-0.005"),
        "price_after": Decimal(price),
        "currency_before": "USD",
        "currency_after": "USD",
        "raw_page_before": "old",
        "raw_page_after": "new",
    }


def test_corrections_have_both_prices_and_both_pages() -> None:
    before = lake_row("R", price=Decimal("-0.005"), raw_page="old")
    (row,) = corrected(before, {**before, "price": Decimal("-0.0075"), "raw_page": "new"})
    assert row == {
        "account_sid": before["account_sid"],
        "recording_sid": "R",
        "created_at": before["created_at"],
        "seen_at": SEEN,
        "price_before": Decimal("-0.005"),
        "price_after": Decimal("-0.0075"),
        "currency_before": before["currency"],
        "currency_after": before["currency"],
        "raw_page_before": "old",
        "raw_page_after": "new",
    }


@pytest.mark.parametrize(
    ("change", "is_correction"),
    [
        ({}, False),
        ({"status": "deleted"}, False),
        ({"price_raw": "-0.00500"}, False),
        ({"price": Decimal("0.005")}, True),
        ({"price": None}, True),
        ({"price": Decimal(0)}, True),
        ({"currency": "EUR"}, True),
    ],
)
def test_corrections_by_kind_of_change(change: dict[str, Any], is_correction: bool) -> None:
    before = lake_row("R", price=Decimal("-0.005"))
    assert bool(corrected(before, before | change)) is is_correction


def test_corrections_include_a_withdrawn_but_not_a_first_price() -> None:
    never = lake_row("R", price=None, first_priced_at=None)
    assert corrected(never, {**never, "price": Decimal("0.01")}) == []
    taken_back = lake_row("R", price=None, first_priced_at=SEEN - timedelta(days=9))
    (row,) = corrected(taken_back, {**taken_back, "price": Decimal("0.01")})
    assert (row["price_before"], row["price_after"]) == (None, Decimal("0.01"))


def test_with_costs_adds_absolute_prices() -> None:
    rows = [correction("A", price="-0.02"), {**correction("B"), "price_after": None}]
    with_both = with_costs(pa.Table.from_pylist(rows, CORRECTION_SCHEMA))
    assert with_both["cost_before"].to_pylist() == [Decimal("0.005")] * 2
    assert with_both["cost_after"].to_pylist() == [Decimal("0.02"), None]
    assert with_costs(CORRECTION_SCHEMA.empty_table()).num_rows == 0
