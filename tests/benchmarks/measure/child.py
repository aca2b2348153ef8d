"""Measure in a new process. This side only starts it, so that its own memory and threads don't affect the result."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from flows.emulator import Source, serve
from tests.benchmarks.measure.task import Measured, Task

ROOT = Path(__file__).parents[3]
# The thread pools of numpy's linear algebra and of Arrow read these when they start.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_IO_THREADS"), "1"
)


def work(module: str, *given: object, failed: str, more: Mapping[str, str] = MappingProxyType({})) -> str:
    """Run a module of the benchmarks in its own process, and return what it printed.

    given: its arguments. failed: what to say if it fails, with its errors; RuntimeError is raised then. more: variables
    besides those of this process.
    """
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{module}", *map(str, given)],
        cwd=ROOT,
        env=os.environ | more,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{failed}:\n{done.stderr}")
    return done.stdout


def measure(task: Task) -> Measured:
    """Run a task in its own process, on its cores with one thread for each. Raises RuntimeError if it fails."""
    failed = f"Measuring {task.what} failed"
    return Measured(**json.loads(work("measure.worker", task.to_json(), failed=failed, more=_ONE_THREAD)))


@contextmanager
def served(source: Source) -> Iterator[dict[str, str]]:
    """Serve a ledger from this process for the block. Yields how to access its only account."""
    with serve(source) as emulator:
        (account,) = emulator.accounts
        yield {
            "name": account.name,
            "account_sid": account.account_sid,
            "base_url": emulator.base_url,
            "user": account.account_sid,
            "token": account.api_token,
            "provider": "signalwire",
            "token_hint": "the emulator's token",
        }
