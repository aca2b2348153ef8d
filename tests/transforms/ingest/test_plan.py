"""Which days are fetched, how windows are split, and how many pages they are expected to have."""

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.ingest.day_counts import DayCount
from transforms.ingest.plan import (
    expected_pages,
    plan_days,
    split,
    waiting_days,
    windows_of,
)
from transforms.ingest.request import Rules
from transforms.values.windows import CoveredDay, Window, days_of

TODAY = date(2026, 9, 30)
SEPTEMBER = Window(date(2026, 9, 1), TODAY)
EVERY_DAY = [date(2026, 9, number) for number in range(1, 31)]


def covered(*days: date, read_after_days: int = 1) -> dict[date, CoveredDay]:
    return {
        day: CoveredDay(
            day,
            datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(days=read_after_days),
            f"landing of {day}",
            was_over=read_after_days > 0,
            window=Window(day, day),
        )
        for day in days
    }


def test_plan_covers_every_day_at_first() -> None:
    plan = plan_days(SEPTEMBER, TODAY, {}, [], Rules())
    assert plan == dict.fromkeys(EVERY_DAY, "not covered")


def test_plan_looks_back_if_all_is_settled() -> None:
    plan = plan_days(SEPTEMBER, TODAY, covered(*EVERY_DAY), [], Rules())
    assert plan == dict.fromkeys(EVERY_DAY[-3:], "look back")


def test_plan_includes_only_the_unsettled_day() -> None:
    plan = plan_days(SEPTEMBER, TODAY, covered(*EVERY_DAY), [date(2026, 9, 7)], Rules(lookback_days=1))
    assert plan == {date(2026, 9, 7): "unsettled", TODAY: "look back"}


def test_plan_skips_unsettled_days_after_settle_days() -> None:
    unsettled = [date(2026, 9, 20), date(2026, 9, 21)]
    plan = plan_days(SEPTEMBER, TODAY, covered(*EVERY_DAY), unsettled, Rules(lookback_days=0, settle_days=10))
    assert plan == {date(2026, 9, 21): "unsettled"}


def test_plan_leaves_out_an_unsettled_day_read_today() -> None:
    yesterday, today = (covered(date(2026, 9, 20), read_after_days=days) for days in (9, 10))
    rules = Rules(lookback_days=0)
    unsettled = [date(2026, 9, 20)]
    assert plan_days(SEPTEMBER, TODAY, covered(*EVERY_DAY) | yesterday, unsettled, rules) == {
        date(2026, 9, 20): "unsettled"
    }
    assert plan_days(SEPTEMBER, TODAY, covered(*EVERY_DAY) | today, unsettled, rules) == {}
    waiting = waiting_days(SEPTEMBER, TODAY, covered(*EVERY_DAY) | today, unsettled, [], rules)
    assert waiting == {date(2026, 9, 20): date(2026, 10, 1)}


def test_no_day_waits_that_is_planned_settled_or_too_old() -> None:
    read = covered(*EVERY_DAY, read_after_days=29)
    rules = Rules(lookback_days=0, settle_days=20, settle_daily_days=0)
    waiting = waiting_days(SEPTEMBER, TODAY, read, EVERY_DAY[5:26], EVERY_DAY[20:], rules)
    assert waiting == {}


def test_plan_includes_a_day_fetched_before_it_was_over() -> None:
    read = covered(*EVERY_DAY) | covered(date(2026, 9, 9), TODAY, read_after_days=0)
    plan = plan_days(SEPTEMBER, TODAY, read, [], Rules(lookback_days=0))
    assert plan == {date(2026, 9, 9): "not covered"}


def test_plan_audits_the_days_fetched_least_recently() -> None:
    read = covered(*EVERY_DAY) | covered(date(2026, 9, 2), read_after_days=20)
    plan = plan_days(SEPTEMBER, TODAY, read, [], Rules(lookback_days=1, audit_days=2))
    assert plan == {date(2026, 9, 1): "audit", date(2026, 9, 3): "audit", TODAY: "look back"}


