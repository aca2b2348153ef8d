"""Which days are read again, and which never for nothing."""

import itertools
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from transforms.plan import Rules, plan_days, windows_of
from transforms.windows import CoveredDay, Window

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
        )
        for day in days
    }


def test_nothing_read_yet_everything_is_read() -> None:
    plan = plan_days(SEPTEMBER, TODAY, {}, [], Rules())
    assert plan == dict.fromkeys(EVERY_DAY, "not covered")


def test_everything_read_and_settled_only_the_newest_days_are_read_again() -> None:
    plan = plan_days(SEPTEMBER, TODAY, covered(*EVERY_DAY), [], Rules())
    assert plan == dict.fromkeys(EVERY_DAY[-3:], "look back")


def test_a_day_with_an_unsettled_recording_is_read_again_and_only_that_day() -> None:
    plan = plan_days(SEPTEMBER, TODAY, covered(*EVERY_DAY), [date(2026, 9, 7)], Rules(lookback_days=1))
    assert plan == {date(2026, 9, 7): "unsettled", TODAY: "look back"}


def test_a_day_older_than_settle_days_is_left_alone_and_the_day_before_that_is_not() -> None:
    unsettled = [date(2026, 9, 20), date(2026, 9, 21)]
    plan = plan_days(SEPTEMBER, TODAY, covered(*EVERY_DAY), unsettled, Rules(lookback_days=0, settle_days=10))
    assert plan == {date(2026, 9, 21): "unsettled"}


def test_a_day_read_before_it_was_over_is_not_covered_once_it_is_over() -> None:
    read = covered(*EVERY_DAY) | covered(date(2026, 9, 9), TODAY, read_after_days=0)
    plan = plan_days(SEPTEMBER, TODAY, read, [], Rules(lookback_days=0))
    assert plan == {date(2026, 9, 9): "not covered"}


def test_an_audit_takes_the_days_whose_last_reading_is_oldest() -> None:
    read = covered(*EVERY_DAY) | covered(date(2026, 9, 2), read_after_days=20)
    plan = plan_days(SEPTEMBER, TODAY, read, [], Rules(lookback_days=1, audit_days=2))
    assert plan == {date(2026, 9, 1): "audit", date(2026, 9, 3): "audit", TODAY: "look back"}


def test_days_outside_the_range_and_in_the_future_are_never_read() -> None:
    days = Window(date(2026, 9, 29), date(2026, 10, 5))
    assert list(plan_days(days, TODAY, {}, [date(2026, 9, 1)], Rules(audit_days=9))) == EVERY_DAY[-2:]


@given(
    read=st.sets(st.sampled_from(EVERY_DAY)),
    unsettled=st.sets(st.sampled_from(EVERY_DAY)),
    lookback=st.integers(0, 40),
    settle=st.integers(0, 40),
    audit=st.integers(0, 40),
)
def test_every_day_not_covered_is_planned_and_a_settled_old_one_only_by_the_audit(
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


@given(st.sets(st.dates(date(2026, 1, 15), date(2026, 4, 15))))
def test_windows_hold_just_the_days_within_one_month_each_and_never_touch(days: set[date]) -> None:
    windows = windows_of(days)
    held = [
        window.first + timedelta(days=offset)
        for window in windows
        for offset in range((window.last - window.first).days + 1)
    ]
    assert held == sorted(days)
    assert all(
        (window.first.year, window.first.month) == (window.last.year, window.last.month) for window in windows
    )
    assert windows == sorted(windows)
    for before, after in itertools.pairwise(windows):
        assert before.last + timedelta(days=1) < after.first or after.first.day == 1
