from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.transforms import lake_row, utc
from transforms.model.statements import bounds
from transforms.normalize.late_changes import late_changes
from transforms.schema import LAKE_SCHEMA

CREATED = utc(2018, 9, 10)
SEEN = utc(2018, 10, 9)
SEEN_SCHEMA = LAKE_SCHEMA.append(pa.field("seen_at", pa.timestamp("us", "UTC")))


def changed(before: dict[str, Any], after: dict[str, Any], seen_at: datetime = SEEN) -> list[dict[str, Any]]:
    old = pa.Table.from_pylist([before], LAKE_SCHEMA)
    new = pa.Table.from_pylist([{**after, "seen_at": seen_at}], SEEN_SCHEMA)
    rows: list[dict[str, Any]] = late_changes(old, new).to_pylist()
    return rows


def test_late_changes_have_both_versions() -> None:
    before = lake_row(
        "R", created_at=CREATED, price=None, currency="XXX", first_priced_at=None, raw_page="old"
    )
    (row,) = changed(before, before | {"price": Decimal("0.01"), "currency": "USD", "raw_page": "new"})
    assert (row["price_before"], row["price_after"]) == (None, Decimal("0.01"))
    assert (row["currency_before"], row["currency_after"]) == ("XXX", "USD")
    assert (row["raw_page_before"], row["raw_page_after"]) == ("old", "new")
    assert (row["first_seen_at"], row["first_priced_at"], row["seen_at"]) == (
        before["first_seen_at"],
        None,
        SEEN,
    )


@pytest.mark.parametrize(
    ("facts", "is_kept"),
    [
        ({}, False),
        ({"status": "deleted"}, False),
        ({"price_raw": "-0.00500"}, False),
        ({"price": None}, True),
        ({"price": Decimal(0)}, True),
        ({"currency": "EUR"}, True),
        ({"source": "Trunking"}, True),
        ({"channels": None}, True),
        ({"duration_seconds": None}, True),
        ({"created_at": CREATED + timedelta(seconds=1)}, True),
    ],
)
def test_late_changes_are_those_that_move_a_figure(facts: dict[str, Any], is_kept: bool) -> None:
    before = lake_row("R", created_at=CREATED, channels=1, duration_seconds=60)
    assert bool(changed(before, before | facts)) is is_kept


def test_late_changes_exclude_those_seen_within_the_month() -> None:
    before = lake_row("R", created_at=CREATED)
    assert changed(before, before | {"source": "Trunking"}, utc(2018, 9, 30, 9)) == []
    assert changed(before, before | {"source": "Trunking"}, utc(2018, 9, 30, 10)) != []
    # It moves from or to a month that is over.
    moved = before | {"created_at": utc(2018, 8, 20)}
    assert changed(before, moved, utc(2018, 9, 11)) != []
    assert changed(moved, before, utc(2018, 9, 11)) != []


@given(
    st.integers(0, 365 * 24 * 3600),
    st.sampled_from(
        ["UTC", "Etc/GMT+12", "Pacific/Kiritimati", "America/New_York", "Asia/Kolkata", "Europe/Berlin"]
    ),
    st.integers(0, 10**9),
)
def test_late_changes_allow_for_every_time_zone(second: int, zone: str, later: int) -> None:
    created_at = utc(2018, 1, 1) + timedelta(seconds=second)
    month = created_at.astimezone(ZoneInfo(zone)).date().replace(day=1)
    begins, ends = bounds(month, ZoneInfo(zone))
    assert begins <= created_at < ends
    before = lake_row("R", created_at=created_at)
    assert changed(before, before | {"source": "Trunking"}, ends + timedelta(microseconds=later)) != []
