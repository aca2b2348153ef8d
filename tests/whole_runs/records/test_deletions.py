"""Recordings that are deleted: as Twilio lists them for a while, and as they disappear elsewhere."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from flows.emulator import Emulator, LivingSource, Recording, open_living, serve
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


def recordings_of(days: int, a_day: int) -> list[Recording]:
    return [
        made(ACCOUNTS[0], day * a_day + number, epoch_of(FIRST, day * DAY_SECONDS + 3600 * (number + 1)))
        for day in range(days)
        for number in range(a_day)
    ]


def twilio(emulator: Emulator) -> list[AccountAccess]:
    return [replace(access, provider="twilio") for access in accesses_of(emulator)]


def deleting_all(made_up: Sequence[Recording]) -> LivingSource:
    """Open a ledger in which each recording is deleted ten minutes after it was made."""
    source = open_living(made_up, now=epoch_of(FIRST))
    for recording in made_up:
        ledger, sid = source.ledger, recording.sid
        ledger.at(recording.created_at + 10 * MINUTES, lambda ledger=ledger, sid=sid: ledger.delete(sid))  # type: ignore[misc]
    return source


@pytest.mark.builds("marts.daily_spend")
def test_recordings_deleted_after_the_call_are_all_counted(tmp_path: Path) -> None:
    with serve(deleting_all(recordings_of(days=50, a_day=4))) as emulator:
        clock, accounts = clock_of(emulator.ledger), twilio(emulator)
        for day in range(1, 51):
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
    assert len(rows) == 200
    assert {row["status"] for row in rows} == {"deleted"}
    # Each keeps the instant at which it was first found, although the oldest are listed no longer.
    assert all(row["deleted_at"] == row["first_seen_at"] for row in rows)


@pytest.mark.builds("marts.daily_spend")
def test_deletions_of_days_read_before_are_asked_for_once(tmp_path: Path) -> None:
    """Days that were read without deleted recordings are read again."""
    with serve(deleting_all(recordings_of(days=10, a_day=2))) as emulator:
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