def test_plan_rereads_days_read_without_deleted_recordings() -> None:
    read = covered(*EVERY_DAY) | covered(date(2026, 9, 2), date(2026, 9, 5), read_after_days=20)
    since = datetime(2026, 9, 23, tzinfo=UTC)
    rules = Rules(lookback_days=0)
    plan = plan_days(SEPTEMBER, TODAY, read, [], rules, since)
    assert plan == {day: "deletions" for day in EVERY_DAY[:21] if day != date(2026, 9, 5)}
    # What was deleted more than 40 days ago is listed no longer.
    later = plan_days(SEPTEMBER, date(2026, 10, 20), read, [], rules, since)
    assert list(later) == [date(2026, 9, 2), *EVERY_DAY[8:21]]
    assert plan_days(SEPTEMBER, TODAY, read, [], rules, datetime(2026, 9, 1, tzinfo=UTC)) == {}


def test_plan_excludes_future_days_and_days_out_of_range() -> None:
    days = Window(date(2026, 9, 29), date(2026, 10, 5))
    assert list(plan_days(days, TODAY, {}, [date(2026, 9, 1)], Rules(audit_days=9))) == EVERY_DAY[-2:]


@given(
    read=st.sets(st.sampled_from(EVERY_DAY)),
    unsettled=st.sets(st.sampled_from(EVERY_DAY)),
    lookback=st.integers(0, 40),
    settle=st.integers(0, 40),
    audit=st.integers(0, 40),
)
def test_plan_follows_the_rules(
    read: set[date], unsettled: set[date], lookback: int, settle: int, audit: int
) -> None:
    rules = Rules(lookback, settle, audit)
    plan = plan_days(SEPTEMBER, TODAY, covered(*read), unsettled, rules)
    assert set(EVERY_DAY) - read <= plan.keys()
    assert list(plan) == sorted(plan)
    audited = [day for day, reason in plan.items() if reason == "audit"]
    assert len(audited) == min(audit, len(set(EVERY_DAY) - (plan.keys() - set(audited))))
    for day in plan.keys() - set(audited):
        age = (TODAY - day).days
        assert day not in read or age < lookback or (day in unsettled and age < settle)


def quarter_of(day: date) -> tuple[int, int]:
    return day.year, (day.month - 1) // 3


@given(
    st.sets(st.dates(date(2026, 1, 15), date(2026, 4, 15)))
    | st.sets(st.dates(date(2026, 3, 25), date(2026, 4, 5)))
)
def test_windows_have_the_days_and_stay_within_a_quarter(days: set[date]) -> None:
    windows = windows_of(days)
    assert [day for window in windows for day in days_of(window)] == sorted(days)
    assert all(quarter_of(window.first) == quarter_of(window.last) for window in windows)
    for before, after in itertools.pairwise(windows):
        is_cut = quarter_of(before.last) != quarter_of(after.first)
        assert is_cut or before.last + timedelta(days=1) < after.first


def test_windows_span_months_but_not_quarters() -> None:
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 31), date(2026, 4, 1)]
    assert windows_of(days) == [
        Window(date(2026, 2, 28), date(2026, 3, 1)),
        Window(date(2026, 3, 31), date(2026, 3, 31)),
        Window(date(2026, 4, 1), date(2026, 4, 1)),
    ]


QUARTER = Window(date(2026, 7, 1), date(2026, 9, 30))  # 92 days
PARTS = 32  # what eight workers request


def page_ending(newest: datetime, pages_a_day: float, rows: int = 1000) -> list[datetime]:
    """Make the creation instants of a page, newest first, spread evenly over days with this many pages."""
    span = timedelta(days=1) / pages_a_day
    return [newest - span * row / (rows - 1) for row in range(rows)]


def lengths(parts: Sequence[Window]) -> set[int]:
    return {len(days_of(part)) for part in parts}


def assert_is_cut_of(window: Window, parts: Sequence[Window]) -> None:
    """Assert that the parts are whole days, oldest first, with each day of the window in exactly one of them."""
    assert [day for part in parts for day in days_of(part)] == days_of(window)
    assert all(days_of(part) for part in parts)


def test_split_leaves_a_window_of_few_pages_whole() -> None:
    newest = QUARTER.created_before - timedelta(seconds=1)
    for pages in (2, 4, 7.9):
        assert split(QUARTER, page_ending(newest, pages / 92), PARTS) == [QUARTER]


