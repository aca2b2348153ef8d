"""The three ways in turns: ours, usual, floor, ours, usual, floor, … in one run, so that a busy moment hits all."""

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
    """The rounds of one form of the pages, on disk or in memory: way → one measurement a round."""

    in_memory: bool
    rounds: dict[str, list[Measured]] = field(default_factory=lambda: {way: [] for way in WAYS})

    def seconds(self, way: str) -> float:
        """Median wall seconds."""
        return median(measured.seconds for measured in self.rounds[way])

    def cpu_seconds(self, way: str) -> float:
        """Median CPU seconds."""
        return median(measured.cpu_seconds for measured in self.rounds[way])

    def span(self, way: str) -> tuple[float, float]:
        """The shortest and the longest wall seconds."""
        seconds = [measured.seconds for measured in self.rounds[way]]
        return min(seconds), max(seconds)

    def times_as_fast(self, way: str, other: str) -> float:
        """How many times as fast as the other a way is, by the wall: the median of each round's ratio."""
        pairs = zip(self.rounds[way], self.rounds[other], strict=True)
        return median(theirs.seconds / ours.seconds for ours, theirs in pairs)

    def times_as_fast_by_cpu(self, way: str, other: str) -> float:
        """The same by CPU seconds, which other work on the machine disturbs less."""
        pairs = zip(self.rounds[way], self.rounds[other], strict=True)
        return median(theirs.cpu_seconds / ours.cpu_seconds for ours, theirs in pairs)


def race(landed: Path, workplace: Path, rounds: int, right_answer: tuple[int, str], say: Say) -> list[Race]:
    """Measure all ways in both forms, `rounds` times each.

    A first normalizing, not counted, gives the floor its tables. Raises RuntimeError when a way does not come to the
    right answer (recordings, cost).
    """
    lake = workplace / "lake"
    _check(measure(Task("ours", lake, landed=landed)), "ours", right_answer)
    races = [Race(in_memory=False), Race(in_memory=True)]
    for number in range(1, rounds + 1):
        for form in races:
            for way in WAYS:
                out = workplace / way
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
        raise RuntimeError(f"{way} comes to {answer}, the ledger to {right_answer}. It must not be compared.")
