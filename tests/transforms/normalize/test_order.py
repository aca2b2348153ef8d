from datetime import timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.transforms import (
    CREATED,
    FIRST_FETCH,
    SECOND_FETCH,
    UPDATED,
    Row,
    lake_row,
    seen_row,
)
from transforms.normalize import order
from transforms.normalize.order import in_lake_order
from transforms.normalize.versions import SEEN_SCHEMA
from transforms.schema import LAKE_SCHEMA
from transforms.values.distinct import repeated


def newest_versions(seen: pa.Table) -> pa.Table:
    found = order.newest_versions(seen, repeated(seen["recording_sid"]))
    assert order.newest_versions(seen, seen["recording_sid"].combine_chunks()).equals(found)
    return found


def seen_table(*given: Row) -> pa.Table:
    return pa.Table.from_pylist(list(given), SEEN_SCHEMA)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ABC"), st.booleans()), max_size=8))
def test_lake_order_is_by_creation_and_sid(places: list[tuple[int, str, bool]]) -> None:
    recordings = [lake_row(sid, created_at=CREATED + timedelta(hours=hour)) for hour, sid, _ in places]
    table = pa.Table.from_pylist(recordings, LAKE_SCHEMA)
    ordered = sorted((hour, sid, place) for place, (hour, sid, _) in enumerate(places))
    assert in_lake_order(table).to_pylist() == [table.to_pylist()[place] for *_, place in ordered]
    is_kept = pa.array([kept for *_, kept in places], pa.bool_())
    kept = [table.to_pylist()[place] for *_, place in ordered if places[place][2]]
    assert in_lake_order(table, is_kept).to_pylist() == kept


def test_rows_in_lake_order_are_not_copied() -> None:
    table = pa.Table.from_pylist([lake_row("A"), lake_row("B")], LAKE_SCHEMA)
    assert in_lake_order(table) is table
    assert in_lake_order(table, pa.array([True, True])) is table
    assert in_lake_order(table.take([1, 0])).equals(table)
    assert in_lake_order(table, pa.array([True, False])).num_rows == 1


@pytest.mark.parametrize("sids", ["", "A", "BAC"])
def test_single_versions_are_not_copied(sids: str) -> None:
    seen = seen_table(*map(seen_row, sids))
    assert newest_versions(seen) is seen


def test_newest_versions_by_fetch_then_update_then_page() -> None:
    found = newest_versions(
        seen_table(
            seen_row("A", FIRST_FETCH, updated_at=UPDATED, status="older"),
            seen_row("A", SECOND_FETCH, updated_at=UPDATED - timedelta(microseconds=1), status="newest"),
            seen_row(
                "B", updated_at=UPDATED - timedelta(microseconds=1), raw_page="l/page-00002", status="older"
            ),
            seen_row("B", raw_page="l/page-00001", status="newest"),
            seen_row("C", raw_page="l/page-00002", status="newest"),
            seen_row("C", raw_page="l/page-00001", status="older"),
            seen_row("D", status="only"),
        )
    )
    assert found.schema == SEEN_SCHEMA
    assert sorted((row["recording_sid"], row["status"]) for row in found.to_pylist()) == [
        ("A", "newest"),
        ("B", "newest"),
        ("C", "newest"),
        ("D", "only"),
    ]


@given(
    st.lists(
        st.tuples(st.sampled_from("ABC"), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)),
        max_size=9,
        unique=True,
    )
)
def test_newest_versions_ignore_the_order_of_rows(
    versions: list[tuple[str, int, int, int]],
) -> None:
    found = newest_versions(
        seen_table(
            *[
                seen_row(
                    sid,
                    FIRST_FETCH + timedelta(hours=seen),
                    updated_at=UPDATED + timedelta(hours=updated),
                    raw_page=f"l/page-{page:05}",
                )
                for sid, updated, seen, page in versions
            ]
        )
    )
    assert sorted(
        (row["recording_sid"], row["updated_at"], row["seen_at"], row["raw_page"])
        for row in found.to_pylist()
    ) == [
        (
            sid,
            UPDATED + timedelta(hours=updated),
            FIRST_FETCH + timedelta(hours=seen),
            f"l/page-{page:05}",
        )
        for sid, updated, seen, page in (
            max(
                (version for version in versions if version[0] == sid),
                key=lambda version: (version[2], version[1], version[3]),
            )
            for sid in sorted({sid for sid, *_ in versions})
        )
    ]