def test_split_makes_about_as_many_parts_as_requested() -> None:
    newest = QUARTER.created_before - timedelta(seconds=1)
    parts = split(QUARTER, page_ending(newest, 2), PARTS)
    assert_is_cut_of(QUARTER, parts)
    assert (len(parts), lengths(parts)) == (PARTS, {2, 3})


def test_split_expects_at_least_two_pages_per_part() -> None:
    newest = QUARTER.created_before - timedelta(seconds=1)
    parts = split(QUARTER, page_ending(newest, 10 / 92), PARTS)
    assert_is_cut_of(QUARTER, parts)
    assert len(parts) == 5


def test_split_leaves_a_single_day_whole() -> None:
    day = Window(TODAY, TODAY)
    assert split(day, page_ending(day.created_before - timedelta(seconds=1), 100), PARTS) == [day]


def test_split_makes_no_part_shorter_than_a_day() -> None:
    days = Window(date(2026, 9, 1), date(2026, 9, 3))
    parts = split(days, page_ending(days.created_before - timedelta(seconds=1), 100), PARTS)
    assert parts == [Window(day, day) for day in days_of(days)]


@pytest.mark.parametrize("parts_wanted", [1, 4, 32])
def test_split_limits_parts_to_about_fifty_pages(parts_wanted: int) -> None:
    pages_a_day = 25
    newest = QUARTER.created_before - timedelta(seconds=1)
    parts = split(QUARTER, page_ending(newest, pages_a_day), parts_wanted)
    assert_is_cut_of(QUARTER, parts)
    assert max(lengths(parts)) * pages_a_day <= 50 + pages_a_day  # whole days
    assert len(parts) >= max(46, parts_wanted)


def test_split_into_one_part_is_whole_up_to_fifty_pages() -> None:
    newest = QUARTER.created_before - timedelta(seconds=1)
    assert split(QUARTER, page_ending(newest, 0.5), 1) == [QUARTER]  # 46 pages
    assert split(QUARTER, page_ending(newest, 0.5), 0) == [QUARTER]
    assert len(split(QUARTER, page_ending(newest, 0.6), 1)) == 2  # 56 pages


def test_split_ignores_a_silent_end_of_the_window() -> None:
    """Two pages a day until July 15th and nothing after are 30 pages. If the density included the days without
    recordings, the estimate would be two pages."""
    parts = split(QUARTER, page_ending(datetime(2026, 7, 15, 23, 59, tzinfo=UTC), 2), PARTS)
    assert_is_cut_of(QUARTER, parts)
    assert len(parts) == 15


def test_split_leaves_a_mostly_silent_window_whole() -> None:
    assert split(QUARTER, page_ending(datetime(2026, 7, 3, tzinfo=UTC), 2), PARTS) == [QUARTER]


def test_split_leaves_a_window_without_valid_dates_whole() -> None:
    assert split(QUARTER, [], PARTS) == [QUARTER]


def test_split_of_a_page_of_one_instant_gives_single_days() -> None:
    instant = datetime(2026, 9, 30, 12, tzinfo=UTC)
    parts = split(QUARTER, [instant] * 1000, PARTS)
    assert parts == [Window(day, day) for day in days_of(QUARTER)]
    assert split(QUARTER, [instant, instant], PARTS) == parts


def test_split_needs_two_instants() -> None:
    assert split(QUARTER, [datetime(2026, 9, 30, 12, tzinfo=UTC)], PARTS) == [QUARTER]


def test_split_ignores_a_page_at_the_start_of_the_window() -> None:
    assert split(QUARTER, [QUARTER.created_from] * 1000, PARTS) == [QUARTER]


def test_split_ignores_rows_before_the_window() -> None:
    """An API that compares days and includes the bounds also lists the day before."""
    before = QUARTER.created_from - timedelta(hours=2)
    assert split(QUARTER, page_ending(before, 48), PARTS) == [QUARTER]


def test_split_ignores_the_order_of_the_rows() -> None:
    listed = page_ending(QUARTER.created_before - timedelta(seconds=1), 2)
    assert split(QUARTER, listed[::-1], PARTS) == split(QUARTER, listed, PARTS)


