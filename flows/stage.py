"""What every stage is passed: the clock, how to run a piece of work as a step, and where to report progress."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Step = Callable[[str, Callable[[], Any]], Any]
"""Runs a piece of work under a name, and returns its result."""


class Progress(Protocol):
    """Called by a stage with what it is doing, how much of that is done, and the total if known."""

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        """Report progress."""


def silent(stage: str, done: int, total: int | None = None) -> None:
    """Ignore progress."""


# Each step has a cost (a task, when Prefect runs it), so a step is many accounts.
_ACCOUNTS_PER_STEP = 50
# More accounts than this are counted: a bar for each could not be read.
_BARS = 8


class ProgressOfMany:
    """Shows the progress of each account, or how many accounts are done if there are many. Usable from any thread."""

    def __init__(self, verb: str, accounts: int, progress: Progress) -> None:
        self._verb = verb
        self._accounts = accounts
        self._progress = progress
        self._done = 0
        self._lock = Lock()

    def account(self, stage: str, done: int, total: int | None = None) -> None:
        """Show the progress of an account."""
        if self._accounts <= _BARS:
            with self._lock:
                self._progress(stage, done, total)

    def one_more(self) -> None:
        """Count an account as done."""
        if self._accounts > _BARS:
            with self._lock:
                self._done += 1
                self._progress(f"{self._verb} accounts", self._done, self._accounts)


def steps_of(verb: str, accounts: Sequence[str]) -> Iterator[tuple[str, range]]:
    """Divide accounts, given by name, into steps: the name of each, and the places of its accounts."""
    for first in range(0, len(accounts), _ACCOUNTS_PER_STEP):
        places = range(first, min(first + _ACCOUNTS_PER_STEP, len(accounts)))
        others = len(places) - 1
        more = f" and {others} other account{'s' * (others > 1)}" if others else ""
        yield f"{verb} {accounts[first]}{more}", places


def directly(name: str, piece: Callable[[], T]) -> T:
    """Run a piece of work in this thread, right away. Under Prefect, the same piece is a task of that name."""
    return piece()


Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current instant, in UTC."""
    return datetime.now(UTC)
