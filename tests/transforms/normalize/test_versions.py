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
    FIRST_FETCH,
    SECOND_FETCH,
    THIRD_FETCH,
    UPDATED,
    Row,
    fetch_of,
    lake_row,
    rows,
    seen_row,
    utc,
)
from transforms.normalize.corrections import CORRECTION_SCHEMA
from transforms.normalize.history import once_per_fetch
from transforms.normalize.versions import (
    SEEN_SCHEMA,
    Merged,
    Sighting,
    generations,
    layers,
    merge,
)
from transforms.normalize.versions import fold as fold_all
from transforms.schema import CONTENT_NAMES, LAKE_SCHEMA
from transforms.values.windows import Fetch, Window

MONTH = (date(2018, 9, 1), date(2018, 9, 30))


def seen_table(*given: Row) -> pa.Table:
    return pa.Table.from_pylist(list(given), SEEN_SCHEMA)


def lake_table(*given: Row) -> pa.Table:
    return pa.Table.from_pylist(list(given), LAKE_SCHEMA)


def fetch_at(at: datetime, first: date = MONTH[0], last: date = MONTH[1]) -> Fetch:
    return fetch_of(first, last, at)


def fold(
    existing: Sequence[Row], seen: Sequence[Row], at: datetime = SECOND_FETCH, rejected: Sequence[str] = ()
) -> Merged:
    merged = merge(lake_table(*existing), seen_table(*seen), rejected, [fetch_at(at)])
    assert merged.table.schema == LAKE_SCHEMA
    return merged


def counts(merged: Merged) -> tuple[int, int, int]:
    return merged.new, merged.changed, merged.deleted


# Generations


def test_generations_are_cut_at_overlaps() -> None:
    september, october = MONTH, (date(2018, 10, 1), date(2018, 10, 31))
    a = fetch_of(*september, utc(2018, 11, 1), "a")
    b = fetch_of(*october, utc(2018, 11, 2), "b")
    c = fetch_of(date(2018, 9, 30), date(2018, 10, 1), utc(2018, 11, 3), "c")
    d = fetch_of(date(2018, 10, 2), date(2018, 10, 2), utc(2018, 11, 4), "d")
    e = fetch_of(date(2018, 10, 2), date(2018, 10, 2), utc(2018, 11, 5), "e")
    assert generations([e, c, a, d, b]) == [[a, b], [c, d], [e]]
    assert generations([]) == []


def test_generations_order_equal_begins_by_landing() -> None:
    b = fetch_of(*MONTH, FIRST_FETCH, "b")
    a = fetch_of(*MONTH, FIRST_FETCH, "a")
    assert generations([b, a]) == [[a], [b]]


