"""Runs of different accounts work in one data folder at the same time, and end as if they had come one by one."""

import os
import random
import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.emulator import Emulator, open_living, serve
from flows.model.coverage import coverage
from flows.model.inputs import landed_tables
from flows.run.request import Command, RunRequest
from flows.run.stages import perform
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.runs import Runs
from flows.stores.lake.lake import Lake
from tests.support.faults.scene import quick_runs, small_pages
from tests.support.runs.ledger_runs import accesses_of, ledger_cells, rows_of, warehouse_cells
from tests.support.runs.living_runs import (
    ACCOUNTS,
    clock_of,
    context_by,
    epoch_of,
    ledger_facts,
    made,
    read_by,
    warehouse_facts,
)
from tests.support.runs.side_by_side import context_of, running
from transforms.errors import BusyError

BUILDS = pytest.mark.builds("marts.daily_spend", "marts.fct_recordings")


def cells_of(emulator: Emulator, *sids: str) -> dict[Any, Any]:
    """Return the ledger's totals of some accounts."""
    return {cell: found for cell, found in ledger_cells(emulator.totals()).items() if cell[0] in sids}


def test_runs_of_two_accounts_read_and_fold_at_the_same_time(emulator: Emulator, tmp_path: Path) -> None:
    one, other, _ = all_ = accesses_of(emulator)
    locks = DataLocks(tmp_path)
    for verb in ("ingest", "normalize"):
        data_dir = tmp_path / verb
        locks = DataLocks(data_dir)
        with ExitStack() as runs:
            # One after the other: a run also brings into the lake what another one has just read.
            started = []
            for each in (one, other):
                run = running([each], data_dir, of=all_, stage=f"{verb} {each.name}")
                started.append(runs.enter_context(run))
                started[-1].wait_until_there()
            first, second = started
            assert {held.process for held in locks.at_work()} == {first.pid, second.pid}
            assert {one.account_sid, other.account_sid} <= locks.accounts_at_work().keys()
            assert (first.result(), second.result()) == ((0, {}), (0, {}))
        assert warehouse_cells(data_dir) == cells_of(emulator, one.account_sid, other.account_sid)
        assert [record.exit_code for record in Runs(data_dir).all()] == [0, 0]
        assert locks.at_work() == []


@BUILDS
def test_run_of_all_accounts_leaves_one_that_another_run_reads(emulator: Emulator, tmp_path: Path) -> None:
    one, other, third = all_ = accesses_of(emulator)
    with running([one], tmp_path, of=all_, stage=f"ingest {one.name}") as first:
        first.wait_until_there()
        summary = perform(context_of(all_, all_, tmp_path), RunRequest())
        assert (summary.exit_code, summary.failed, [*summary.busy]) == (0, {}, [one.name])
        said = summary.busy[one.name]
        assert said.startswith(
            f"Account {one.name}: another run is working on it: process {first.pid}, since "
        )
        assert said.endswith(". Its new days come with that run or the next.")
        assert summary.as_object()["busy"] == {one.name: said}
        assert warehouse_cells(tmp_path) == cells_of(emulator, other.account_sid, third.account_sid)
        missing = rows_of(tmp_path, "select distinct account_sid from ops.coverage where not is_covered")
        assert one.account_sid in {row["account_sid"] for row in missing}
        assert first.result() == (0, {})
    assert warehouse_cells(tmp_path) == ledger_cells(emulator.totals())


@BUILDS
def test_run_of_a_busy_account_ends_without_a_trace(emulator: Emulator, tmp_path: Path) -> None:
    one, other, _ = all_ = accesses_of(emulator)
    locks = DataLocks(tmp_path)
    words = rf"^Another run is working on {one.name}: process {os.getpid()}, since \S+\. Its new days come "
    with locks.account(one.account_sid, one.name, ""), pytest.raises(BusyError, match=words):
        perform(context_of([one], all_, tmp_path), RunRequest(account=one.name))
    with (
        locks.account(one.account_sid, "", ""),
        locks.account(other.account_sid, "", ""),
        pytest.raises(BusyError, match=r"^Another run is working on all 2 accounts: process "),
    ):
        perform(context_of([one, other], all_, tmp_path), RunRequest())
    assert Runs(tmp_path).all() == []
    assert {path.name for path in tmp_path.iterdir()} == {".lock", ".locks", "format.json"}


