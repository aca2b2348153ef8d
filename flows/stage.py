"""What every stage is handed: the clock, how a piece of work is run as a step, and whom it reports progress to."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Step = Callable[[str, Callable[[], Any]], Any]
"""Runs a piece of work that has a name, and gives what it gives."""


class Progress(Protocol):
    """Called by a stage: what it is doing, how much of it is done, and the total when that is known."""

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        """Tell it."""


def silent(stage: str, done: int, total: int | None = None) -> None:
    """Nobody listens."""


def directly(name: str, piece: Callable[[], T]) -> T:
    """Run a piece of work here and now; Prefect runs the same piece as a task of that name."""
    return piece()


Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The instant, in UTC."""
    return datetime.now(UTC)
