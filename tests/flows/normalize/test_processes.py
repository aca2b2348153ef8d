"""Processes do pieces of work as this one would, and never outlive it."""

import logging
import os
import signal
import subprocess
import sys
import time
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest

from flows.normalize.processes import Processes
from tests.support import TOP
from tests.support.runs import pieces
from transforms.errors import ApiError, ConfigError

OWNER = """
import os, sys
from functools import partial
from flows.normalize.processes import Processes
from tests.support.runs import pieces

def show(stage, done, total=None):
    os.write(1, b"%d\\n" % done)  # at once: both threads do

with Processes(2) as processes:
    begun = [processes.submit(partial(pieces.slept, 60), show) for _ in range(2)]
    begun[0].result()
"""


def has_ended(process: int) -> bool:
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{process}/stat").exists() and ") Z " in Path(f"/proc/{process}/stat").read_text():
            return True  # nobody has asked yet how it ended
        time.sleep(0.05)
    return False


def test_results_logs_and_progress_come_back(caplog: pytest.LogCaptureFixture) -> None:
    run: ContextVar[str] = ContextVar("run", default="")
    seen: list[tuple[str, int, int | None, str]] = []

    def progress(stage: str, done: int, total: int | None = None) -> None:
        seen.append((stage, done, total, run.get()))

    token = run.set("this run")
    with caplog.at_level(logging.INFO), Processes(2) as processes:
        results = [processes.submit(partial(pieces.said, number), progress) for number in range(5)]
        assert [each.result(60) for each in results] == [0, 1, 4, 9, 16]
    run.reset(token)
    assert sorted(seen) == [("normalize", number, 10, "this run") for number in range(5)]
    assert sorted(caplog.messages) == [f"number {number}" for number in range(5)]


def test_processes_are_started_once_and_only_when_needed() -> None:
    with Processes(3) as processes:
        assert processes.submit(pieces.process).result(60) == processes.submit(pieces.process).result(60)


def test_error_is_raised_as_it_was() -> None:
    with Processes(1) as processes, pytest.raises(ApiError) as raised:
        processes.submit(pieces.failed).result(60)
    assert str(raised.value) == "It cannot be reached. Try later."
    assert (raised.value.exit_code, raised.value.retryable) == (3, True)
    assert "pieces.py" in raised.value.__notes__[0]


def test_process_that_is_killed_is_a_failure_with_a_remedy() -> None:
    with Processes(1) as processes, pytest.raises(ConfigError, match=r"ended with -9\..*fewer `workers`"):
        processes.submit(pieces.killed).result(60)


@pytest.mark.parametrize("reason", [KeyboardInterrupt, OSError])
def test_no_process_is_left(reason: type[BaseException]) -> None:
    started: SimpleQueue[int] = SimpleQueue()
    with pytest.raises(reason), Processes(2) as processes:
        for _ in range(4):
            processes.submit(partial(pieces.slept, 60), lambda stage, done, total=None: started.put(done))
        ids = [started.get(timeout=60) for _ in range(2)]
        raise reason
    assert all(map(has_ended, ids))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_the_one_that_is_killed(number: signal.Signals) -> None:
    environment = {**os.environ, "PYTHONPATH": str(TOP)}
    with subprocess.Popen([sys.executable, "-c", OWNER], env=environment, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        ids = [int(owner.stdout.readline()) for _ in range(2)]
        owner.send_signal(number)
    assert all(map(has_ended, ids))
