"""Accounts are read side by side: several at once, none in another's way, and all stop at once."""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from flows.emulator import Emulator, Parameters, open_ledger, serve
from flows.ingest.accounts import ingest_accounts
from flows.ingest.ingest import IngestSummary
from flows.stage import Progress
from flows.stores.api.access import AccountAccess
from flows.stores.api.throttle import Brake, StoppedError, Throttle
from tests.support.runs.ledger_runs import accesses_of, ledger_cells, run_against, warehouse_cells


def accounts(number: int) -> list[AccountAccess]:
    return [
        AccountAccess(f"account {place}", f"A{place}", "http://127.0.0.1:9", "", "", "signalwire", "TOKEN")
        for place in range(number)
    ]


def one_request(account: AccountAccess, brake: Brake, progress: Progress) -> IngestSummary:
    return IngestSummary(requests=1, failed={account.name: "no"} if account.name.endswith("7") else {})


def test_results_are_added_up_in_the_order_of_the_accounts() -> None:
    def slowest_first(account: AccountAccess, brake: Brake, progress: Progress) -> IngestSummary:
        time.sleep(0.01 if account.name == "account 7" else 0)
        return one_request(account, brake, progress)

    found = ingest_accounts(accounts(30), slowest_first, 8)
    assert (found.requests, list(found.failed)) == (30, ["account 7", "account 17", "account 27"])
    assert ingest_accounts([], one_request, 8) == IngestSummary()


def test_accounts_are_read_at_once_up_to_the_limit() -> None:
    together = threading.Barrier(5, timeout=30)

    def meet(account: AccountAccess, brake: Brake, progress: Progress) -> IngestSummary:
        together.wait()
        return one_request(account, brake, progress)

    assert ingest_accounts(accounts(10), meet, 5).requests == 10


def test_slow_account_does_not_hold_up_those_of_later_steps() -> None:
    others_are_done = threading.Event()
    done: list[str] = []

    def read(account: AccountAccess, brake: Brake, progress: Progress) -> IngestSummary:
        if account.name == "account 0":
            assert others_are_done.wait(30)
        done.append(account.name)
        if len(done) == 119:
            others_are_done.set()
        return IngestSummary(requests=1)

    steps: list[str] = []

    def step(name: str, piece: Callable[[], Any]) -> Any:
        steps.append(name)
        return piece()

    assert ingest_accounts(accounts(120), read, 2, step=step).requests == 120
    assert steps == [
        "ingest account 0 and 49 other accounts",
        "ingest account 50 and 49 other accounts",
        "ingest account 100 and 19 other accounts",
    ]


@pytest.mark.parametrize(("number", "shown"), [(8, 16), (9, 9)])
def test_few_accounts_are_shown_and_many_are_counted(number: int, shown: int) -> None:
    said: list[tuple[str, int, int | None]] = []

    def read(account: AccountAccess, brake: Brake, progress: Progress) -> IngestSummary:
        progress(f"ingest {account.name}", 1, 2)
        progress(f"ingest {account.name}", 2, 2)
        return IngestSummary()

    ingest_accounts(
        accounts(number), read, 4, progress=lambda stage, done, total=None: said.append((stage, done, total))
    )
    assert len(said) == shown
    if number == 9:
        assert said == [("ingest accounts", done, 9) for done in range(1, 10)]


def test_exception_stops_all_accounts_and_is_raised() -> None:
    stopped: list[str] = []

    def read(account: AccountAccess, brake: Brake, progress: Progress) -> IngestSummary:
        throttle = Throttle()
        brake.holds(throttle)
        if account.name == "account 0":
            raise OSError(28, "No space left on device")
        try:
            throttle.pause(30)
        except StoppedError:
            stopped.append(account.name)
            raise
        return IngestSummary()

    with pytest.raises(OSError, match="No space left"):
        ingest_accounts(accounts(40), read, 4)
    assert 0 < len(stopped) <= 4  # the others never began


def test_ctrl_c_stops_all_accounts_at_once() -> None:
    began, stopped = threading.Barrier(4, timeout=30), threading.Semaphore(0)

    def read(account: AccountAccess, brake: Brake, progress: Progress) -> IngestSummary:
        throttle = Throttle()
        brake.holds(throttle)
        if began.wait() == 0:
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGINT)
        try:
            throttle.pause(30)
        finally:
            stopped.release()
        return IngestSummary()

    with pytest.raises(KeyboardInterrupt):
        ingest_accounts(accounts(9), read, 4)
    assert all(stopped.acquire(timeout=30) for _ in range(4))


def test_account_that_begins_after_the_stop_is_stopped() -> None:
    brake, throttle = Brake(), Throttle()
    brake.pull()
    brake.holds(throttle)
    with pytest.raises(StoppedError), throttle.turn():
        pass


def test_each_thread_has_the_context_of_the_run() -> None:
    run: ContextVar[str] = ContextVar("run", default="")
    seen: list[str] = []

    def read(account: AccountAccess, brake: Brake, progress: Progress) -> IngestSummary:
        seen.append(run.get())
        return IngestSummary()

    token = run.set("this run")
    ingest_accounts(accounts(3), read, 2)
    run.reset(token)
    assert seen == ["this run"] * 3


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with serve(open_ledger(Parameters(8, 4000, 12), tmp_path_factory.mktemp("rendered"))) as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 12])
def test_tables_equal_the_ledger_however_many_at_once(
    at_once: int, emulator: Emulator, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        summary = run_against(emulator, tmp_path / "data", accounts_at_once=at_once)
    assert summary.failed == {}
    assert warehouse_cells(tmp_path / "data") == ledger_cells(emulator.totals())
    assert len(accesses_of(emulator)) == 12