@given(
    st.lists(
        st.builds(
            lambda first, length, at: fetch_of(
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
def test_generations_are_ordered_disjoint_and_maximal(fetches: list[Fetch]) -> None:
    found = generations(fetches)
    flat = [each for generation in found for each in generation]
    assert [(each.fetched_at, each.landing) for each in flat] == sorted(
        (each.fetched_at, each.landing) for each in fetches
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


# One recording over time


def test_merge_records_the_first_sighting() -> None:
    merged = fold([], [seen_row("A", SECOND_FETCH), seen_row("B", SECOND_FETCH, price=None, price_raw=None)])
    assert counts(merged) == (2, 0, 0)
    assert merged.is_changed
    assert rows(merged.table) == [
        lake_row("A", SECOND_FETCH),
        lake_row("B", SECOND_FETCH, price=None, price_raw=None, first_priced_at=None),
    ]


def test_merge_takes_zero_for_a_price() -> None:
    (row,) = rows(fold([], [seen_row("A", price=Decimal(0))]).table)
    assert row["first_priced_at"] == FIRST_FETCH


def test_merge_of_unchanged_rows_returns_the_same_table() -> None:
    existing = lake_table(lake_row("A"), lake_row("B", price=None, price_raw=None, first_priced_at=None))
    seen = seen_table(seen_row("B", SECOND_FETCH, price=None, price_raw=None), seen_row("A", SECOND_FETCH))
    merged = merge(existing, seen, [], [fetch_at(SECOND_FETCH)])
    assert counts(merged) == (0, 0, 0)
    assert not merged.is_changed
    assert merged.table is existing


def test_merge_takes_a_late_price_and_keeps_the_first_sighting() -> None:
    unpriced = lake_row("A", price=None, price_raw=None, first_priced_at=None)
    merged = fold([unpriced], [seen_row("A", SECOND_FETCH)])
    assert counts(merged) == (0, 1, 0)
    assert rows(merged.table) == [
        lake_row("A", SECOND_FETCH, first_seen_at=FIRST_FETCH, first_priced_at=SECOND_FETCH)
    ]


def test_merge_keeps_first_priced_at_when_a_price_changes() -> None:
    price = {"price": Decimal("-0.005"), "price_raw": "-0.005", "updated_at": UPDATED + timedelta(days=1)}
    merged = fold([lake_row("A")], [seen_row("A", SECOND_FETCH, **price)])
    assert counts(merged) == (0, 1, 0)
    assert rows(merged.table) == [
        lake_row("A", SECOND_FETCH, first_seen_at=FIRST_FETCH, first_priced_at=FIRST_FETCH, **price)
    ]


def test_merge_reports_corrections_of_newer_versions_only() -> None:
    price = {"price": Decimal("-0.005"), "price_raw": "-0.005"}
    merged = fold([lake_row("A"), lake_row("B")], [seen_row("A", SECOND_FETCH, **price), seen_row("B")])
    (correction,) = merged.corrections.to_pylist()
    assert (correction["recording_sid"], correction["seen_at"]) == ("A", SECOND_FETCH)
    assert (correction["price_before"], correction["price_after"]) == (Decimal("-0.0025"), Decimal("-0.005"))
    earlier = lake_row("A", THIRD_FETCH)
    assert fold([earlier], [seen_row("A", SECOND_FETCH, **price)]).corrections.num_rows == 0


@pytest.mark.parametrize("microseconds", [0, 1, -1])
def test_merge_prefers_the_newer_fetch_whatever_the_update(microseconds: int) -> None:
    known = lake_row("A", status="processing")
    updated_at = UPDATED + timedelta(microseconds=microseconds)
    merged = fold([known], [seen_row("A", SECOND_FETCH, status="completed", updated_at=updated_at)])
    assert [(row["status"], row["updated_at"]) for row in rows(merged.table)] == [("completed", updated_at)]
    assert merged.went_back["recording_sid"].to_pylist() == (["A"] if microseconds < 0 else [])


def test_merge_takes_a_price_that_comes_with_an_older_update() -> None:
    known = lake_row("A", price=None, price_raw=None, first_priced_at=None)
    older = seen_row("A", SECOND_FETCH, updated_at=UPDATED - timedelta(seconds=1))
    merged = fold([known], [older])
    assert counts(merged) == (0, 1, 0)
    (row,) = rows(merged.table)
    assert (row["price"], row["first_priced_at"]) == (Decimal("-0.0025"), SECOND_FETCH)
    assert rows(merged.went_back) == [
        {"recording_sid": "A", "updated_at": UPDATED - timedelta(seconds=1), "raw_page": older["raw_page"]}
    ]
    assert fold(rows(merged.table), [older]).went_back.num_rows == 0


def test_merge_does_not_find_a_missing_update_odd() -> None:
    merged = fold([lake_row("A")], [seen_row("A", SECOND_FETCH, updated_at=CREATED)])
    assert (counts(merged), merged.went_back.num_rows) == ((0, 1, 0), 0)


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
    "media_location": "external",
    "is_encrypted": True,
}
NULLABLE = [name for name in OTHER_VALUES if LAKE_SCHEMA.field(name).nullable]


def test_other_values_differ_in_every_content_column() -> None:
    assert ["recording_sid", *OTHER_VALUES] == list(CONTENT_NAMES)


@pytest.mark.parametrize("name", OTHER_VALUES)
def test_merge_counts_a_difference_in_any_column(name: str) -> None:
    merged = fold(
        [lake_row("A"), lake_row("B")],
        [seen_row("A", SECOND_FETCH, **{name: OTHER_VALUES[name]}), seen_row("B")],
    )
    assert counts(merged) == (0, 1, 0)
    changed = {row["recording_sid"]: row for row in rows(merged.table)}
    assert changed["A"][name] == OTHER_VALUES[name]
    assert changed["A"]["raw_page"] == "raw/AC/w/02T06/page-00000"
    assert changed["A"]["first_seen_at"] == FIRST_FETCH
    assert changed["B"] == lake_row("B")


@pytest.mark.parametrize("name", NULLABLE)
def test_merge_counts_a_value_that_appears_or_disappears(name: str) -> None:
    without, having = {name: None}, {name: OTHER_VALUES[name]}
    for before, after in ((without, having), (having, without)):
        merged = fold([lake_row("A", **before)], [seen_row("A", SECOND_FETCH, **after)])
        assert counts(merged) == (0, 1, 0)
        assert [row[name] for row in rows(merged.table)] == [after[name]]


def test_merge_sorts_by_creation_and_sid() -> None:
    late = CREATED + timedelta(seconds=1)
    merged = fold(
        [lake_row("M"), lake_row("Z")], [seen_row("B", created_at=late), seen_row("N"), seen_row("A")]
    )
    assert [row["recording_sid"] for row in rows(merged.table)] == ["A", "M", "N", "Z", "B"]


# Gone, and back


def test_merge_marks_a_recording_no_longer_listed() -> None:
    merged = fold([lake_row("A"), lake_row("B")], [seen_row("B", SECOND_FETCH)])
    assert counts(merged) == (0, 0, 1)
    assert rows(merged.table) == [lake_row("A", deleted_at=SECOND_FETCH), lake_row("B")]


def test_merge_keeps_the_first_deleted_at() -> None:
    existing = [lake_row("A", deleted_at=SECOND_FETCH)]
    merged = fold(existing, [], THIRD_FETCH)
    assert counts(merged) == (0, 0, 0)
    assert rows(merged.table) == existing
    with_another = fold([*existing, lake_row("B")], [], THIRD_FETCH)
    assert counts(with_another) == (0, 0, 1)
    assert rows(with_another.table) == [*existing, lake_row("B", deleted_at=THIRD_FETCH)]


def test_merge_does_not_mark_a_rejected_recording() -> None:
    merged = fold([lake_row("A"), lake_row("B")], [], rejected=["A"])
    assert counts(merged) == (0, 0, 1)
    assert rows(merged.table) == [lake_row("A"), lake_row("B", deleted_at=SECOND_FETCH)]


@pytest.mark.parametrize(
    ("created_at", "is_gone"),
    [
        (utc(2018, 9, 9, 23, 59, 59) + timedelta(microseconds=999_999), False),
        (utc(2018, 9, 10), True),
        (utc(2018, 9, 12, 23, 59, 59) + timedelta(microseconds=999_999), True),
        (utc(2018, 9, 13), False),
    ],
)
def test_merge_marks_only_recordings_of_the_fetched_days(created_at: datetime, is_gone: bool) -> None:
    existing = lake_table(lake_row("A", created_at=created_at))
    merged = merge(existing, seen_table(), [], [fetch_at(SECOND_FETCH, date(2018, 9, 10), date(2018, 9, 12))])
    assert counts(merged) == (0, 0, int(is_gone))
    assert merged.table["deleted_at"].to_pylist() == [SECOND_FETCH if is_gone else None]


def test_merge_takes_deleted_at_from_the_fetch_of_the_day() -> None:
    existing = [lake_row(f"{day:02}", created_at=utc(2018, 9, day)) for day in (1, 2, 3, 4)]
    fetches = [
        fetch_at(SECOND_FETCH, date(2018, 9, 3), date(2018, 9, 3)),
        fetch_at(THIRD_FETCH, date(2018, 9, 1), date(2018, 9, 2)),
    ]
    merged = merge(lake_table(*existing), seen_table(), [], fetches)
    assert counts(merged) == (0, 0, 3)
    assert merged.table["deleted_at"].to_pylist() == [THIRD_FETCH, THIRD_FETCH, SECOND_FETCH, None]


def test_merge_without_a_fetch_marks_nothing() -> None:
    existing = lake_table(lake_row("A"))
    assert merge(existing, seen_table(), [], []).table is existing


def test_merge_restores_a_recording_listed_again() -> None:
    gone = lake_row("A", deleted_at=SECOND_FETCH)
    merged = fold([gone], [seen_row("A", THIRD_FETCH)], THIRD_FETCH)
    assert counts(merged) == (0, 1, 0)
    assert rows(merged.table) == [lake_row("A")]


def test_merge_restores_the_version_that_is_listed_now() -> None:
    gone = lake_row("A", deleted_at=SECOND_FETCH)
    old = seen_row("A", THIRD_FETCH, updated_at=UPDATED - timedelta(days=1), status="processing")
    merged = fold([gone], [old], THIRD_FETCH)
    assert counts(merged) == (0, 1, 0)
    (row,) = rows(merged.table)
    assert (row["status"], row["deleted_at"], row["first_seen_at"]) == ("processing", None, FIRST_FETCH)


def test_merge_marks_a_recording_listed_as_deleted() -> None:
    deleted = seen_row("A", SECOND_FETCH, status="deleted", updated_at=UPDATED + timedelta(days=1))
    merged = fold([lake_row("A")], [deleted])
    assert counts(merged) == (0, 0, 1)
    (row,) = rows(merged.table)
    assert (row["status"], row["deleted_at"], row["price"]) == ("deleted", SECOND_FETCH, Decimal("-0.0025"))
    # Listed again, and after 40 days no longer: nothing changes.
    again = merge(merged.table, seen_table(deleted | {"seen_at": THIRD_FETCH}), [], [fetch_at(THIRD_FETCH)])
    assert again.table is merged.table
    assert merge(merged.table, seen_table(), [], [fetch_at(THIRD_FETCH)]).table is merged.table
    assert counts(
        fold(rows(merged.table), [seen_row("A", THIRD_FETCH, updated_at=UPDATED + timedelta(2))])
    ) == (
        0,
        1,
        0,
    )


@pytest.mark.parametrize("currency", ["USD", "JPY", "XXX"])
def test_merge_keeps_a_known_price_in_its_currency(currency: str) -> None:
    unpriced = {"status": "deleted", "price": None, "price_raw": None, "currency": currency}
    merged = fold([lake_row("A")], [seen_row("A", SECOND_FETCH, **unpriced)])
    (row,) = rows(merged.table)
    assert (row["status"], row["price"], row["currency"]) == ("deleted", Decimal("-0.0025"), "USD")


def test_merge_counts_a_recording_first_seen_as_deleted() -> None:
    deleted = seen_row("A", SECOND_FETCH, status="deleted")
    for existing in ([], [lake_row("B")]):
        seen = [deleted, *(seen_row(str(row["recording_sid"]), SECOND_FETCH) for row in existing)]
        merged = fold(existing, seen)
        assert counts(merged) == (1, 0, 1)
        assert merged.table["deleted_at"].to_pylist() == [SECOND_FETCH, *(None for _ in existing)]


def test_merge_keeps_the_cost_of_a_deleted_recording() -> None:
    bare = {"price": None, "price_raw": None, "currency": "XXX", "duration_seconds": None}
    deleted = seen_row("A", SECOND_FETCH, status="deleted", **bare)
    merged = fold([lake_row("A")], [deleted])
    (row,) = rows(merged.table)
    known = lake_row("A")
    assert row["status"] == "deleted"
    assert {name: row[name] for name in bare} == {name: known[name] for name in bare}
    assert merged.corrections.num_rows == 0
    assert fold([row], [deleted | {"seen_at": THIRD_FETCH}], THIRD_FETCH).is_changed is False


# Any history, compared with the rules written out for one row at a time


@dataclass(frozen=True)
class Step:
    """One generation of a month: its fetches, the recordings they listed, and the sids they listed but rejected."""

    fetches: list[Fetch]
    seen: list[Row]
    rejected: list[str]


SIDS = st.sampled_from("ABCDE")
DAY_OF_SID = {sid: utc(2018, 9, day, 12) for day, sid in enumerate("ABCDE", start=1)}


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    history = []
    for number in range(draw(st.integers(1, 4))):
        at = FIRST_FETCH + timedelta(days=number)
        cut = draw(st.integers(1, 5))
        fetches = [fetch_at(at, date(2018, 9, 1), date(2018, 9, cut))]
        if cut < 5 and draw(st.booleans()):
            fetches.append(fetch_at(at + timedelta(hours=1), date(2018, 9, cut + 1), date(2018, 9, 5)))
        in_reach = [
            (sid, each.fetched_at)
            for sid, created_at in DAY_OF_SID.items()
            for each in fetches
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
                status=draw(st.sampled_from(["completed", "completed", "deleted"])),
            )
            for (sid, seen_at), fate in zip(in_reach, fates, strict=False)
            if fate == "listed"
        ]
        rejected = [sid for (sid, _), fate in zip(in_reach, fates, strict=False) if fate == "rejected"]
        history.append(Step(fetches, draw(st.permutations(seen)), rejected))
    return history


def by_the_rules(known: dict[str, Row], step: Step) -> dict[str, Row]:
    after = dict(known)
    listed = {str(row["recording_sid"]): row for row in step.seen}
    for sid, sent in listed.items():
        version = dict(sent)
        row: Row = {name: version[name] for name in (*CONTENT_NAMES, "raw_page")}
        row |= {"first_seen_at": version["seen_at"], "first_priced_at": None, "deleted_at": None}
        if sid in known:
            old = known[sid]
            if version["status"] == "deleted":
                for name in ("price", "duration_seconds"):
                    version[name] = row[name] = old[name] if version[name] is None else version[name]
                if version["price_raw"] is None:
                    version["price_raw"] = row["price_raw"] = old["price_raw"]
            is_same = all(old[name] == version[name] for name in CONTENT_NAMES)
            if is_same:
                row |= {name: old[name] for name in (*CONTENT_NAMES, "raw_page")}
            row |= {"first_seen_at": old["first_seen_at"], "first_priced_at": old["first_priced_at"]}
        if row["status"] == "deleted":
            row["deleted_at"] = (known[sid]["deleted_at"] if sid in known else None) or version["seen_at"]
        if row["price"] is not None and row["first_priced_at"] is None:
            row["first_priced_at"] = version["seen_at"]
        after[sid] = row
    for sid, old in known.items():
        if sid not in listed and sid not in step.rejected and old["deleted_at"] is None:
            for each in step.fetches:
                if each.window.first <= DAY_OF_SID[sid].date() <= each.window.last:
                    after[sid] = old | {"deleted_at": each.fetched_at}
    return after


def in_pieces(table: pa.Table) -> pa.Table:
    """Split a table into chunks of one row, since concatenated tables have several chunks."""
    return pa.concat_tables(
        [table.schema.empty_table(), *[table.slice(row, 1) for row in range(table.num_rows)]]
    )


@given(steps())
@settings(max_examples=75)
def test_merge_follows_the_rules_and_is_idempotent(history: list[Step]) -> None:
    table, known = LAKE_SCHEMA.empty_table(), dict[str, Row]()
    for step in history:
        expected = by_the_rules(known, step)
        seen = in_pieces(seen_table(*step.seen))
        merged = merge(in_pieces(table), seen, step.rejected, step.fetches)
        assert rows(merged.table) == [expected[sid] for sid in sorted(expected)]
        assert merged.table.schema == LAKE_SCHEMA
        assert merged.new == len(expected.keys() - known.keys())
        deleted = {sid for sid, row in expected.items() if row["deleted_at"] is not None}
        newly = {sid for sid in deleted if sid not in known or known[sid]["deleted_at"] is None}
        assert merged.deleted == len(newly)
        assert merged.changed == sum(expected[sid] != row and sid not in newly for sid, row in known.items())
        again = merge(merged.table, seen, step.rejected, step.fetches)
        assert counts(again) == (0, 0, 0)
        assert again.table is merged.table or not merged.table.num_rows
        table, known = merged.table, expected


# Abandoned fetches, in one generation with the whole ones that followed


def abandoned(at: datetime, first: date, last: date) -> Fetch:
    return replace(fetch_of(first, last, at, f"{at:%d}"), is_whole=False)


def test_generations_include_abandoned_fetches() -> None:
    quarter = abandoned(utc(2018, 11, 1), date(2018, 7, 1), date(2018, 9, 30))
    half = abandoned(utc(2018, 11, 2), date(2018, 8, 16), date(2018, 9, 30))
    parts = [
        fetch_at(utc(2018, 11, 3), date(2018, 7, 1), date(2018, 8, 15)),
        fetch_at(utc(2018, 11, 4), date(2018, 8, 16)),
    ]
    later = abandoned(utc(2018, 11, 5), date(2018, 7, 1), date(2018, 7, 2))
    assert generations([quarter, half, *parts, later]) == [[quarter, half, *parts], [later]]
    assert layers([quarter, half, *parts, later]) == [[quarter], [half, parts[0]], [parts[1], later]]


@given(steps(), st.data())
@settings(max_examples=40)
def test_fold_equals_merging_each_layer_and_is_idempotent(history: list[Step], data: st.DataObject) -> None:
    """Each step is one fetch, and all but the last are abandoned, so they are one generation."""
    sightings, table, corrected = [], LAKE_SCHEMA.empty_table(), []
    for number, step in enumerate(history):
        at = step.fetches[0].fetched_at
        landing = f"raw/AC/w/{at:%dT%H}"
        seen = [row | {"seen_at": at, "raw_page": f"{landing}/page-00000"} for row in step.seen]
        fetched = Fetch(Window(date(2018, 9, 1), date(2018, 9, 5)), at, landing, number + 1 == len(history))
        sightings.append(Sighting(fetched, seen_table(*seen), step.rejected))
        merged = merge(table, seen_table(*seen), step.rejected, [fetched])
        table = merged.table
        corrected.append(merged.corrections)
    assert len(generations(each.fetch for each in sightings)) == 1
    shuffled = data.draw(st.permutations(sightings))
    folded = fold_all(LAKE_SCHEMA.empty_table(), shuffled)
    again = fold_all(folded.table, shuffled)
    assert rows(folded.table) == rows(again.table) == rows(table)
    found = [CORRECTION_SCHEMA.empty_table(), *corrected]
    one_by_one, at_once = once_per_fetch(pa.concat_tables(found)), once_per_fetch(folded.corrections)
    twice = once_per_fetch(pa.concat_tables([at_once, again.corrections]))
    assert rows(at_once) == rows(one_by_one) == rows(twice)
