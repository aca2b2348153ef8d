"""Which days are fetched, and how many pages windows are expected to have."""

import itertools
from datetime import UTC, date, datetime, timedelta
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from transforms.ingest.day_counts import DayCount
from transforms.ingest.plan import (
    expected_pages,
    plan_days,
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


COUNTED = {date(2026, 9, 1): DayCount(2500, 0), date(2026, 9, 2): DayCount(500, 9)}


def test_expected_pages_follow_the_known_recordings() -> None:
    assert expected_pages(Window(date(2026, 9, 1), date(2026, 9, 1)), COUNTED) == 3
    assert expected_pages(Window(date(2026, 9, 1), date(2026, 9, 2)), COUNTED) == 3
    assert expected_pages(Window(date(2026, 9, 2), date(2026, 9, 2)), COUNTED) == 1


FEW = [date(2026, 9, 7)]


def test_plan_asks_for_few_unsettled_recordings() -> None:
    plan = plan_days(SEPTEMBER, TODAY, covered(*EVERY_DAY), FEW, Rules(lookback_days=0), few=FEW)
    assert plan == {FEW[0]: "few unsettled"}


def test_plan_waits_after_they_were_asked_for() -> None:
    rules, known = Rules(lookback_days=0), covered(*EVERY_DAY)
    asked = {FEW[0]: datetime(2026, 9, 25, tzinfo=UTC)}
    assert plan_days(SEPTEMBER, TODAY, known, FEW, rules, few=FEW, asked=asked) == {}
    assert waiting_days(SEPTEMBER, TODAY, known, FEW, [], rules, asked) == {FEW[0]: date(2026, 10, 2)}
    earlier = {FEW[0]: datetime(2026, 9, 1, tzinfo=UTC)}  # the day was read since
    assert plan_days(SEPTEMBER, TODAY, known, FEW, rules, few=FEW, asked=earlier) == {FEW[0]: "few unsettled"}


def test_audit_takes_days_with_few_unsettled_recordings() -> None:
    known, kept = covered(*EVERY_DAY), {FEW[0]: 1500}
    plan = plan_days(SEPTEMBER, TODAY, known, FEW, Rules(lookback_days=0), kept=kept, few=FEW)
    assert plan == {FEW[0]: "audit"}
    rules = Rules(lookback_days=0, audit_days=30)
    assert plan_days(SEPTEMBER, TODAY, known, FEW, rules, few=FEW) == dict.fromkeys(EVERY_DAY, "audit")


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
