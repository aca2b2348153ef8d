"""How a stage has its pieces run and tells how far it is, without knowing who runs them and who listens."""

from collections.abc import Callable
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
