from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.support.samples.transforms import lake_row
from transforms.ingest.day_counts import (
    FINAL_STATUSES,
    UNSETTLED_COLUMNS,
    DayCount,
    counts,
    tally_by_day,
    unsettled_sids,
)
from transforms.schema import LAKE_SCHEMA

DAY, OTHER = date(2026, 9, 1), date(2026, 9, 2)
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
GONE = datetime(2026, 9, 2, 23, 59, tzinfo=UTC)


def counted(*rows: Mapping[str, Any], today: date = DAY) -> dict[date, DayCount]:
    """Count recordings by day, and check that as many are listed as unsettled."""
    table = pa.Table.from_pylist(
        [lake_row(f"R{number}", **row) for number, row in enumerate(rows)], LAKE_SCHEMA
    )
    found = counts(tally_by_day(table), today)
    sids = unsettled_sids(table.select(UNSETTLED_COLUMNS), today)
    assert len(sids) == sum(count.unsettled for count in found.values())
    return found


def test_days_are_those_of_creation_in_utc_and_in_order() -> None:
    late = {"created_at": datetime(2026, 9, 2, tzinfo=UTC)}
    early = {"created_at": datetime(2026, 9, 1, 23, 59, 59, tzinfo=UTC)}
    assert [*counted(late, early, early).items()] == [(DAY, DayCount(2, 0, 2)), (OTHER, DayCount(1, 0, 1))]


@pytest.mark.parametrize("status", [*FINAL_STATUSES, "in-progress", "new kind"])
@pytest.mark.parametrize("price", [None, Decimal(0)])
def test_recording_waits_for_a_price_or_its_last_status(status: str, price: Decimal | None) -> None:
    found = counted({"created_at": NOON, "status": status, "price": price})
    has_no_audio = status in ("absent", "failed")
    waits = status not in FINAL_STATUSES or (price is None and not has_no_audio)
    assert found == {DAY: DayCount(1, int(waits), 1)}


def test_deleted_recording_waits_for_its_price_while_listed() -> None:
    waiting = {"created_at": NOON, "status": "deleted", "price": None, "deleted_at": GONE}
    rows = [waiting, waiting | {"status": "completed"}, waiting | {"price": Decimal(1)}]
    assert counted(*rows, today=date(2026, 10, 12)) == {DAY: DayCount(3, 1, 0)}
    assert counted(*rows, today=date(2026, 10, 13)) == {DAY: DayCount(3, 0, 0)}


def test_counts_of_several_files_add_up() -> None:
    table = pa.Table.from_pylist([lake_row("A", created_at=NOON, price=None)], LAKE_SCHEMA)
    assert counts([*tally_by_day(table), *tally_by_day(table)], DAY) == {DAY: DayCount(2, 2, 2)}
    assert tally_by_day(LAKE_SCHEMA.empty_table()) == []
