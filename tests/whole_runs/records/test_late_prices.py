"""Prices that come late, with one run a day and without looking for deletions, which would read their days anyway."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from flows.emulator import LivingLedger, serve
from tests.benchmarks.hourly.living_year import FIRST, Year, living_year
from tests.benchmarks.hourly.year_counts import is_unsettled, overdue
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import Fact, clock_of, epoch_of, fact_of, lake_facts, read_by
from transforms.ingest import settling
from transforms.ingest.request import Rules

YEAR = Year(days=110, a_day=12, on_busy_days=1_050)


def facts_as_sent(ledger: LivingLedger) -> dict[str, Fact]:
    """Return each recording as the server sent it last."""
    return {each.recording.sid: fact_of(each.listed) for each in ledger.recordings() if each.listed}


def run_daily(data_dir: Path, days: int) -> LivingLedger:
    """Do a run on each day, and check after each that everything sent is in the lake, and that nothing is overdue."""
    with serve(living_year(YEAR)) as emulator:
        ledger = emulator.ledger
        clock, accounts = clock_of(ledger), accesses_of(emulator)
        for number in range(days):
            ledger.advance_to(epoch_of(FIRST + timedelta(days=number), 6 * 3600))
            read_by(clock, accounts, data_dir, audit_requests=0)
            found = {sid: as_not_deleted(fact) for sid, fact in lake_facts(data_dir).items()}
            assert found == facts_as_sent(ledger), number
            assert overdue(ledger) == [], f"overdue on day {number}"
        return ledger


def as_not_deleted(fact: Fact) -> Fact:
    """Return the fact without whether it is deleted, which nobody sends."""
    return fact._replace(is_deleted=False)


@pytest.mark.slow
def test_late_prices_are_read_when_their_day_is_due(tmp_path: Path) -> None:
    ledger = run_daily(tmp_path, YEAR.days + 8)
    late = [
        each for each in ledger.recordings() if each.recording.updated_at - each.recording.created_at > 86_400
    ]
    assert len(late) > 100
    different = [
        each
        for each in ledger.recordings()
        if each.deleted_at is None
        and each.listed
        and is_unsettled(each.listed)
        and each.listed != each.recording
    ]
    assert different == []


@pytest.mark.parametrize("changed", [{"settle_days": 0}, {"settle_daily_days": 0}])
def test_late_prices_are_overdue_by_other_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, int]
) -> None:
    def is_due(day: date, fetched_at: datetime, today: date, rules: Rules) -> bool:
        return settling.is_due(day, fetched_at, today, replace(rules, **changed))

    monkeypatch.setattr("transforms.ingest.plan.is_due", is_due)
    with pytest.raises(AssertionError, match="overdue"):
        run_daily(tmp_path, 40)
