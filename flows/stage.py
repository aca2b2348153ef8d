"""What every stage is passed: the clock, how to run a piece of work as a step, and where to report progress."""

from collections.abc import Callable
from datetime import UTC, datetime
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


def directly(name: str, piece: Callable[[], T]) -> T:
    """Run a piece of work in this thread, right away. Under Prefect, the same piece is a task of that name."""
    return piece()


Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current instant, in UTC."""
    return datetime.now(UTC)
