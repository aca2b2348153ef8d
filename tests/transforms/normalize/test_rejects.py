from collections.abc import Sequence
from datetime import date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.transforms import ACCOUNT, fetch_of, listed, recording, rows, utc
from transforms.normalize.rejects import remaining_rejects
from transforms.schema import REJECT_SCHEMA
from transforms.values.windows import Fetch

Row = dict[str, object]

AT = utc(2018, 11, 1)
NOON = utc(2018, 9, 25, 12)


def reject(key: str, *, sid: str | None = None, created_at: datetime | None = NOON, **changes: object) -> Row:
    return {
        "account_sid": ACCOUNT,
        "recording_sid": sid,
        "created_at": created_at,
        "record_key": key,
        "window_first": date(2018, 9, 1),
        "window_last": date(2018, 9, 30),
        "raw_page": "old/page-00000",
        "position": 0,
        "field": "price",
        "reason": "is odd",
    } | changes


def remaining(
    old: Sequence[Row] = (),
    new: Sequence[Row] = (),
    understood: Sequence[str] = (),
    fetches: Sequence[Fetch] = (),
) -> list[Row]:
    existing, fresh = (pa.Table.from_pylist(list(given), REJECT_SCHEMA) for given in (old, new))
    found = remaining_rejects(existing, fresh, pa.array(understood, pa.string()), fetches)
    assert found.schema == REJECT_SCHEMA
    return rows(found)


def test_remaining_rejects_are_empty_without_rejects() -> None:
    assert remaining(fetches=[fetch_of(date(2018, 9, 1), date(2018, 9, 30), AT)]) == []


def test_old_reject_remains_until_something_is_known() -> None:
    old = [reject("R", sid="R"), reject("sha256:1", position=1)]
    assert remaining(old) == old
    assert (
        remaining(old, understood=["Q"], fetches=[fetch_of(date(2018, 10, 1), date(2018, 10, 31), AT)]) == old
    )


def test_old_reject_is_dropped_if_its_recording_is_understood() -> None:
    staying = reject("Q", sid="Q", position=1)
    assert remaining([reject("R", sid="R"), staying], understood=["R"]) == [staying]


def test_reject_without_a_sid_is_never_understood() -> None:
    old = [reject("sha256:1")]
    assert remaining(old, understood=["R"]) == old
    assert remaining(old, understood=[]) == old


@pytest.mark.parametrize(
    ("created_at", "falls_away"),
    [
        (utc(2018, 9, 24, 23, 59, 59), False),
        (utc(2018, 9, 25), True),
        (utc(2018, 9, 25, 23, 59, 59), True),
        (utc(2018, 9, 26), False),
    ],
)
def test_old_reject_is_dropped_if_its_day_is_fetched_again(created_at: datetime, falls_away: bool) -> None:
    old = [reject("R", sid="R", created_at=created_at)]
    day = fetch_of(date(2018, 9, 25), date(2018, 9, 25), AT)
    assert remaining(old, fetches=[day]) == ([] if falls_away else old)


@pytest.mark.parametrize(
    ("first", "last", "falls_away"),
    [
        (date(2018, 9, 1), date(2018, 9, 30), True),
        (date(2018, 8, 31), date(2018, 10, 1), True),
        (date(2018, 9, 2), date(2018, 9, 30), False),
        (date(2018, 9, 1), date(2018, 9, 29), False),
    ],
)
def test_reject_without_a_date_needs_its_whole_window_fetched(
    first: date, last: date, falls_away: bool
) -> None:
    old = [reject("R", sid="R", created_at=None)]
    assert remaining(old, fetches=[fetch_of(first, last, AT)]) == ([] if falls_away else old)


def test_any_of_several_fetches_drops_rejects_of_its_days() -> None:
    old = [reject(f"{day}", created_at=utc(2018, 9, day), position=day) for day in (1, 2, 3)]
    fetches = [fetch_of(date(2018, 9, day), date(2018, 9, day), AT) for day in (3, 1)]
    assert remaining(old, fetches=fetches) == [old[1]]


def test_record_that_is_still_bad_is_kept_once_as_last_seen() -> None:
    new = reject("R", sid="R", raw_page="new/page-00000", reason="is still odd")
    assert remaining([reject("R", sid="R")], [new]) == [new]
    assert remaining(
        [reject("R", sid="R")], [new], fetches=[fetch_of(date(2018, 9, 1), date(2018, 9, 30), AT)]
    ) == [new]


def test_record_in_two_windows_is_kept_once_as_first_seen() -> None:
    first = reject("R", created_at=None, raw_page="a/page-00000")
    second = reject("R", created_at=None, raw_page="b/page-00000")
    other = reject("Q", raw_page="a/page-00000", position=1)
    assert remaining(new=[first, other, second]) == [first, other]


def test_new_reject_remains_if_understood_elsewhere() -> None:
    new = [reject("R", sid="R")]
    assert (
        remaining(new=new, understood=["R"], fetches=[fetch_of(date(2018, 9, 1), date(2018, 9, 30), AT)])
        == new
    )


def test_rejects_are_sorted_by_page_and_position() -> None:
    found = remaining(
        [reject("A", raw_page="m/page-00000", position=10), reject("B", raw_page="z/page-00000", position=0)],
        [reject("C", raw_page="m/page-00000", position=9), reject("D", raw_page="a/page-00001", position=5)],
    )
    assert [row["record_key"] for row in found] == ["D", "C", "A", "B"]


@given(
    st.lists(st.tuples(st.sampled_from("PQRS"), st.booleans()), max_size=6, unique_by=lambda row: row[0]),
    st.lists(st.tuples(st.sampled_from("PQRS"), st.booleans()), max_size=6),
    st.sets(st.sampled_from("PQRS")),
)
def test_remaining_rejects_are_unique_and_stable(
    old: list[tuple[str, bool]], new: list[tuple[str, bool]], understood: set[str]
) -> None:
    old_rows = [
        reject(key, sid=key if has_sid else None, position=place) for place, (key, has_sid) in enumerate(old)
    ]
    new_rows = [
        reject(key, sid=key if has_sid else None, raw_page="new", position=place)
        for place, (key, has_sid) in enumerate(new)
    ]
    found = remaining(old_rows, new_rows, sorted(understood))
    new_keys = {key for key, _ in new}
    kept = {key for key, has_sid in old if key not in new_keys and not (has_sid and key in understood)}
    assert sorted(str(row["record_key"]) for row in found) == sorted(new_keys | kept)
    assert {row["record_key"] for row in found if row["raw_page"] == "new"} == new_keys
    assert remaining(found, new_rows, sorted(understood)) == found


def test_damaged_record_is_identified_by_its_sid() -> None:
    damaged = recording('"R"', uri='"~"').replace(b"~", b"\xff")
    rejects = listed(damaged).rejects
    assert [(row["record_key"], row["recording_sid"]) for row in rows(rejects)] == [("R", "R")]
    assert remaining_rejects(rejects, REJECT_SCHEMA.empty_table(), pa.array(["R"]), []).num_rows == 0
