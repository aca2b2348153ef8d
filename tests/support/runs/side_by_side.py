"""Runs in processes of their own, at the same time, that stop where a test wants them to."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform
from flows.stage import Clock, utc_now
from flows.stores.api.access import AccountAccess
from tests.support.faults.scene import quick_runs, small_pages
from tests.support.runs.ledger_runs import context_for
from transforms.errors import RecspendError

_PROCESSES = multiprocessing.get_context("forkserver")
_SECONDS = 120
_WHOLE_RUN = RunRequest()


@dataclass(frozen=True)
class Until:
    """Stops a run the first time it reports progress of a stage, until it may continue."""

    stage: str
    reached: Event = field(default_factory=_PROCESSES.Event)
    go_on: Event = field(default_factory=_PROCESSES.Event)

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        if stage == self.stage:
            self.reached.set()
            assert self.go_on.wait(_SECONDS)


@dataclass(frozen=True)
class Started:
    """A run in another process. until: where it stops."""

    process: BaseProcess
    until: Until
    results: Any

    @property
    def pid(self) -> int:
        """The process."""
        assert self.process.pid is not None
        return self.process.pid

    def wait_until_there(self) -> None:
        """Wait until the run stops where it is to."""
        assert self.until.reached.wait(_SECONDS)

    def result(self) -> tuple[int, dict[str, str]]:
        """Let the run continue, and return its exit code and the accounts that were busy, or what it raised."""
        self.until.go_on.set()
        self.process.join(_SECONDS)
        assert self.process.exitcode == 0
        code, busy = self.results.get()
        return code, busy

    def kill(self) -> None:
        """Kill the run, wherever it is."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.join()


def _work(
    accounts: Sequence[AccountAccess],
    names: dict[str, str],
    data_dir: Path,
    request: RunRequest,
    until: Until,
    results: Any,
    clock: Clock,
) -> None:
    os.close(2)
    os.open(os.devnull, os.O_WRONLY)
    with quick_runs(), small_pages():
        context = replace(context_for(accounts, data_dir), names=names, progress=until, clock=clock)
        try:
            summary = perform(context, request)
        except RecspendError as error:
            results.put((error.exit_code, {type(error).__name__: str(error)}))
        else:
            results.put((summary.exit_code, dict(summary.busy)))


@contextmanager
def running(
    accounts: Sequence[AccountAccess],
    data_dir: Path,
    request: RunRequest = _WHOLE_RUN,
    *,
    of: Sequence[AccountAccess] = (),
    stage: str = "",
    clock: Clock = utc_now,
) -> Iterator[Started]:
    """Start a run in another process. It is killed at the end of the block if it did not end.

    of: all accounts of the settings, if it reads only some of them. stage: where it stops.
    """
    _PROCESSES.set_forkserver_preload(
        ["flows.run.stages", "flows.report.report", "flows.model.model", __name__]
    )
    until, results = Until(stage), _PROCESSES.SimpleQueue()
    names = {each.account_sid: each.name for each in (*of, *accounts)}
    process = _PROCESSES.Process(
        target=_work, args=(accounts, names, data_dir, request, until, results, clock)
    )
    process.start()
    try:
        yield Started(process, until, results)
    finally:
        if process.is_alive():
            process.kill()
        process.join()


def context_of(accounts: Sequence[AccountAccess], of: Sequence[AccountAccess], data_dir: Path) -> RunContext:
    """Return the context of a run in this process over some of the accounts of the settings."""
    names = {each.account_sid: each.name for each in of}
    return replace(context_for(accounts, data_dir), names=names)