@BUILDS
def test_run_waits_for_its_account_and_for_a_build(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, *_ = all_ = accesses_of(emulator)
    locks, waited = DataLocks(tmp_path), list[str]()
    with ExitStack() as account, ExitStack() as build:
        account.enter_context(locks.account(one.account_sid, one.name, ""))
        build.enter_context(locks.warehouse())
        sleep = time.sleep

        def waiting(seconds: float) -> None:
            if locks.account_holder(one.account_sid) and not waited:
                waited.append("account")
                account.close()
            elif locks.warehouse_holder() and not locks.accounts_at_work():
                waited.append("build")
                build.close()
            else:
                sleep(seconds)

        monkeypatch.setattr("flows.stores.waiting.time.sleep", waiting)
        request = RunRequest(account=one.name, wait_minutes=1)
        assert perform(context_of([one], all_, tmp_path), request).exit_code == 0
    assert waited == ["account", "build"]
    assert warehouse_cells(tmp_path) == cells_of(emulator, one.account_sid)


@BUILDS
def test_account_that_was_not_asked_for_is_passed_over(emulator: Emulator, tmp_path: Path) -> None:
    one, other, _ = all_ = accesses_of(emulator)
    perform(context_of([other], all_, tmp_path), RunRequest("ingest"))
    with DataLocks(tmp_path).account(other.account_sid, other.name, ""):
        # As for an account of which another process has landed pages only just.
        with running([other], tmp_path, of=all_, stage="") as third:
            code, busy = third.result()
            assert (code, [*busy]) == (2, ["BusyError"])
        context = context_of([one], all_, tmp_path)
        perform(context, RunRequest("ingest"))
        assert perform(context, RunRequest("normalize")).busy == {}
        alone = perform(replace(context, accounts=[]), RunRequest("normalize"))
        assert [*alone.busy] == [other.name]
    assert Lake(tmp_path).accounts() == [one.account_sid]


def living_folder(tmp_path: Path) -> tuple[Any, Any, Any]:
    """Return a living source, how its accounts are reached, and its clock."""
    day = date(2026, 9, 1)
    source = open_living(
        [made(sid, number, epoch_of(day, 60 * number)) for sid in ACCOUNTS[:2] for number in range(40)],
        now=epoch_of(date(2026, 9, 3)),
    )
    return source, clock_of(source.ledger), day


@BUILDS
def test_build_has_one_state_of_each_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, clock, day = living_folder(tmp_path)
    with serve(source) as emulator:
        accounts = accesses_of(emulator)
        read_by(clock, accounts, tmp_path)
        expected = ledger_facts(source.ledger)
        stale = {
            file for sid in ACCOUNTS[:2] for files in Lake(tmp_path).files(sid).values() for file in files
        }

        def changed_meanwhile(*given: Any) -> Any:
            """Commit the lake of both accounts twice, after the build has begun."""
            for number in (1, 2):
                source.ledger.advance(600)
                for sid in ACCOUNTS[:2]:
                    recording = next(
                        each for each, _, _ in source.ledger.recordings() if each.account_sid == sid
                    )
                    source.ledger.change(recording.sid, price=recording.price * (number + 1))
                again = RunRequest("ingest", day, day, again=True)
                read_by(clock, accounts, tmp_path, again)
            return landed_tables(*given)

        monkeypatch.setattr("flows.model.model.landed_tables", changed_meanwhile)
        context = context_by(clock, accounts, tmp_path)
        summary = perform(context, RunRequest("model"))
        assert not summary.stopping_checks
        assert warehouse_facts(tmp_path) == expected
        assert all(file.exists() for file in stale)
        monkeypatch.setattr("flows.model.model.landed_tables", landed_tables)
        perform(context, RunRequest("model"))
        assert warehouse_facts(tmp_path) == ledger_facts(source.ledger) != expected
        # What no commit names any more goes with the next change.
        source.ledger.advance(600)
        source.ledger.change(next(each for each, _, _ in source.ledger.recordings()).sid, price=None)
        read_by(clock, accounts, tmp_path, RunRequest("ingest", day, day, again=True))
        assert not all(file.exists() for file in stale)


def test_files_a_build_reads_stay_until_it_ends(tmp_path: Path) -> None:
    source, clock, day = living_folder(tmp_path)
    sid = ACCOUNTS[0]
    with serve(source) as emulator:
        accounts = accesses_of(emulator)
        read_by(clock, accounts, tmp_path)
        lake = Lake(tmp_path)

        def change(number: int) -> None:
            source.ledger.advance(600)
            recording = next(each for each, _, _ in source.ledger.recordings() if each.account_sid == sid)
            source.ledger.change(recording.sid, price=recording.price * number)
            read_by(clock, accounts, tmp_path, RunRequest("ingest", day, day, again=True))

        with DataLocks(tmp_path).warehouse():
            covered = {each.account_sid: each for each in coverage(tmp_path, [])}
            change(2)
            change(3)
            (files,) = lake.files(sid, covered[sid].commit).values()
            assert all(file.exists() for file in files)
            assert lake.files(sid) != {"2026-09": files}
        change(5)
        assert not any(file.exists() for file in files)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_random_runs_side_by_side_lose_nothing(seed: int, emulator: Emulator, tmp_path: Path) -> None:
    """Runs of some or all accounts begin and are killed at random; one that is left alone then finishes."""
    chance, all_ = random.Random(seed), accesses_of(emulator)
    stages: list[Command] = ["run", "run", "ingest", "normalize", "model"]
    with ExitStack() as stack:
        begun = []
        for _ in range(14):
            chosen = chance.sample(all_, chance.choice([1, 1, 2, 3]))
            command = chance.choice(stages)
            request = RunRequest(
                command, again=True, first=date(2026, 9, 1), wait_minutes=chance.randrange(2)
            )
            run = stack.enter_context(running(chosen, tmp_path, request, of=all_))
            begun.append(run)
            time.sleep(chance.random())
            if chance.random() < 0.4:
                chance.choice(begun).process.kill()
        for run in begun:
            run.until.go_on.set()
            run.process.join(300)
            if run.process.exitcode == 0:
                code, said = run.results.get()
                assert code == 0 or {*said} <= {"BusyError", "ConfigError", "DataError"}, said
                assert "DataError" not in said or "not up to date" in said["DataError"], said
    with quick_runs(), small_pages():
        assert perform(context_of(all_, all_, tmp_path), RunRequest()).exit_code == 0
    assert warehouse_cells(tmp_path) == ledger_cells(emulator.totals())
    assert DataLocks(tmp_path).at_work() == []
    assert not [*tmp_path.rglob("*.partial")]
