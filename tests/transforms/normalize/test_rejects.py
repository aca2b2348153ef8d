from collections.abc import Sequence
from datetime import date, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.samples.transforms import ACCOUNT, listed, reading, recording, rows, utc
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


def stand(
    old: Sequence[Row] = (),
    new: Sequence[Row] = (),
    understood: Sequence[str] = (),
    readings: Sequence[Fetch] = (),
) -> list[Row]:
    standing, fresh = (pa.Table.from_pylist(list(given), REJECT_SCHEMA) for given in (old, new))
    found = remaining_rejects(standing, fresh, pa.array(understood, pa.string()), readings)
    assert found.schema == REJECT_SCHEMA
    return rows(found)


def test_nothing_rejected_leaves_nothing() -> None:
    assert stand(readings=[reading(date(2018, 9, 1), date(2018, 9, 30), AT)]) == []


def test_an_old_reject_stands_while_nothing_is_known_to_have_become_of_it() -> None:
    old = [reject("R", sid="R"), reject("sha256:1", position=1)]
    assert stand(old) == old
    assert stand(old, understood=["Q"], readings=[reading(date(2018, 10, 1), date(2018, 10, 31), AT)]) == old


def test_an_old_reject_falls_away_when_its_recording_is_understood() -> None:
    staying = reject("Q", sid="Q", position=1)
    assert stand([reject("R", sid="R"), staying], understood=["R"]) == [staying]


def test_a_reject_without_a_sid_is_not_taken_for_an_understood_recording() -> None:
    old = [reject("sha256:1")]
    assert stand(old, understood=["R"]) == old
    assert stand(old, understood=[]) == old


@pytest.mark.parametrize(
    ("created_at", "falls_away"),
    [
        (utc(2018, 9, 24, 23, 59, 59), False),
        (utc(2018, 9, 25), True),
        (utc(2018, 9, 25, 23, 59, 59), True),
        (utc(2018, 9, 26), False),
    ],
)
def test_an_old_reject_falls_away_when_its_own_day_was_read_again(
    created_at: datetime, falls_away: bool
) -> None:
    old = [reject("R", sid="R", created_at=created_at)]
    day = reading(date(2018, 9, 25), date(2018, 9, 25), AT)
    assert stand(old, readings=[day]) == ([] if falls_away else old)


@pytest.mark.parametrize(
    ("first", "last", "falls_away"),
    [
        (date(2018, 9, 1), date(2018, 9, 30), True),
        (date(2018, 8, 31), date(2018, 10, 1), True),
        (date(2018, 9, 2), date(2018, 9, 30), False),
        (date(2018, 9, 1), date(2018, 9, 29), False),
    ],
)
def test_an_old_reject_without_a_date_falls_away_when_all_its_days_were_read_again(
    first: date, last: date, falls_away: bool
) -> None:
    old = [reject("R", sid="R", created_at=None)]
    assert stand(old, readings=[reading(first, last, AT)]) == ([] if falls_away else old)


def test_any_of_several_readings_settles_its_days() -> None:
    old = [reject(f"{day}", created_at=utc(2018, 9, day), position=day) for day in (1, 2, 3)]
    readings = [reading(date(2018, 9, day), date(2018, 9, day), AT) for day in (3, 1)]
    assert stand(old, readings=readings) == [old[1]]


def test_a_record_that_is_still_bad_stands_once_as_it_was_seen_last() -> None:
    new = reject("R", sid="R", raw_page="new/page-00000", reason="is still odd")
    assert stand([reject("R", sid="R")], [new]) == [new]
    assert stand(
        [reject("R", sid="R")], [new], readings=[reading(date(2018, 9, 1), date(2018, 9, 30), AT)]
    ) == [new]


def test_a_record_that_two_windows_list_stands_once_by_its_first_sighting() -> None:
    first = reject("R", created_at=None, raw_page="a/page-00000")
    second = reject("R", created_at=None, raw_page="b/page-00000")
    other = reject("Q", raw_page="a/page-00000", position=1)
    assert stand(new=[first, other, second]) == [first, other]


def test_new_rejects_stand_even_where_their_recording_is_understood_elsewhere() -> None:
    new = [reject("R", sid="R")]
    assert (
        stand(new=new, understood=["R"], readings=[reading(date(2018, 9, 1), date(2018, 9, 30), AT)]) == new
    )


def test_rejects_are_sorted_by_page_and_position() -> None:
    found = stand(
        [reject("A", raw_page="m/page-00000", position=10), reject("B", raw_page="z/page-00000", position=0)],
        [reject("C", raw_page="m/page-00000", position=9), reject("D", raw_page="a/page-00001", position=5)],
    )
    assert [row["record_key"] for row in found] == ["D", "C", "A", "B"]


@given(
    st.lists(st.tuples(st.sampled_from("PQRS"), st.booleans()), max_size=6, unique_by=lambda row: row[0]),
    st.lists(st.tuples(st.sampled_from("PQRS"), st.booleans()), max_size=6),
    st.sets(st.sampled_from("PQRS")),
)
@settings(deadline=None)
def test_remaining_rejects_are_one_for_each_key_and_settling_twice_changes_nothing(
    old: list[tuple[str, bool]], new: list[tuple[str, bool]], understood: set[str]
) -> None:
    old_rows = [
        reject(key, sid=key if has_sid else None, position=place) for place, (key, has_sid) in enumerate(old)
    ]
    new_rows = [
        reject(key, sid=key if has_sid else None, raw_page="new", position=place)
        for place, (key, has_sid) in enumerate(new)
    ]
    found = stand(old_rows, new_rows, sorted(understood))
    new_keys = {key for key, _ in new}
    kept = {key for key, has_sid in old if key not in new_keys and not (has_sid and key in understood)}
    assert sorted(str(row["record_key"]) for row in found) == sorted(new_keys | kept)
    assert {row["record_key"] for row in found if row["raw_page"] == "new"} == new_keys
    assert stand(found, new_rows, sorted(understood)) == found


def test_a_record_whose_text_is_damaged_is_known_by_its_sid_and_settled_by_it() -> None:
    damaged = recording('"R"', uri='"~"').replace(b"~", b"\xff")
    rejects = listed(damaged).rejects
    assert [(row["record_key"], row["recording_sid"]) for row in rows(rejects)] == [("R", "R")]
    assert remaining_rejects(rejects, REJECT_SCHEMA.empty_table(), pa.array(["R"]), []).num_rows == 0
