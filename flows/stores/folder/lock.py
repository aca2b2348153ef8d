"""File locks between processes. The operating system releases them when a process ends, however it ends.

A file that one process locks for itself names that process and the instant it was locked; it is empty afterwards.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from flows.stores.waiting import retried
from transforms.errors import BusyError

_SECONDS_BETWEEN_TRIES = 0.1


@dataclass(frozen=True, slots=True, order=True)
class Holder:
    """The process that holds a lock, and the instant it took it (UTC)."""

    process: int
    since: str

    def __str__(self) -> str:
        return f"process {self.process}, since {self.since}"


def nothing() -> None:
    """Do nothing before a try."""


@contextmanager
def one_process(
    path: Path,
    busy: str,
    cure: str,
    seconds: float = 0,
    *,
    holders: Callable[[], Sequence[Holder]] | None = None,
    before_try: Callable[[], None] = nothing,
) -> Iterator[None]:
    """Lock a file for the block; only one process can. Waits this many seconds while another one holds it.

    holders: says who holds it; by default, the file does. before_try: called before each try; what it raises ends the
    wait. Raises BusyError if another process still holds the file; the message is made of `busy`, that process, and
    `cure`.
    """

    def sentence() -> str:
        return _sentence(busy, holders() if holders else _said_in(path), cure)

    with _locked(path, fcntl.LOCK_EX, seconds, sentence, before_try) as file:
        _say(file)
        try:
            yield
        finally:
            file.truncate(0)


@contextmanager
def in_turn(path: Path, seconds: float) -> Iterator[None]:
    """Lock a file for the block; wait while another process holds it. Raises BusyError after this many seconds."""
    busy = f"Another process has held {path} for {seconds:.0f} seconds. Check whether it hangs."
    with _locked(path, fcntl.LOCK_EX, seconds, lambda: busy):
        yield


@contextmanager
def together(path: Path, busy: str, cure: str, seconds: float = 0) -> Iterator[None]:
    """Lock a file for the block together with others that do the same. Waits and raises as `one_process`."""
    with _locked(path, fcntl.LOCK_SH, seconds, lambda: _sentence(busy, _said_in(path), cure)) as file:
        _say(file)  # to older versions of this program: they lock the file for themselves
        yield


@contextmanager
def _locked(
    path: Path,
    kind: int,
    seconds: float,
    busy: Callable[[], str],
    before_try: Callable[[], None] = nothing,
) -> Iterator[IO[str]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:

        def take() -> None:
            before_try()
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(busy()) from None

        retried(take, BusyError, seconds, _SECONDS_BETWEEN_TRIES)
        yield file


def holder_of(path: Path) -> Holder | None:
    """Return the process that holds this lock for itself now; None if there is none, or if it has just taken it.

    A free lock is not touched for that, so that nobody who takes it meanwhile finds it held.
    """
    found = read_holder(path)
    return found if found and is_held(path) else None


def is_held(path: Path) -> bool:
    """Check whether any process has locked a file for itself. Takes the lock for an instant, together with others."""
    with suppress(FileNotFoundError), path.open() as file:  # read access is enough to ask
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def read_holder(path: Path) -> Holder | None:
    """Return what a lock says of the process that took it last, which may have been killed; None if it says nothing."""
    with suppress(FileNotFoundError, ValueError):
        process, since = path.read_text().split()
        return Holder(int(process), since)
    return None


def _say(file: IO[str]) -> None:
    file.truncate(0)
    file.write(f"{os.getpid()} {datetime.now(UTC).isoformat(timespec='seconds')}")
    file.flush()


def _said_in(path: Path) -> list[Holder]:
    found = read_holder(path)
    return [found] if found else []


def _sentence(busy: str, holders: Sequence[Holder], cure: str) -> str:
    return f"{busy}: {' and '.join(map(str, holders)) or 'it has just started'}. {cure}"
