"""Stages of a run in processes of their own that are killed at some moment."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

from flows.run.closing import close_month
from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform
from flows.settings.settings import Settings
from flows.stores.api.access import AccountAccess
from tests.support.faults.scene import (
    FIRST,
    NEXT_TO_CLOSE,
    TODAY,
    Scene,
    quick_builds,
    quick_runs,
    small_pages,
)

_AGAIN = RunRequest("run", FIRST, TODAY, again=True)


@dataclass(frozen=True)
class _Ticking:
    """A clock that a process can be given: it begins at an instant and passes as time does."""

    begins: datetime
    started: float

    def __call__(self) -> datetime:
        return self.begins + timedelta(seconds=time.monotonic() - self.started)


def _forget_format(data_dir: Path) -> None:
    """Have the next run upgrade the folder: a column is missing in the files of its lake."""
    import pyarrow.parquet as pq

    (data_dir / "format.json").unlink()
    for path in data_dir.glob("recordings/*/*/recordings.parquet"):
        pq.write_table(pq.ParquetFile(path).read().drop_columns("uri"), path)


@dataclass(frozen=True)
class Stage:
    """What is killed: the request it does, or the month it closes, and what it is given to do before.

    is_whole: it does everything that a run does, with all marts and reports.
    """

    request: RunRequest | None
    prepare: Callable[[Path], None] = lambda data_dir: None
    is_whole: bool = False

    def around(self) -> AbstractContextManager[None]:
        """Have runs do for a block what this stage needs."""
        return quick_builds() if self.is_whole else quick_runs()


def _without(*names: str) -> Callable[[Path], None]:
    def remove(data_dir: Path) -> None:
        import shutil

        for name in names:
            path = data_dir / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    return remove


STAGES = {
    "run": Stage(_AGAIN, is_whole=True),
    "ingest": Stage(replace(_AGAIN, command="ingest")),
    "normalize": Stage(RunRequest("normalize", rebuild=True)),
    "model": Stage(RunRequest("model"), _without("warehouse.json")),
    "report": Stage(RunRequest("report"), _without("reports", "reports.json"), is_whole=True),
    "close": Stage(None),
    "upgrade": Stage(RunRequest("normalize"), _forget_format),
}


def _work(
    stage: str, data_dir: Path, accounts: list[AccountAccess], names: dict[str, str], clock: _Ticking
) -> None:
    """Do a stage. A module's function, so that another process can be asked to do it."""
    os.close(2)
    os.open(os.devnull, os.O_WRONLY)
    context = RunContext(
        Settings(data_dir=data_dir, backoff=0, report_page=False), accounts, names, clock=clock
    )
    request = STAGES[stage].request
    with STAGES[stage].around(), small_pages():
        if request is None:
            close_month(context, NEXT_TO_CLOSE, accept_incomplete=True)
        else:
            perform(context, request)


def started(stage: str, made_up: Scene, data_dir: Path, begins: datetime) -> BaseProcess:
    """Start a stage in a process of its own, which has everything loaded when it begins."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.run.stages", "flows.report.report", "flows.model.model", __name__])
    names = {each.account_sid: each.name for each in made_up.accounts}
    clock = _Ticking(begins, time.monotonic())
    process = context.Process(target=_work, args=(stage, data_dir, made_up.accounts, names, clock))
    process.start()
    return process


def killed(stage: str, made_up: Scene, data_dir: Path, begins: datetime, seconds: float) -> bool:
    """Start a stage and kill it after some seconds; return whether it was still at work."""
    process = started(stage, made_up, data_dir, begins)
    process.join(seconds)
    is_alive = process.is_alive()
    if is_alive and process.pid is not None:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    return is_alive
