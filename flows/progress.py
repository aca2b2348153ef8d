"""How a stage tells how far it is, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Called by a stage: what it is doing, how much of it is done, and the total when that is known."""

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        """Tell it."""


def silent(stage: str, done: int, total: int | None = None) -> None:
    """Nobody listens."""