DAYS = st.dates(date(2020, 1, 1), date(2026, 9, 30))


@given(
    first=DAYS,
    length=st.integers(1, 400),
    hours=st.lists(st.floats(-48, 24 * 500), max_size=5),
    parts_wanted=st.integers(0, 200),
)
def test_split_covers_the_window_with_whole_days_in_order(
    first: date, length: int, hours: list[float], parts_wanted: int
) -> None:
    window = Window(first, first + timedelta(days=length - 1))
    parts = split(window, [window.created_from + timedelta(hours=hour) for hour in hours], parts_wanted)
    assert_is_cut_of(window, parts)
    assert 1 <= len(parts) <= length
    sizes = lengths(parts)
    assert max(sizes) - min(sizes) <= 1


@given(
    first=DAYS,
    length=st.integers(2, 120),
    pages_a_day=st.floats(0.01, 2000),
    silent_days=st.integers(0, 119),
    parts_wanted=st.integers(0, 64),
)
def test_split_only_windows_with_many_pages(
    first: date, length: int, pages_a_day: float, silent_days: int, parts_wanted: int
) -> None:
    window = Window(first, first + timedelta(days=length - 1))
    newest = window.created_before - timedelta(days=min(silent_days, length - 1), seconds=1)
    listed = page_ending(newest, pages_a_day, rows=2)
    span = max(listed[0] - listed[1], timedelta(seconds=1))
    pages = ceil((newest - window.created_from) / span)
    parts = split(window, listed, parts_wanted)
    assert_is_cut_of(window, parts)
    if pages <= 8 or (parts_wanted <= 1 and pages <= 50):
        assert parts == [window]
    else:
        assert len(parts) > 1
        assert len(parts) <= max(parts_wanted, ceil(pages / 50))
        assert len(parts) == length or pages / len(parts) <= 50
        assert pages / len(parts) > 1.5  # a part of less than about two pages is not worth a request


COUNTED = {date(2026, 9, 1): DayCount(2500, 0), date(2026, 9, 2): DayCount(500, 9)}


def test_expected_pages_follow_the_known_recordings() -> None:
    assert expected_pages(Window(date(2026, 9, 1), date(2026, 9, 1)), COUNTED) == 3
    assert expected_pages(Window(date(2026, 9, 1), date(2026, 9, 2)), COUNTED) == 3
    assert expected_pages(Window(date(2026, 9, 2), date(2026, 9, 2)), COUNTED) == 1


def test_expected_pages_count_a_full_page_once() -> None:
    day = date(2026, 9, 1)
    assert expected_pages(Window(day, day), {day: DayCount(1000, 0)}) == 1
    assert expected_pages(Window(day, day), {day: DayCount(1001, 0)}) == 2


def test_expected_pages_are_at_least_one() -> None:
    assert expected_pages(QUARTER, {}) == 1
    assert expected_pages(QUARTER, {date(2026, 9, 1): DayCount(0, 0)}) == 1


def test_expected_pages_assume_average_for_unknown_days() -> None:
    """The average is 1,500 a day."""
    assert expected_pages(Window(date(2026, 9, 3), date(2026, 9, 4)), COUNTED) == 3
    assert expected_pages(Window(date(2026, 9, 2), date(2026, 9, 3)), COUNTED) == 2


@given(
    counts=st.dictionaries(st.sampled_from(EVERY_DAY), st.integers(0, 5000), min_size=1),
    low=st.integers(0, 29),
    high=st.integers(0, 29),
)
def test_expected_pages_are_exact_for_known_days(counts: dict[date, int], low: int, high: int) -> None:
    window = Window(EVERY_DAY[min(low, high)], EVERY_DAY[max(low, high)])
    known = {day: DayCount(count, 0) for day, count in counts.items()}
    expected = expected_pages(window, known)
    rows = sum(counts.get(day, 0) for day in days_of(window))
    assert expected >= max(1, ceil(rows / 1000))
    if set(days_of(window)) <= counts.keys():
        assert expected == max(1, ceil(rows / 1000))
