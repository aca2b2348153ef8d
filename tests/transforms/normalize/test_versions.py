from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.samples.transforms import (
    CREATED,
    FIRST_WALK,
    SECOND_WALK,
    THIRD_WALK,
    UPDATED,
    Row,
    lake_row,
    reading,
    rows,
    seen_row,
    utc,
)
from transforms.normalize.corrections import CORRECTION_SCHEMA, add_corrections
from transforms.normalize.versions import (
    SEEN_SCHEMA,
    Merged,
    Sighting,
    generations,
    layers,
    merge,
    newest_versions,
)
from transforms.normalize.versions import fold as fold_all
from transforms.schema import CONTENT_NAMES, LAKE_SCHEMA
from transforms.values.windows import Fetch, Window

MONTH = (date(2018, 9, 1), date(2018, 9, 30))


def seen_table(*given: Row) -> pa.Table:
    return pa.Table.from_pylist(list(given), SEEN_SCHEMA)


def lake_table(*given: Row) -> pa.Table:
    return pa.Table.from_pylist(list(given), LAKE_SCHEMA)


def walk(at: datetime, first: date = MONTH[0], last: date = MONTH[1]) -> Fetch:
    return reading(first, last, at)


def fold(
    existing: Sequence[Row], seen: Sequence[Row], at: datetime = SECOND_WALK, rejected: Sequence[str] = ()
) -> Merged:
    merged = merge(lake_table(*existing), seen_table(*seen), rejected, [walk(at)])
    assert merged.table.schema == LAKE_SCHEMA
    return merged


def counts(merged: Merged) -> tuple[int, int, int]:
    return merged.new, merged.changed, merged.deleted


# Generations


def test_readings_that_share_no_day_are_one_generation_and_an_overlap_begins_the_next() -> None:
    september, october = MONTH, (date(2018, 10, 1), date(2018, 10, 31))
    a = reading(*september, utc(2018, 11, 1), "a")
    b = reading(*october, utc(2018, 11, 2), "b")
    c = reading(date(2018, 9, 30), date(2018, 10, 1), utc(2018, 11, 3), "c")
    d = reading(date(2018, 10, 2), date(2018, 10, 2), utc(2018, 11, 4), "d")
    e = reading(date(2018, 10, 2), date(2018, 10, 2), utc(2018, 11, 5), "e")
    assert generations([e, c, a, d, b]) == [[a, b], [c, d], [e]]
    assert generations([]) == []


def test_readings_begun_at_the_same_instant_are_ordered_by_landing() -> None:
    b = reading(*MONTH, FIRST_WALK, "b")
    a = reading(*MONTH, FIRST_WALK, "a")
    assert generations([b, a]) == [[a], [b]]


@given(
    st.lists(
        st.builds(
            lambda first, length, at: reading(
                date(2018, 9, first),
                date(2018, 9, first + length),
                utc(2018, 10, at),
                f"{first}-{length}-{at}",
            ),
            st.integers(1, 20),
            st.integers(0, 4),
            st.integers(1, 9),
        ),
        max_size=9,
    )
)
@settings(deadline=None)
def test_generations_keep_the_order_share_no_day_and_are_as_long_as_can_be(readings: list[Fetch]) -> None:
    found = generations(readings)
    flat = [each for generation in found for each in generation]
    assert [(each.fetched_at, each.landing) for each in flat] == sorted(
        (each.fetched_at, each.landing) for each in readings
    )
    for generation in found:
        days = [
            each.window.first + timedelta(days=offset)
            for each in generation
            for offset in range((each.window.last - each.window.first).days + 1)
        ]
        assert len(days) == len(set(days))
    for before, after in pairwise(found):
        assert any(
            each.window.first <= after[0].window.last and after[0].window.first <= each.window.last
            for each in before
        )


# The newest version


