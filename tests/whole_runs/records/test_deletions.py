"""Recordings that are deleted: as Twilio lists them for a while, and as they disappear elsewhere."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest

from flows.emulator import Emulator, LivingSource, Recording, open_living, serve
from flows.run.request import RunRequest
from flows.stores.api.access import AccountAccess
from tests.support.runs.ledger_runs import accesses_of, ledger_cells, rows_of, warehouse_cells
from tests.support.runs.living_runs import (
    ACCOUNTS,
    DAY_SECONDS,
    clock_of,
    epoch_of,
    ledger_facts,
    made,
    query_of,
    read_by,
    run_by,
    warehouse_facts,
)

FIRST = date(2026, 7, 20)
MINUTES = 60


def recordings_of(days: int, a_day: int, seconds_apart: int = 3600) -> list[Recording]:
    return [
        made(
            ACCOUNTS[0],
            day * a_day + number,
            epoch_of(FIRST, day * DAY_SECONDS + seconds_apart * (number + 1)),
        )
        for day in range(days)
        for number in range(a_day)
    ]


def twilio(emulator: Emulator) -> list[AccountAccess]:
    return [replace(access, provider="twilio") for access in accesses_of(emulator)]


def deleting_after(seconds: int, made_up: Sequence[Recording]) -> LivingSource:
    """Open a ledger in which each recording is deleted so long after it was made."""
    source = open_living(made_up, now=epoch_of(FIRST))
    for recording in made_up:
        source.ledger.at(recording.created_at + seconds, partial(source.ledger.delete, recording.sid))
    return source


@pytest.mark.builds("marts.daily_spend")
def test_recordings_deleted_after_the_call_are_all_counted(tmp_path: Path) -> None:
    with serve(deleting_after(10 * MINUTES, recordings_of(days=45, a_day=2))) as emulator:
        clock, accounts = clock_of(emulator.ledger), twilio(emulator)
        for day in range(1, 46):
            emulator.ledger.advance_to(epoch_of(FIRST, day * DAY_SECONDS))
            summary = read_by(clock, accounts, tmp_path)
            if day > 3:  # how the API reads dates is known from then on
                # The newest days, in two quarters at most, and Usage Records: nothing is asked extra.
                assert summary.requests is not None
                assert summary.requests <= 4
        run = run_by(clock, accounts, tmp_path)
        assert warehouse_cells(tmp_path) == ledger_cells(emulator.totals()) != {}
        assert run.deleted == 0
        rows = rows_of(tmp_path, "select status, deleted_at, first_seen_at from marts.fct_recordings")
    assert len(rows) == 90
    assert {row["status"] for row in rows} == {"deleted"}
    # Each keeps the instant at which it was first found, although the oldest are listed no longer.
    assert all(row["deleted_at"] == row["first_seen_at"] for row in rows)


@pytest.mark.builds("marts.daily_spend")
def test_deletions_of_days_read_before_are_asked_for_once(tmp_path: Path) -> None:
    """Days that were read without deleted recordings are read again."""
    with serve(deleting_after(10 * MINUTES, recordings_of(days=10, a_day=2))) as emulator:
        clock = clock_of(emulator.ledger)
        emulator.ledger.advance_to(epoch_of(FIRST, 10 * DAY_SECONDS))
        read_by(clock, accesses_of(emulator), tmp_path)  # as SignalWire, which is not asked
        assert not any("IncludeSoftDeleted" in query_of(asked) for asked in emulator.requests)
        run_by(clock, twilio(emulator), tmp_path)
        assert warehouse_facts(tmp_path).keys() == ledger_facts(emulator.ledger).keys()
        before = len(emulator.requests)
        run_by(clock, twilio(emulator), tmp_path)
        again = emulator.requests[before:]
    assert sum("/Recordings" in asked.target for asked in again) == 1


RETENTION_DAYS = 30


@pytest.mark.builds("marts.daily_spend", "marts.storage_by_month", "marts.retention_candidates")
@pytest.mark.slow
@pytest.mark.parametrize(("runs", "a_day", "most"), [(45, 10, 8), (120, 199, 12)])
def test_stored_minutes_follow_a_retention_of_30_days(
    runs: int, a_day: int, most: int, tmp_path: Path
) -> None:
    """A day's audit finds what was deleted since the previous run, with a few requests."""
    made_up = recordings_of(runs, a_day, seconds_apart=86_000 // a_day)
    with serve(deleting_after(RETENTION_DAYS * DAY_SECONDS, made_up)) as emulator:
        ledger, accounts = emulator.ledger, accesses_of(emulator)
        clock, requests = clock_of(ledger), []
        for day in range(1, runs + 1):
            ledger.advance_to(epoch_of(FIRST, day * DAY_SECONDS))
            requests.append(read_by(clock, accounts, tmp_path).requests or 0)
        run_by(clock, accounts, tmp_path)
        truth = [state.recording for state in ledger.recordings() if state.deleted_at is None]
    assert len(truth) == RETENTION_DAYS * a_day
    (row,) = rows_of(tmp_path, "select * from marts.storage_by_month order by storage_month desc limit 1")
    minutes = sum(-(-(recording.duration_seconds or 0) // 60) for recording in truth)
    # A recording is deleted during the day, and the run is at its end: all of it is found.
    assert (row["standing_recordings"], row["standing_minutes"]) == (len(truth), minutes)
    assert row["verified_at"].date() == clock().date()
    assert max(requests[10:]) <= most


@pytest.mark.builds("marts.daily_spend", "marts.storage_by_month", "marts.retention_candidates")
def test_storage_says_when_it_was_last_verified(tmp_path: Path) -> None:
    """Without audits, a deletion is not noticed, but the figures say so, and a check warns."""
    with serve(deleting_after(RETENTION_DAYS * DAY_SECONDS, recordings_of(50, 2))) as emulator:
        clock, accounts = clock_of(emulator.ledger), accesses_of(emulator)
        for day in (10, 30, 50):
            emulator.ledger.advance_to(epoch_of(FIRST, day * DAY_SECONDS))
            summary = run_by(clock, accounts, tmp_path, audit_requests=0)
        (row,) = rows_of(tmp_path, "select * from marts.storage_by_month order by storage_month desc limit 1")
        assert (row["standing_recordings"], row["verified_at"].date()) == (100, FIRST + timedelta(days=10))
        warned = {result.check.name for result in summary.checks if not result.is_passed}
        assert "storage_is_unverified" in warned
        summary = run_by(clock, accounts, tmp_path, RunRequest(audit_days=1000))
        (row,) = rows_of(tmp_path, "select * from marts.storage_by_month order by storage_month desc limit 1")
        assert (row["standing_recordings"], row["verified_at"].date()) == (60, FIRST + timedelta(days=50))
        assert "storage_is_unverified" not in {
            result.check.name for result in summary.checks if not result.is_passed
        }
