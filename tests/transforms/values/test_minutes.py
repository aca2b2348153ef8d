"""Billed minutes: whole ones become integers, others keep all digits."""

from decimal import Decimal

import pyarrow as pa
import pytest

from transforms.values.minutes import MINUTES, shown_minutes, with_whole_minutes
from transforms.values.money import PRICE


def minutes(*values: str | None) -> pa.Array:
    return pa.array([None if value is None else Decimal(value) for value in values], MINUTES)


def test_with_whole_minutes_changes_whole_columns_only() -> None:
    table = pa.table(
        {
            "whole": minutes("12", None, "-3"),
            "parts": minutes("12", "0.0166666667", None),
            "cost": pa.array([Decimal(1), Decimal(2), None], PRICE),
            "none": minutes(None, None, None),
        }
    )
    found = with_whole_minutes(table)
    assert found.schema.names == table.schema.names
    assert found["whole"].to_pylist() == [12, None, -3]
    assert [str(found[name].type) for name in ("whole", "none")] == ["int64", "int64"]
    assert found.select(["parts", "cost"]) == table.select(["parts", "cost"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12, "12"),
        (Decimal("12.0000000000"), "12"),
        (Decimal("1234.1000000000"), "1,234.1"),
        (Decimal("0.0166666667"), "0.02"),
    ],
)
def test_shown_minutes_have_two_decimals_at_most(value: Decimal | int, text: str) -> None:
    assert shown_minutes(value) == text