def test_the_newest_update_counts_then_the_newest_fetch_then_the_later_page() -> None:
    found = newest_versions(
        seen_table(
            seen_row("A", FIRST_WALK, updated_at=UPDATED, status="newest"),
            seen_row("A", SECOND_WALK, updated_at=UPDATED - timedelta(microseconds=1), status="older"),
            seen_row("B", FIRST_WALK, status="older"),
            seen_row("B", SECOND_WALK, status="newest"),
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
@settings(deadline=None)
def test_one_version_of_each_recording_stays_whatever_the_order(
    versions: list[tuple[str, int, int, int]],
) -> None:
    found = newest_versions(
        seen_table(
            *[
                seen_row(
                    sid,
                    FIRST_WALK + timedelta(hours=seen),
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
            FIRST_WALK + timedelta(hours=seen),
            f"l/page-{page:05}",
        )
        for sid, updated, seen, page in (
            max(version for version in versions if version[0] == sid)
            for sid in sorted({sid for sid, *_ in versions})
        )
    ]


# One recording over time


def test_a_first_sighting_is_new_and_remembers_when() -> None:
    merged = fold([], [seen_row("A", SECOND_WALK), seen_row("B", SECOND_WALK, price=None, price_raw=None)])
    assert counts(merged) == (2, 0, 0)
    assert merged.is_changed
    assert rows(merged.table) == [
        lake_row("A", SECOND_WALK),
        lake_row("B", SECOND_WALK, price=None, price_raw=None, first_priced_at=None),
    ]


def test_a_price_of_zero_is_a_price() -> None:
    (row,) = rows(fold([], [seen_row("A", price=Decimal(0))]).table)
    assert row["first_priced_at"] == FIRST_WALK


def test_the_same_again_changes_nothing_and_gives_the_very_table() -> None:
    existing = lake_table(lake_row("A"), lake_row("B", price=None, price_raw=None, first_priced_at=None))
    seen = seen_table(seen_row("B", SECOND_WALK, price=None, price_raw=None), seen_row("A", SECOND_WALK))
    merged = merge(existing, seen, [], [walk(SECOND_WALK)])
    assert counts(merged) == (0, 0, 0)
    assert not merged.is_changed
    assert merged.table is existing


def test_a_late_price_is_taken_and_the_first_sighting_stays() -> None:
    unpriced = lake_row("A", price=None, price_raw=None, first_priced_at=None)
    merged = fold([unpriced], [seen_row("A", SECOND_WALK)])
    assert counts(merged) == (0, 1, 0)
    assert rows(merged.table) == [
        lake_row("A", SECOND_WALK, first_seen_at=FIRST_WALK, first_priced_at=SECOND_WALK)
    ]


def test_a_price_that_changes_keeps_the_first_sighting_of_a_price() -> None:
    price = {"price": Decimal("-0.005"), "price_raw": "-0.005", "updated_at": UPDATED + timedelta(days=1)}
    merged = fold([lake_row("A")], [seen_row("A", SECOND_WALK, **price)])
    assert counts(merged) == (0, 1, 0)
    assert rows(merged.table) == [
        lake_row("A", SECOND_WALK, first_seen_at=FIRST_WALK, first_priced_at=FIRST_WALK, **price)
    ]


def test_a_price_that_changes_is_a_correction_and_one_that_an_older_version_has_is_none() -> None:
    price = {"price": Decimal("-0.005"), "price_raw": "-0.005"}
    merged = fold([lake_row("A"), lake_row("B")], [seen_row("A", SECOND_WALK, **price), seen_row("B")])
    (correction,) = merged.corrections.to_pylist()
    assert (correction["recording_sid"], correction["seen_at"]) == ("A", SECOND_WALK)
    assert (correction["price_before"], correction["price_after"]) == (Decimal("-0.0025"), Decimal("-0.005"))
    older = seen_row("A", SECOND_WALK, updated_at=UPDATED - timedelta(hours=1), **price)
    assert fold([lake_row("A")], [older]).corrections.num_rows == 0


def test_an_equal_update_is_won_by_the_newer_fetch_and_an_older_one_lost() -> None:
    known = lake_row("A", status="processing")
    for microseconds, status in ((0, "completed"), (1, "completed"), (-1, "processing")):
        updated_at = UPDATED + timedelta(microseconds=microseconds)
        merged = fold([known], [seen_row("A", SECOND_WALK, status="completed", updated_at=updated_at)])
        assert [row["status"] for row in rows(merged.table)] == [status]
        assert merged.is_changed == (status == "completed")


def test_an_older_version_gives_neither_its_price_nor_its_page() -> None:
    known = lake_row("A", price=None, price_raw=None, first_priced_at=None)
    merged = fold([known], [seen_row("A", SECOND_WALK, updated_at=UPDATED - timedelta(seconds=1))])
    assert counts(merged) == (0, 0, 0)
    assert rows(merged.table) == [known]


OTHER_VALUES: Row = {
    "account_sid": "AC2",
    "call_sid": "CA2",
    "conference_sid": "CF",
    "source": "Trunking",
    "source_raw": "DialVerb",
    "status": "absent",
    "channels": 2,
    "duration_seconds": 5,
    "price": Decimal("0.0025"),
    "price_raw": "-0.00250",
    "currency": "EUR",
    "created_at": CREATED + timedelta(seconds=1),
    "updated_at": UPDATED + timedelta(microseconds=1),
    "started_at": CREATED + timedelta(seconds=1),
    "ended_at": CREATED,
    "error_code": "16101",
    "uri": "/other.json",
}
NULLABLE = [name for name in OTHER_VALUES if LAKE_SCHEMA.field(name).nullable]


def test_every_column_of_the_content_has_another_value_here() -> None:
    assert ["recording_sid", *OTHER_VALUES] == list(CONTENT_NAMES)


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_a_difference_in_any_one_column_is_a_change(name: str) -> None:
    merged = fold(
        [lake_row("A"), lake_row("B")],
        [seen_row("A", SECOND_WALK, **{name: OTHER_VALUES[name]}), seen_row("B")],
    )
    assert counts(merged) == (0, 1, 0)
    changed = {row["recording_sid"]: row for row in rows(merged.table)}
    assert changed["A"][name] == OTHER_VALUES[name]
    assert changed["A"]["raw_page"] == "raw/AC/w/02T06/page-00000"
    assert changed["A"]["first_seen_at"] == FIRST_WALK
    assert changed["B"] == lake_row("B")


@pytest.mark.parametrize("name", NULLABLE)
def test_a_value_that_comes_or_goes_is_a_change(name: str) -> None:
    without, having = {name: None}, {name: OTHER_VALUES[name]}
    for before, after in ((without, having), (having, without)):
        merged = fold([lake_row("A", **before)], [seen_row("A", SECOND_WALK, **after)])
        assert counts(merged) == (0, 1, 0)
        assert [row[name] for row in rows(merged.table)] == [after[name]]


def test_the_month_is_sorted_by_creation_and_sid() -> None:
    late = CREATED + timedelta(seconds=1)
    merged = fold(
        [lake_row("M"), lake_row("Z")], [seen_row("B", created_at=late), seen_row("N"), seen_row("A")]
    )
    assert [row["recording_sid"] for row in rows(merged.table)] == ["A", "M", "N", "Z", "B"]


# Gone, and back


def test_a_recording_that_is_no_longer_listed_is_marked_and_keeps_its_cost() -> None:
    merged = fold([lake_row("A"), lake_row("B")], [seen_row("B", SECOND_WALK)])
    assert counts(merged) == (0, 0, 1)
    assert rows(merged.table) == [lake_row("A", deleted_at=SECOND_WALK), lake_row("B")]


def test_a_recording_found_gone_before_keeps_the_first_instant() -> None:
    existing = [lake_row("A", deleted_at=SECOND_WALK)]
    merged = fold(existing, [], THIRD_WALK)
    assert counts(merged) == (0, 0, 0)
    assert rows(merged.table) == existing
    beside_another = fold([*existing, lake_row("B")], [], THIRD_WALK)
    assert counts(beside_another) == (0, 0, 1)
    assert rows(beside_another.table) == [*existing, lake_row("B", deleted_at=THIRD_WALK)]


def test_a_recording_that_is_listed_but_was_rejected_is_not_gone() -> None:
    merged = fold([lake_row("A"), lake_row("B")], [], rejected=["A"])
    assert counts(merged) == (0, 0, 1)
    assert rows(merged.table) == [lake_row("A"), lake_row("B", deleted_at=SECOND_WALK)]


@pytest.mark.parametrize(
    ("created_at", "is_gone"),
    [
        (utc(2018, 9, 9, 23, 59, 59) + timedelta(microseconds=999_999), False),
        (utc(2018, 9, 10), True),
        (utc(2018, 9, 12, 23, 59, 59) + timedelta(microseconds=999_999), True),
        (utc(2018, 9, 13), False),
    ],
)
def test_only_a_recording_of_the_days_that_were_read_can_be_found_gone(
    created_at: datetime, is_gone: bool
) -> None:
    existing = lake_table(lake_row("A", created_at=created_at))
    merged = merge(existing, seen_table(), [], [walk(SECOND_WALK, date(2018, 9, 10), date(2018, 9, 12))])
    assert counts(merged) == (0, 0, int(is_gone))
    assert merged.table["deleted_at"].to_pylist() == [SECOND_WALK if is_gone else None]


def test_each_recording_is_found_gone_by_the_reading_of_its_own_day() -> None:
    existing = [lake_row(f"{day:02}", created_at=utc(2018, 9, day)) for day in (1, 2, 3, 4)]
    readings = [
        walk(SECOND_WALK, date(2018, 9, 3), date(2018, 9, 3)),
        walk(THIRD_WALK, date(2018, 9, 1), date(2018, 9, 2)),
    ]
    merged = merge(lake_table(*existing), seen_table(), [], readings)
    assert counts(merged) == (0, 0, 3)
    assert merged.table["deleted_at"].to_pylist() == [THIRD_WALK, THIRD_WALK, SECOND_WALK, None]


def test_without_a_reading_nothing_is_gone() -> None:
    existing = lake_table(lake_row("A"))
    assert merge(existing, seen_table(), [], []).table is existing


def test_a_recording_that_is_listed_again_is_back() -> None:
    gone = lake_row("A", deleted_at=SECOND_WALK)
    merged = fold([gone], [seen_row("A", THIRD_WALK)], THIRD_WALK)
    assert counts(merged) == (0, 1, 0)
    assert rows(merged.table) == [lake_row("A")]


def test_a_recording_that_comes_back_with_an_older_version_is_back_with_the_newer() -> None:
    gone = lake_row("A", deleted_at=SECOND_WALK)
    old = seen_row("A", THIRD_WALK, updated_at=UPDATED - timedelta(days=1), status="processing")
    merged = fold([gone], [old], THIRD_WALK)
    assert counts(merged) == (0, 1, 0)
    assert rows(merged.table) == [lake_row("A")]


# Any history, against the rules written out for one row at a time


@dataclass(frozen=True)
class Step:
    """What one generation of a month did: its readings, what they listed, and what was listed but rejected."""

    readings: list[Fetch]
    seen: list[Row]
    rejected: list[str]


SIDS = st.sampled_from("ABCDE")
DAY_OF_SID = {sid: utc(2018, 9, day, 12) for day, sid in enumerate("ABCDE", start=1)}


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    history = []
    for number in range(draw(st.integers(1, 4))):
        at = FIRST_WALK + timedelta(days=number)
        cut = draw(st.integers(1, 5))
        readings = [walk(at, date(2018, 9, 1), date(2018, 9, cut))]
        if cut < 5 and draw(st.booleans()):
            readings.append(walk(at + timedelta(hours=1), date(2018, 9, cut + 1), date(2018, 9, 5)))
        in_reach = [
            (sid, each.fetched_at)
            for sid, created_at in DAY_OF_SID.items()
            for each in readings
            if each.window.first <= created_at.date() <= each.window.last
        ]
        fates = draw(st.lists(st.sampled_from("listed listed rejected gone".split()), min_size=5, max_size=5))
        seen = [
            seen_row(
                sid,
                seen_at,
                created_at=DAY_OF_SID[sid],
                updated_at=UPDATED + timedelta(hours=draw(st.integers(0, 2))),
                price=draw(st.sampled_from([None, Decimal("0.01"), Decimal(0)])),
                duration_seconds=draw(st.sampled_from([None, 7])),
            )
            for (sid, seen_at), fate in zip(in_reach, fates, strict=False)
            if fate == "listed"
        ]
        rejected = [sid for (sid, _), fate in zip(in_reach, fates, strict=False) if fate == "rejected"]
        history.append(Step(readings, draw(st.permutations(seen)), rejected))
    return history


def by_the_rules(known: dict[str, Row], step: Step) -> dict[str, Row]:
    after = dict(known)
    listed = {str(row["recording_sid"]): row for row in step.seen}
    for sid, version in listed.items():
        row: Row = {name: version[name] for name in (*CONTENT_NAMES, "raw_page")}
        row |= {"first_seen_at": version["seen_at"], "first_priced_at": None, "deleted_at": None}
        if sid in known:
            old = known[sid]
            is_same = all(old[name] == version[name] for name in CONTENT_NAMES)
            if is_same or version["updated_at"] < old["updated_at"]:
                row |= {name: old[name] for name in (*CONTENT_NAMES, "raw_page")}
            row |= {"first_seen_at": old["first_seen_at"], "first_priced_at": old["first_priced_at"]}
        if row["price"] is not None and row["first_priced_at"] is None:
            row["first_priced_at"] = version["seen_at"]
        after[sid] = row
    for sid, old in known.items():
        if sid not in listed and sid not in step.rejected and old["deleted_at"] is None:
            for each in step.readings:
                if each.window.first <= DAY_OF_SID[sid].date() <= each.window.last:
                    after[sid] = old | {"deleted_at": each.fetched_at}
    return after


def in_pieces(table: pa.Table) -> pa.Table:
    """The same table in chunks of one row, as tables come that were put together."""
    return pa.concat_tables(
        [table.schema.empty_table(), *[table.slice(row, 1) for row in range(table.num_rows)]]
    )


@given(steps())
@settings(deadline=None, max_examples=150)
def test_any_history_follows_the_rules_and_each_generation_may_be_applied_twice(history: list[Step]) -> None:
    table, known = LAKE_SCHEMA.empty_table(), dict[str, Row]()
    for step in history:
        expected = by_the_rules(known, step)
        seen = in_pieces(seen_table(*step.seen))
        merged = merge(in_pieces(table), seen, step.rejected, step.readings)
        assert rows(merged.table) == [expected[sid] for sid in sorted(expected)]
        assert merged.table.schema == LAKE_SCHEMA
        assert merged.new == len(expected.keys() - known.keys())
        assert merged.deleted == sum(
            expected[sid]["deleted_at"] is not None and known[sid]["deleted_at"] is None for sid in known
        )
        assert merged.changed + merged.deleted == sum(expected[sid] != row for sid, row in known.items())
        again = merge(merged.table, seen, step.rejected, step.readings)
        assert counts(again) == (0, 0, 0)
        assert again.table is merged.table or not merged.table.num_rows
        table, known = merged.table, expected


# Walks that were given up, in one generation with the whole ones that followed


def given_up(at: datetime, first: date, last: date) -> Fetch:
    return replace(reading(first, last, at, f"{at:%d}"), is_whole=False)


def test_what_was_given_up_is_of_one_generation_with_what_was_walked_instead_of_it() -> None:
    quarter = given_up(utc(2018, 11, 1), date(2018, 7, 1), date(2018, 9, 30))
    half = given_up(utc(2018, 11, 2), date(2018, 8, 16), date(2018, 9, 30))
    parts = [
        walk(utc(2018, 11, 3), date(2018, 7, 1), date(2018, 8, 15)),
        walk(utc(2018, 11, 4), date(2018, 8, 16)),
    ]
    later = given_up(utc(2018, 11, 5), date(2018, 7, 1), date(2018, 7, 2))
    assert generations([quarter, half, *parts, later]) == [[quarter, half, *parts], [later]]
    assert layers([quarter, half, *parts, later]) == [[quarter], [half, parts[0]], [parts[1], later]]


@given(steps(), st.data())
@settings(deadline=None, max_examples=60)
def test_layers_folded_at_once_are_layers_folded_one_by_one_and_may_be_folded_twice(
    history: list[Step], data: st.DataObject
) -> None:
    """Each step is one walk, and all but the last are given up: they are one generation."""
    sightings, table, corrected = [], LAKE_SCHEMA.empty_table(), []
    for number, step in enumerate(history):
        at = step.readings[0].fetched_at
        landing = f"raw/AC/w/{at:%dT%H}"
        seen = [row | {"seen_at": at, "raw_page": f"{landing}/page-00000"} for row in step.seen]
        walked = Fetch(Window(date(2018, 9, 1), date(2018, 9, 5)), at, landing, number + 1 == len(history))
        sightings.append(Sighting(walked, seen_table(*seen), step.rejected))
        merged = merge(table, seen_table(*seen), step.rejected, [walked])
        table = merged.table
        corrected.append(merged.corrections)
    assert len(generations(each.fetch for each in sightings)) == 1
    shuffled = data.draw(st.permutations(sightings))
    folded = fold_all(LAKE_SCHEMA.empty_table(), shuffled)
    again = fold_all(folded.table, shuffled)
    assert rows(folded.table) == rows(again.table) == rows(table)
    one_by_one = add_corrections(CORRECTION_SCHEMA.empty_table(), pa.concat_tables(corrected))
    at_once = add_corrections(CORRECTION_SCHEMA.empty_table(), folded.corrections)
    assert rows(at_once) == rows(one_by_one) == rows(add_corrections(at_once, again.corrections))
