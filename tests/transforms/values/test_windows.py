from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.samples.transforms import fetch_of, instants_between, utc
from transforms.values.dates import INSTANT
from transforms.values.windows import (
    CoveredDay,
    Window,
    consecutive,
    covered_days,
    find_first_day,
    first_day_of_young,
    holes,
    is_created_in,
    month_windows,
    quarter_windows,
)

DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
TODAY = date(2026, 3, 1)

DAYS = st.dates(date(2018, 1, 1), date(2020, 12, 31))
NEAR_DAYS = st.dates(date(2020, 2, 25), date(2020, 3, 6))


@st.composite
def windows(draw: st.DrawFn, days: st.SearchStrategy[date] = NEAR_DAYS) -> Window:
    first, last = sorted([draw(days), draw(days)])
    return Window(first, last)


def days_of(window: Window) -> set[date]:
    return {window.first + offset * DAY for offset in range((window.last - window.first).days + 1)}


# The instants of a window


def test_window_spans_midnight_to_midnight() -> None:
    window = Window(date(2020, 2, 28), date(2020, 2, 29))
    assert window.created_from == utc(2020, 2, 28)
    assert window.created_before == utc(2020, 3, 1)


def test_window_bounds_are_exact_to_the_microsecond() -> None:
    start, end = utc(2018, 9, 25), utc(2018, 9, 26)
    moments = [start - MICROSECOND, start, None, end - MICROSECOND, end]
    found = is_created_in(pa.array(moments, INSTANT), Window(date(2018, 9, 25), date(2018, 9, 25)))
    assert found.to_pylist() == [False, True, None, True, False]


@given(windows(), instants_between(utc(2020, 2, 24), utc(2020, 3, 8)))
def test_is_created_in_follows_the_day_of_the_instant(window: Window, moment: datetime) -> None:
    found = is_created_in(pa.chunked_array([pa.array([moment], INSTANT)]), window)
    assert found.to_pylist() == [moment.date() in days_of(window)]


@given(windows(), windows())
def test_windows_overlap_when_they_share_a_day(one: Window, other: Window) -> None:
    assert one.overlaps(other) == bool(days_of(one) & days_of(other))


def test_adjacent_windows_do_not_overlap() -> None:
    february, march = Window(date(2020, 2, 1), date(2020, 2, 29)), Window(date(2020, 3, 1), date(2020, 3, 31))
    assert not february.overlaps(march)
    assert not march.overlaps(february)
    assert february.overlaps(Window(date(2020, 2, 29), date(2020, 3, 1)))


# Months and quarters


def test_month_windows_split_by_month() -> None:
    assert month_windows(date(2019, 11, 30), date(2020, 3, 1)) == [
        Window(date(2019, 11, 30), date(2019, 11, 30)),
        Window(date(2019, 12, 1), date(2019, 12, 31)),
        Window(date(2020, 1, 1), date(2020, 1, 31)),
        Window(date(2020, 2, 1), date(2020, 2, 29)),
        Window(date(2020, 3, 1), date(2020, 3, 1)),
    ]


def test_quarter_windows_split_by_quarter() -> None:
    assert quarter_windows(date(2019, 11, 30), date(2020, 8, 1)) == [
        Window(date(2019, 11, 30), date(2019, 12, 31)),
        Window(date(2020, 1, 1), date(2020, 3, 31)),
        Window(date(2020, 4, 1), date(2020, 6, 30)),
        Window(date(2020, 7, 1), date(2020, 8, 1)),
    ]


