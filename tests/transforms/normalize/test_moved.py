"""Recordings whose creation date moved to another month."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.transforms import (
    FIRST_FETCH,
    SECOND_FETCH,
    THIRD_FETCH,
    UPDATED,
    Row,
    fetch_of,
    lake_row,
    rows,
    utc,
)
from transforms.normalize.moved import settle_moved
from transforms.schema import LAKE_SCHEMA
from transforms.values.windows import Fetch, Window

MONTH = (date(2018, 9, 1), date(2018, 9, 30))


def lake_table(*given: Row) -> pa.Table:
    return pa.Table.from_pylist(list(given), LAKE_SCHEMA)


def fetch_at(at: datetime, first: date = MONTH[0], last: date = MONTH[1]) -> Fetch:
    return fetch_of(first, last, at)


AUGUST, SEPTEMBER = utc(2018, 8, 31, 23, 59), utc(2018, 9, 1, 0, 1)


def moved_row(created_at: datetime, window: str, fetched: str, **changes: object) -> Row:
    page = f"raw/account_sid=AC/{window}/{fetched}/page-00000.json.zst"
    return lake_row("MOVED", created_at=created_at) | {"raw_page": page} | changes


def test_settle_moved_believes_a_newer_deletion() -> None:
    older = moved_row(SEPTEMBER, "2018-09", "20181001T06", deleted_at=None)
    newer = moved_row(AUGUST, "2018-08", "20181101T06", status="deleted", deleted_at=THIRD_FETCH)
    settled = settle_moved(
        {"2018-08": lake_table(newer), "2018-09": lake_table(older)}, ["MOVED"], [fetch_at(THIRD_FETCH)]
    )
    assert settled.places["2018-09"].num_rows == 0
    assert settled.places["2018-08"]["deleted_at"].to_pylist() == [THIRD_FETCH]


def test_settle_moved_keeps_what_is_listed_and_first_sighting() -> None:
    newer = moved_row(
        AUGUST, "2018-08", "20181001T06", updated_at=UPDATED + timedelta(hours=1), first_priced_at=THIRD_FETCH,
        first_seen_at=SECOND_FETCH,
    )  # fmt: skip
    older = moved_row(
        SEPTEMBER,
        "2018-09",
        "20181101T06",
        first_seen_at=FIRST_FETCH,
        first_priced_at=None,
        deleted_at=THIRD_FETCH,
    )
    settled = settle_moved(
        {"2018-08": lake_table(lake_row("Z", created_at=AUGUST), newer), "2018-09": lake_table(older)},
        ["MOVED"],
        [],
    ).places
    assert {month: rows(table) for month, table in settled.items()} == {
        "2018-08": [newer | {"first_seen_at": FIRST_FETCH}, lake_row("Z", created_at=AUGUST)],
        "2018-09": [],
    }
    assert all(table.schema == LAKE_SCHEMA for table in settled.values())


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_settle_moved_prefers_the_newest_fetch_to_the_update(hours: int) -> None:
    updated_at = UPDATED + timedelta(hours=hours)
    late = moved_row(
        AUGUST, "2018-08-01_2018-08-31", "20181101T060000Z", status="late", updated_at=updated_at
    )
    early = moved_row(SEPTEMBER, "2018-09-01_2018-09-30", "20181001T060000Z", status="early")
    settled = settle_moved({"2018-09": lake_table(early), "2018-08": lake_table(late)}, ["MOVED"], []).places
    assert rows(settled["2018-08"]) == [late]
    assert rows(settled["2018-09"]) == []


def test_settle_moved_keeps_the_version_still_listed() -> None:
    unpriced = {"price": None, "price_raw": None, "first_priced_at": None}
    old = moved_row(AUGUST, "2018-08", "20181001T06", deleted_at=SECOND_FETCH, **unpriced)
    new = moved_row(SEPTEMBER, "2018-09", "20181002T06", first_seen_at=SECOND_FETCH, **unpriced)
    settled = settle_moved({"2018-08": lake_table(old), "2018-09": lake_table(new)}, ["MOVED"], []).places
    assert rows(settled["2018-08"]) == []
    assert rows(settled["2018-09"]) == [new | {"first_seen_at": FIRST_FETCH}]


def test_settle_moved_reports_a_changed_price_as_a_correction() -> None:
    for months in (("2018-08", "2018-09"), ("2018-09", "2018-08")):
        old = moved_row(AUGUST, months[0], "20181001T06", deleted_at=SECOND_FETCH)
        new = moved_row(
            SEPTEMBER, months[1], "20181002T06", first_seen_at=SECOND_FETCH, price=Decimal("-0.01")
        )
        now = Fetch(Window(*MONTH), SECOND_FETCH, new["raw_page"].rpartition("/")[0])
        settled = settle_moved({months[1]: lake_table(new), months[0]: lake_table(old)}, ["MOVED"], [now])
        (correction,) = settled.corrections.to_pylist()
        assert correction["seen_at"] == SECOND_FETCH
        assert (correction["price_before"], correction["price_after"]) == (old["price"], Decimal("-0.01"))
        assert (correction["raw_page_before"], correction["raw_page_after"]) == (
            old["raw_page"],
            new["raw_page"],
        )
    unchanged = settle_moved(
        {"2018-08": lake_table(old), "2018-09": lake_table(new | {"price": old["price"]})}, ["MOVED"], [now]
    )
    assert unchanged.corrections.num_rows == 0
    # Settled again after an interruption: seen_at does not change.
    (again,) = settle_moved(
        {"2018-08": lake_table(old), "2018-09": lake_table(new | {"first_seen_at": FIRST_FETCH})},
        ["MOVED"],
        [now],
    ).corrections.to_pylist()
    assert again["seen_at"] == SECOND_FETCH


def test_settle_moved_leaves_other_recordings_in_place() -> None:
    staying = lake_table(lake_row("A"), lake_row("B"))
    other = lake_table(lake_row("C", created_at=AUGUST))
    settled = settle_moved({"2018-09": staying, "2018-08": other}, [], []).places
    assert settled["2018-09"].equals(staying)
    assert settled["2018-08"].equals(other)


@given(
    st.lists(
        st.tuples(st.sampled_from("XY"), st.integers(7, 9), st.integers(0, 2), st.integers(1, 9)),
        unique_by=(lambda row: row[:2], lambda row: row[3]),
        max_size=6,
    )
)
def test_settle_moved_leaves_one_row_with_the_first_sighting(
    sightings: list[tuple[str, int, int, int]],
) -> None:
    months = {
        f"2018-{month:02}": lake_table(
            lake_row(f"S{month}", created_at=utc(2018, month, 2)),
            *[
                lake_row(
                    sid,
                    FIRST_FETCH + timedelta(days=fetched),
                    created_at=utc(2018, month, 5),
                    updated_at=UPDATED + timedelta(hours=updated),
                    raw_page=f"raw/AC/w/{fetched}/page-00000",
                )
                for sid, in_month, updated, fetched in sightings
                if in_month == month
            ],
        )
        for month in (7, 8, 9)
    }
    settled = settle_moved(months, ["X", "Y"], []).places
    assert list(settled) == list(months)
    found = [
        (str(row["recording_sid"]), month, row) for month, table in settled.items() for row in rows(table)
    ]
    for sid in "XY":
        of_sid = [sighting for sighting in sightings if sighting[0] == sid]
        places = [(month, row) for found_sid, month, row in found if found_sid == sid]
        if not of_sid:
            assert places == []
            continue
        _, month, _, fetched = max(of_sid, key=lambda sighting: (sighting[3], sighting[2]))
        ((found_month, row),) = places
        assert found_month == f"2018-{month:02}"
        assert row["raw_page"] == f"raw/AC/w/{fetched}/page-00000"
        first = FIRST_FETCH + timedelta(days=min(sighting[3] for sighting in of_sid))
        assert (row["first_seen_at"], row["first_priced_at"]) == (first, first)
    assert sorted(sid for sid, _, _ in found if sid not in "XY") == ["S7", "S8", "S9"]
