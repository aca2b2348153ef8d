"""When a day that may still change is fetched again."""

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from transforms.ingest.request import Rules
from transforms.ingest.settling import is_due, next_due

DAY = date(2026, 9, 1)


def fetches(runs_a_day: int, rules: Rules) -> list[int]:
    """Return the ages in days at which a day is fetched by runs at even intervals, beginning at its end."""
    ages = []
    fetched = datetime.combine(DAY, time(), UTC)
    for run in range(runs_a_day * (rules.settle_days + 30)):
        now = datetime.combine(DAY, time(), UTC) + run * timedelta(days=1) / runs_a_day
        if is_due(DAY, fetched, now.date(), rules):
            ages.append((now.date() - DAY).days)
            fetched = now
    return ages


def test_hourly_runs_fetch_a_day_with_patience() -> None:
    each_run, daily = [age for age in range(3) for _ in range(24)], list(range(3, 14))
    assert fetches(24, Rules()) == [*each_run, *daily, *range(20, 90, 7)]


def test_nightly_runs_fetch_a_day_as_often_as_due() -> None:
    assert fetches(1, Rules()) == [*range(14), *range(20, 90, 7)]


def test_no_day_is_fetched_for_its_own_sake_without_settling() -> None:
    assert fetches(24, Rules(settle_days=0)) == []


@given(
    age=st.integers(0, 120),
    since=st.integers(0, 120),
    each_run=st.integers(0, 20),
    daily=st.integers(0, 40),
    settle=st.integers(0, 100),
)
def test_next_due_is_the_first_due_day(age: int, since: int, each_run: int, daily: int, settle: int) -> None:
    rules = Rules(settle_days=settle, settle_each_run_days=each_run, settle_daily_days=daily)
    today = DAY + timedelta(days=age)
    fetched = datetime.combine(today - timedelta(days=since), time(23, 59), UTC)
    later = [today + timedelta(days=number) for number in range(200)]
    due = [each for each in later if is_due(DAY, fetched, each, rules)]
    assert next_due(DAY, fetched, today, rules) == (due[0] if due else None)
