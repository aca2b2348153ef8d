"""Captured pages through the whole pipeline: what a real service sent, and what the documentation shows."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from flows.emulator import open_replay, serve
from tests.support import CAPTURES, GOLDEN
from tests.support.runs.ledger_runs import ledger_cells, rows_of, run_against, warehouse_cells

AUTUMN_2018 = (date(2018, 9, 1), date(2018, 12, 31))
pytestmark = pytest.mark.builds("marts.daily_spend")


@pytest.mark.parametrize(
    "folder", [GOLDEN / "pages", GOLDEN / "sample"], ids=["a real page's form", "the documented form"]
)
def test_handwritten_page_gives_the_expected_rows(folder: Path, tmp_path: Path) -> None:
    with serve(open_replay(folder)) as emulator:
        summary = run_against(emulator, tmp_path, *AUTUMN_2018)
        assert warehouse_cells(tmp_path) == ledger_cells(emulator.totals())
    assert (summary.exit_code, summary.new, summary.rejected) == (0, 1, 0)
    assert not summary.oddities


def test_documented_sample_is_read_to_the_second_and_digit(tmp_path: Path) -> None:
    with serve(open_replay(GOLDEN / "sample")) as emulator:
        run_against(emulator, tmp_path, *AUTUMN_2018)
    (row,) = rows_of(tmp_path, "select * from marts.fct_recordings")
    assert row["created_at"] == datetime(2018, 9, 25, 23, 0, 0, tzinfo=UTC)
    assert row["updated_at"] == datetime(2018, 9, 26, 23, 0, 4, tzinfo=UTC)
    assert (row["price"], row["price_raw"], row["cost"]) == (Decimal("-0.0025"), "-0.0025", Decimal("0.0025"))
    assert (row["duration_seconds"], row["billed_minutes"], row["currency"]) == (4, 1, "USD")
    assert row["usage_date"] == date(2018, 9, 25)


def test_captured_pages_give_the_expected_rows(tmp_path: Path) -> None:
    folder = CAPTURES if CAPTURES.exists() else GOLDEN / "pages"
    with serve(open_replay(folder)) as emulator:
        summary = run_against(emulator, tmp_path / "data", *AUTUMN_2018)
        assert warehouse_cells(tmp_path / "data") == ledger_cells(emulator.totals())
    assert (summary.exit_code, summary.rejected) == (0, 0)
    (row,) = rows_of(
        tmp_path / "data", "select created_at, price, price_raw, cost, channels from marts.fct_recordings"
    )
    assert row == {
        "created_at": datetime(2018, 12, 19, 16, 28, 16, tzinfo=UTC),
        "price": Decimal("0E-9"),
        "price_raw": "0.0",
        "cost": Decimal("0E-9"),
        "channels": 1,
    }


def test_raw_page_is_kept_byte_for_byte(tmp_path: Path) -> None:
    with serve(open_replay(GOLDEN / "pages")) as emulator:
        run_against(emulator, tmp_path, *AUTUMN_2018)
    from flows.stores.raw.raw_pages import RawPages

    raw = RawPages(tmp_path)
    bodies = {page.body for landing in raw.complete("golden-account-1") for page in raw.pages(landing)}
    assert bodies == {(GOLDEN / "pages" / "recordings.json").read_bytes()}


def test_unfiltered_api_is_an_error_without_a_first_day(tmp_path: Path) -> None:
    with serve(open_replay(GOLDEN / "pages")) as emulator:
        summary = run_against(emulator, tmp_path)
    assert summary.exit_code == 3
    assert "Pass the first of its month with --from" in summary.failed["golden-account-1"]


def test_rejected_records_are_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    page = json.loads((GOLDEN / "pages" / "recordings.json").read_text())
    good = page["recordings"][0]
    page["recordings"] = [
        good,
        {**good, "sid": "bad-price", "price": "one cent"},
        {**good, "sid": "bad-date", "date_created": "yesterday"},
        {**good, "sid": "new-source", "source": "Telepathy", "mood": "fine"},
    ]
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "page.json").write_text(json.dumps(page))
    with serve(open_replay(tmp_path / "pages")) as emulator:
        summary = run_against(emulator, tmp_path / "data", *AUTUMN_2018)
    assert (summary.new, summary.rejected, summary.exit_code) == (2, 2, 0)
    assert summary.oddities.counts[("unknown source", "Telepathy")] == 1
    rejects = rows_of(
        tmp_path / "data", "select recording_sid, position, field from ops.rejects order by position"
    )
    assert rejects == [
        {"recording_sid": "bad-price", "position": 1, "field": "price"},
        {"recording_sid": "bad-date", "position": 2, "field": "date_created"},
    ]
    warned = [result.check.name for result in summary.checks if not result.is_passed]
    assert "records_are_rejected" in warned
