from datetime import date, datetime, timedelta

import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.samples.transforms import instants_between, reading, utc
from transforms.values.dates import INSTANT
from transforms.values.windows import (
    CoveredDay,
    Window,
    covered_days,
    find_first_day,
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


def test_a_window_reaches_from_its_first_midnight_to_the_one_after_its_last_day() -> None:
    window = Window(date(2020, 2, 28), date(2020, 2, 29))
    assert window.created_from == utc(2020, 2, 28)
    assert window.created_before == utc(2020, 3, 1)


def test_the_bounds_of_a_window_are_exact_to_the_microsecond() -> None:
    start, end = utc(2018, 9, 25), utc(2018, 9, 26)
    moments = [start - MICROSECOND, start, None, end - MICROSECOND, end]
    found = is_created_in(pa.array(moments, INSTANT), Window(date(2018, 9, 25), date(2018, 9, 25)))
    assert found.to_pylist() == [False, True, None, True, False]


@given(windows(), instants_between(utc(2020, 2, 24), utc(2020, 3, 8)))
@settings(deadline=None)
def test_an_instant_is_in_a_window_when_its_day_is(window: Window, moment: datetime) -> None:
    found = is_created_in(pa.chunked_array([pa.array([moment], INSTANT)]), window)
    assert found.to_pylist() == [moment.date() in days_of(window)]


@given(windows(), windows())
@settings(deadline=None)
def test_windows_overlap_when_they_share_a_day(one: Window, other: Window) -> None:
    assert one.overlaps(other) == bool(days_of(one) & days_of(other))


def test_neighbouring_windows_do_not_overlap() -> None:
    february, march = Window(date(2020, 2, 1), date(2020, 2, 29)), Window(date(2020, 3, 1), date(2020, 3, 31))
    assert not february.overlaps(march)
    assert not march.overlaps(february)
    assert february.overlaps(Window(date(2020, 2, 29), date(2020, 3, 1)))


# Months and quarters


def test_days_are_cut_at_the_ends_of_months() -> None:
    assert month_windows(date(2019, 11, 30), date(2020, 3, 1)) == [
        Window(date(2019, 11, 30), date(2019, 11, 30)),
        Window(date(2019, 12, 1), date(2019, 12, 31)),
        Window(date(2020, 1, 1), date(2020, 1, 31)),
        Window(date(2020, 2, 1), date(2020, 2, 29)),
        Window(date(2020, 3, 1), date(2020, 3, 1)),
    ]


def test_days_are_cut_at_the_ends_of_quarters() -> None:
    assert quarter_windows(date(2019, 11, 30), date(2020, 8, 1)) == [
        Window(date(2019, 11, 30), date(2019, 12, 31)),
        Window(date(2020, 1, 1), date(2020, 3, 31)),
        Window(date(2020, 4, 1), date(2020, 6, 30)),
        Window(date(2020, 7, 1), date(2020, 8, 1)),
    ]


@given(windows(DAYS))
@settings(deadline=None)
def test_quarters_hold_every_day_once_and_none_crosses_a_quarter(window: Window) -> None:
    quarters = quarter_windows(window.first, window.last)
    assert [day for quarter in quarters for day in sorted(days_of(quarter))] == sorted(days_of(window))
    for quarter in quarters:
        assert len({(day.year, (day.month - 1) // 3) for day in days_of(quarter)}) == 1


def test_a_single_day_is_one_window_and_no_day_none() -> None:
    assert month_windows(date(2020, 1, 31), date(2020, 1, 31)) == [
        Window(date(2020, 1, 31), date(2020, 1, 31))
    ]
    assert month_windows(date(2020, 2, 1), date(2020, 1, 31)) == []


@given(windows(DAYS))
@settings(deadline=None)
def test_months_hold_every_day_once_and_none_crosses_a_month(window: Window) -> None:
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
@settings(deadline=None, max_examples=400)
@example({TODAY}, -1)
@example({TODAY}, 1)
@example({TODAY - DAY}, -1)
@example({date(1980, 1, 3)}, -1)
@example({date(1980, 1, 3), TODAY}, 1)
def test_the_first_day_found_is_never_late_and_at_most_two_days_early(days: set[date], off_by: int) -> None:
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


def test_the_first_day_is_one_early_when_the_api_takes_before_at_its_word() -> None:
    first = date(2019, 6, 15)
    assert find_first_day(lambda day: first < day, TODAY) == date(2019, 6, 14)


def test_an_api_that_answers_yes_to_everything_comes_to_an_end() -> None:
    questions = []

    def always(day: date) -> bool:
        questions.append(day)
        return True

    found = find_first_day(always, TODAY)
    assert found is not None
    assert found < date(1980, 1, 2)
    assert len(questions) <= 30


# Coverage


def test_a_day_is_covered_when_it_was_over_at_the_reading() -> None:
    walk = reading(date(2020, 3, 1), date(2020, 3, 3), utc(2020, 3, 4), "L")
    assert covered_days([walk]) == [
        CoveredDay(date(2020, 3, day), utc(2020, 3, 4), "L", was_over=True) for day in (1, 2, 3)
    ]


def test_a_day_read_before_it_was_over_is_covered_until_then_and_a_day_not_begun_is_not() -> None:
    walk = reading(date(2020, 2, 29), date(2020, 3, 31), utc(2020, 3, 1, 23, 59, 59), "L")
    assert covered_days([walk]) == [
        CoveredDay(date(2020, 2, 29), utc(2020, 3, 1, 23, 59, 59), "L", was_over=True),
        CoveredDay(date(2020, 3, 1), utc(2020, 3, 1, 23, 59, 59), "L", was_over=False),
    ]


def test_the_last_reading_of_a_day_counts_in_whatever_order_they_come() -> None:
    early = reading(date(2020, 3, 1), date(2020, 3, 2), utc(2020, 3, 1, 12), "early")
    late = reading(date(2020, 3, 1), date(2020, 3, 1), utc(2020, 3, 5), "late")
    other = reading(date(2020, 2, 28), date(2020, 2, 28), utc(2020, 3, 3), "other")
    for walks in ([early, late, other], [late, other, early]):
        assert covered_days(walks) == [
            CoveredDay(date(2020, 2, 28), utc(2020, 3, 3), "other", was_over=True),
            CoveredDay(date(2020, 3, 1), utc(2020, 3, 5), "late", was_over=True),
        ]


def test_nothing_read_covers_nothing() -> None:
    assert covered_days([]) == []


def test_days_never_read_and_days_read_too_early_are_holes() -> None:
    covered = covered_days(
        [
            reading(date(2020, 3, 1), date(2020, 3, 2), utc(2020, 3, 2, 12), "A"),
            reading(date(2020, 3, 4), date(2020, 3, 6), utc(2020, 3, 6, 12), "B"),
        ]
    )
    assert holes(covered, date(2020, 2, 29), date(2020, 3, 6)) == [
        date(2020, 2, 29),
        date(2020, 3, 2),
        date(2020, 3, 3),
    ]


def test_the_horizon_may_still_be_running_but_must_have_been_read() -> None:
    covered = covered_days([reading(date(2020, 3, 1), date(2020, 3, 2), utc(2020, 3, 2, 12))])
    assert holes(covered, date(2020, 3, 1), date(2020, 3, 2)) == []
    assert holes(covered, date(2020, 3, 1), date(2020, 3, 3)) == [date(2020, 3, 2), date(2020, 3, 3)]
    assert holes(covered, date(2020, 3, 3), date(2020, 3, 2)) == []
    assert holes([], date(2020, 3, 1), date(2020, 3, 1)) == [date(2020, 3, 1)]


READINGS = st.lists(
    st.tuples(windows(), instants_between(utc(2020, 2, 24), utc(2020, 3, 10))),
    max_size=5,
)


@given(READINGS, windows())
@settings(deadline=None)
def test_a_hole_is_a_day_without_a_reading_after_it(
    read: list[tuple[Window, datetime]], span: Window
) -> None:
    covered = covered_days(
        [reading(window.first, window.last, at, f"L{number}") for number, (window, at) in enumerate(read)]
    )
    for each in covered:
        readings_of_day = [at for window, at in read if each.day in days_of(window)]
        assert each.fetched_at == max(readings_of_day)
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
