from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from flows.emulator import open_living
from tests.benchmarks.hourly.living_year import ACCOUNT, FIRST, Year, living_year
from tests.benchmarks.hourly.year import section, year_of_runs
from tests.benchmarks.hourly.year_counts import Asking, asking_each_run, overdue
from tests.support.runs.living_runs import epoch_of, made


@pytest.mark.slow
def test_year_of_runs_is_right_and_measured(tmp_path: Path) -> None:
    measured = year_of_runs(Year(7, 20), 3, tmp_path, print)
    assert measured.runs == 7 * 24
    assert measured.recordings == 140
    assert measured.is_right
    assert (len(measured.samples), len(measured.idle)) == (3, 2)
    assert 0 < measured.requests < measured.by_day
    assert measured.versions < measured.distinct <= measured.sent
    assert "| late |" in section(measured)


def test_living_year_has_late_prices_and_deletions() -> None:
    year = Year(100, 20, 1_100)
    ledger = living_year(year).ledger
    ledger.advance_to(year.end)
    states = ledger.recordings()
    assert len(states) == 99 * 20 + 1_100
    days_until = [(each.recording.updated_at - each.recording.created_at) / 86_400 for each in states]
    assert sum(days > 14 for days in days_until) > 50
    assert sum(each.deleted_at is not None for each in states) > 30
    assert sum(each.recording.is_awaiting_price for each in states) > 10
    assert {each.recording.status for each in states} >= {"completed", "absent", "failed"}


@pytest.mark.parametrize(
    ("unsettled_days", "expected"),
    [
        ((), Asking(3, 1)),
        ((50,), Asking(4, 2)),
        ((50, 51), Asking(5, 2)),
        ((3,), Asking(4, 1)),
        ((89, 90), Asking(4, 2)),
        ((60,), Asking(5, 3)),
    ],
)
def test_asking_each_run_counts_pages(unsettled_days: tuple[int, ...], expected: Asking) -> None:
    today = FIRST + timedelta(days=100)
    settled = [made(ACCOUNT, number, epoch_of(today - timedelta(days=60))) for number in range(1_000)]
    unsettled = [
        made(ACCOUNT, 1_000 + age, epoch_of(today - timedelta(days=age)), price=None)
        for age in unsettled_days
    ]
    source = open_living([*settled, *unsettled], now=epoch_of(today, 3600))
    assert asking_each_run(source.ledger) == expected


@pytest.mark.parametrize(
    ("age", "days_later", "is_overdue"),
    [(1, 0, True), (5, 0, False), (5, 1, True), (20, 6, False), (20, 7, True), (85, 7, False)],
)
def test_overdue_follows_the_age_of_the_day(age: int, days_later: int, is_overdue: bool) -> None:
    unpriced = made(ACCOUNT, 0, epoch_of(FIRST), price=None)
    ledger = open_living([unpriced], now=epoch_of(FIRST + timedelta(days=age))).ledger
    ledger.books[ACCOUNT].sent(0, 1)
    ledger.change(unpriced.sid, price=Decimal("0.01"))
    ledger.advance(days_later * 86_400)
    assert [each.recording.sid for each in overdue(ledger)] == [unpriced.sid] * is_overdue