@given(windows(DAYS))
def test_quarter_windows_have_every_day_once(window: Window) -> None:
    quarters = quarter_windows(window.first, window.last)
    assert [day for quarter in quarters for day in sorted(days_of(quarter))] == sorted(days_of(window))
    for quarter in quarters:
        assert len({(day.year, (day.month - 1) // 3) for day in days_of(quarter)}) == 1


def test_month_windows_of_one_day_and_of_none() -> None:
    assert month_windows(date(2020, 1, 31), date(2020, 1, 31)) == [
        Window(date(2020, 1, 31), date(2020, 1, 31))
    ]
    assert month_windows(date(2020, 2, 1), date(2020, 1, 31)) == []


@given(windows(DAYS))
def test_month_windows_have_every_day_once(window: Window) -> None:
    months = month_windows(window.first, window.last)
    in_order = [day for month in months for day in sorted(days_of(month))]
    assert in_order == sorted(days_of(window))
    assert all(
        (month.first.year, month.first.month) == (month.last.year, month.last.month) for month in months
    )
    assert len({(month.first.year, month.first.month) for month in months}) == len(months)


# The first day


@given(
    st.sets(st.dates(date(1980, 1, 3), TODAY), max_size=6)
    | st.sets(st.dates(date(2025, 12, 20), TODAY), max_size=6),
    st.integers(-1, 1),
)
@settings(max_examples=400)
@example({TODAY}, -1)
@example({TODAY}, 1)
@example({TODAY - DAY}, -1)
@example({date(1980, 1, 3)}, -1)
@example({date(1980, 1, 3), TODAY}, 1)
def test_find_first_day_is_at_most_two_days_early(days: set[date], off_by: int) -> None:
    questions = []

    def exists_before(day: date) -> bool:
        questions.append(day)
        return any(created < day + off_by * DAY for created in days)

    found = find_first_day(exists_before, TODAY)
    assert len(questions) <= 30
    if days:
        assert found is not None
        assert min(days) - 2 * DAY <= found <= min(days)
    else:
        assert found is None
        assert len(questions) == 1


@pytest.mark.parametrize(
    ("created_on", "first"),
    [
        (date(2025, 6, 15), date(2025, 6, 14)),
        (TODAY, TODAY - DAY),
        (None, None),
        (date(2010, 6, 15), None),
        (date(1970, 1, 1), None),
        (TODAY + DAY, None),
    ],
    ids=["young", "new", "unknown", "old account", "impossible", "in future"],
)
def test_young_account_begins_the_day_before_its_creation(
    created_on: date | None, first: date | None
) -> None:
    assert first_day_of_young(created_on, TODAY) == first


def test_find_first_day_is_one_day_early_with_exact_bounds() -> None:
    first = date(2019, 6, 15)
    assert find_first_day(lambda day: first < day, TODAY) == date(2019, 6, 14)


def test_find_first_day_ends_if_the_api_always_says_yes() -> None:
    questions = []

    def always(day: date) -> bool:
        questions.append(day)
        return True

    found = find_first_day(always, TODAY)
    assert found is not None
    assert found < date(1980, 1, 2)
    assert len(questions) <= 30


# Coverage


def test_day_is_covered_if_it_was_over_when_fetched() -> None:
    fetch = fetch_of(date(2020, 3, 1), date(2020, 3, 3), utc(2020, 3, 4), "L")
    assert covered_days([fetch]) == [
        CoveredDay(date(2020, 3, day), utc(2020, 3, 4), "L", was_over=True, window=fetch.window)
        for day in (1, 2, 3)
    ]


def test_day_still_running_when_fetched_is_not_over() -> None:
    fetch = fetch_of(date(2020, 2, 29), date(2020, 3, 31), utc(2020, 3, 1, 23, 59, 59), "L")
    assert covered_days([fetch]) == [
        CoveredDay(date(2020, 2, 29), utc(2020, 3, 1, 23, 59, 59), "L", was_over=True, window=fetch.window),
        CoveredDay(date(2020, 3, 1), utc(2020, 3, 1, 23, 59, 59), "L", was_over=False, window=fetch.window),
    ]


def test_covered_days_take_the_last_fetch_in_any_order() -> None:
    early = fetch_of(date(2020, 3, 1), date(2020, 3, 2), utc(2020, 3, 1, 12), "early")
    late = fetch_of(date(2020, 3, 1), date(2020, 3, 1), utc(2020, 3, 5), "late")
    other = fetch_of(date(2020, 2, 28), date(2020, 2, 28), utc(2020, 3, 3), "other")
    for fetches in ([early, late, other], [late, other, early]):
        assert covered_days(fetches) == [
            CoveredDay(date(2020, 2, 28), utc(2020, 3, 3), "other", was_over=True, window=other.window),
            CoveredDay(date(2020, 3, 1), utc(2020, 3, 5), "late", was_over=True, window=late.window),
        ]


def test_covered_days_are_empty_without_fetches() -> None:
    assert covered_days([]) == []


def test_holes_are_days_never_fetched_or_fetched_too_early() -> None:
    covered = covered_days(
        [
            fetch_of(date(2020, 3, 1), date(2020, 3, 2), utc(2020, 3, 2, 12), "A"),
            fetch_of(date(2020, 3, 4), date(2020, 3, 6), utc(2020, 3, 6, 12), "B"),
        ]
    )
    assert holes(covered, date(2020, 2, 29), date(2020, 3, 6)) == [
        date(2020, 2, 29),
        date(2020, 3, 2),
        date(2020, 3, 3),
    ]


def test_horizon_may_be_running_but_must_be_fetched() -> None:
    covered = covered_days([fetch_of(date(2020, 3, 1), date(2020, 3, 2), utc(2020, 3, 2, 12))])
    assert holes(covered, date(2020, 3, 1), date(2020, 3, 2)) == []
    assert holes(covered, date(2020, 3, 1), date(2020, 3, 3)) == [date(2020, 3, 2), date(2020, 3, 3)]
    assert holes(covered, date(2020, 3, 3), date(2020, 3, 2)) == []
    assert holes([], date(2020, 3, 1), date(2020, 3, 1)) == [date(2020, 3, 1)]


FETCHES = st.lists(
    st.tuples(windows(), instants_between(utc(2020, 2, 24), utc(2020, 3, 10))),
    max_size=5,
)


@given(FETCHES, windows())
def test_holes_are_days_without_a_fetch_after_them(read: list[tuple[Window, datetime]], span: Window) -> None:
    covered = covered_days(
        [fetch_of(window.first, window.last, at, f"L{number}") for number, (window, at) in enumerate(read)]
    )
    for each in covered:
        fetches_of_day = [at for window, at in read if each.day in days_of(window)]
        assert each.fetched_at == max(fetches_of_day)
        assert each.was_over == (each.fetched_at.date() > each.day)
    assert [each.day for each in covered] == sorted({each.day for each in covered})
    assert {each.day for each in covered} == {
        day for window, at in read for day in days_of(window) if day <= at.date()
    }
    assert holes(covered, span.first, span.last) == [
        day
        for day in sorted(days_of(span))
        if not any(
            day in days_of(window) and (at.date() > day or (at.date() == day == span.last))
            for window, at in read
        )
    ]


def test_consecutive_days_are_one_window_whatever_their_order() -> None:
    days = [date(2026, 3, 1), date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 3), date(2026, 3, 3)]
    assert consecutive(days) == [
        Window(date(2026, 2, 27), date(2026, 3, 1)),
        Window(date(2026, 3, 3), date(2026, 3, 3)),
    ]
    assert consecutive([]) == []
