"""Measure the three ways in turns (ours, usual, floor, ours, usual, floor, …), so that a busy moment affects all."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.benchmarks.measure.child import measure
from tests.benchmarks.measure.progress import Say
from tests.benchmarks.measure.task import Measured, Task

WAYS = ("ours", "usual", "floor")


@dataclass(frozen=True, slots=True)
class Race:
    """The rounds with pages on disk or in memory: one measurement per way and round."""

    in_memory: bool
    rounds: dict[str, list[Measured]] = field(default_factory=lambda: {way: [] for way in WAYS})

    def seconds(self, way: str) -> float:
        """Return the median wall seconds."""
        return median(measured.seconds for measured in self.rounds[way])

    def cpu_seconds(self, way: str) -> float:
        """Return the median CPU seconds."""
        return median(measured.cpu_seconds for measured in self.rounds[way])

    def span(self, way: str) -> tuple[float, float]:
        """Return the shortest and the longest wall seconds."""
        seconds = [measured.seconds for measured in self.rounds[way]]
        return min(seconds), max(seconds)

    def times_as_fast(self, way: str, other: str) -> float:
        """Return how many times as fast as `other` a way is, by wall time: the median of the rounds' ratios."""
        pairs = zip(self.rounds[way], self.rounds[other], strict=True)
        return median(theirs.seconds / ours.seconds for ours, theirs in pairs)

    def times_as_fast_by_cpu(self, way: str, other: str) -> float:
        """Return the same by CPU time, which other work on the machine affects less."""
        pairs = zip(self.rounds[way], self.rounds[other], strict=True)
        return median(theirs.cpu_seconds / ours.cpu_seconds for ours, theirs in pairs)


def race(landed: Path, work_dir: Path, rounds: int, right_answer: tuple[int, str], say: Say) -> list[Race]:
    """Measure all ways with pages on disk and in memory, `rounds` times each.

    An extra run of ours, which is not counted, builds the tables for the floor.

    Raises:
        RuntimeError: the result of a way is not the right answer (recordings, cost).
    """
    lake = work_dir / "lake"
    _check(measure(Task("ours", lake, landed=landed)), "ours", right_answer)
    races = [Race(in_memory=False), Race(in_memory=True)]
    for number in range(1, rounds + 1):
        for form in races:
            for way in WAYS:
                out = work_dir / way
                measured = measure(Task(way, out, landed=landed, lake=lake, in_memory=form.in_memory))
                shutil.rmtree(out)
                _check(measured, way, right_answer)
                form.rounds[way].append(measured)
                where = "in memory" if form.in_memory else "on disk"
                say(f"round {number} of {rounds}, pages {where}: {way} {measured.seconds:.2f} s")
    return races


def _check(measured: Measured, way: str, right_answer: tuple[int, str]) -> None:
    answer = (measured.recordings, measured.cost)
    if answer != right_answer:
        raise RuntimeError(
            f"{way} has the result {answer}, the ledger {right_answer}: they can't be compared."
        )
