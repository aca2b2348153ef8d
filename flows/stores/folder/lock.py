"""File locks: one writer per data folder, one server per Prefect folder, and whatever else is for one process only."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from flows.stores.waiting import retried
from transforms.errors import BusyError

_NAME = ".lock"
_SECONDS_BETWEEN_TRIES = 0.1


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock, and the instant it took it (UTC)."""

    process: int
    since: str


@contextmanager
def one_writer(data_dir: Path, seconds: float = 0) -> Iterator[None]:
    """Hold the data folder for the block. Waits this many seconds for another process that holds it.

    Raises BusyError naming that process if it still does.
    """
    cure = "Wait until it ends, or use another folder with RECSPEND_DATA_DIR."
    with one_process(data_dir / _NAME, f"Another run is writing to {data_dir}", cure, seconds):
        yield


@contextmanager
def one_process(path: Path, busy: str, cure: str, seconds: float = 0) -> Iterator[None]:
    """Lock a file for the block; only one process can. Waits this many seconds while another one holds it.

    The operating system releases the lock when the process ends, however it ends, so there are no stale locks. Raises
    BusyError if another process still holds it; the message is made of `busy`, that process, and `cure`.
    """
    with _locked(path, seconds, lambda: f"{busy}: {_describe(path)}. {cure}") as file:
        file.truncate(0)
        file.write(f"{os.getpid()} {datetime.now(UTC).isoformat(timespec='seconds')}")
        file.flush()
        yield


@contextmanager
def in_turn(path: Path, seconds: float) -> Iterator[None]:
    """Lock a file for the block; wait while another process holds it. Raises BusyError after this many seconds."""
    busy = f"Another process has held {path} for {seconds:.0f} seconds. Check whether it hangs."
    with _locked(path, seconds, lambda: busy):
        yield


@contextmanager
def _locked(path: Path, seconds: float, busy: Callable[[], str]) -> Iterator[IO[str]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:

        def take() -> None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(busy()) from None

        retried(take, BusyError, seconds, _SECONDS_BETWEEN_TRIES)
        yield file


def holder(data_dir: Path) -> Holder | None:
    """Return the process that holds the data folder now; None if there is none."""
    return holder_of(data_dir / _NAME)


def holder_of(path: Path) -> Holder | None:
    """Return the process that holds this lock now; None if it is free."""
    if not path.exists():
        return None
    with path.open() as file:  # read access is enough to ask
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(path)
    return None


def _read(path: Path) -> Holder | None:
    words = path.read_text().split()
    return Holder(int(words[0]), words[1]) if len(words) == 2 else None


def _describe(path: Path) -> str:
    found = _read(path)
    return f"process {found.process}, since {found.since}" if found else "it has just started"
