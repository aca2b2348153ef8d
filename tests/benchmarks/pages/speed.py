"""Measure the three ways on each kind of pages in turns, again and again, so that a busy moment affects all."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.benchmarks.measure.child import measure
from tests.benchmarks.measure.progress import Say
from tests.benchmarks.measure.task import Measured, Task
from tests.benchmarks.pages.kinds import KINDS, landed_as

WAYS = ("ours", "usual", "floor")


@dataclass(frozen=True, slots=True)
class Race:
    """The rounds with pages of a kind on disk or in memory: one measurement per way and round.

    cores: how many ours may use; the others do everything on one.
    """

    kind: str
    in_memory: bool = False
    cores: int = 1
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

    def times_as_fast(self, way: str, other: str, than: "Race | None" = None) -> tuple[float, float]:
        """Return how many times as fast a way is as `other`, by wall and by CPU time: medians of the rounds' ratios.

        than: the race of `other`, if it is another one. CPU time is less affected by other work on the machine.
        """
        pairs = list(zip(self.rounds[way], (than or self).rounds[other], strict=True))
        return (
            median(theirs.seconds / ours.seconds for ours, theirs in pairs),
            median(theirs.cpu_seconds / ours.cpu_seconds for ours, theirs in pairs),
        )


def race(landed: Path, work_dir: Path, rounds: int, right_answer: tuple[int, str], say: Say) -> list[Race]:
    """Measure all ways on each kind of pages, and the first kind with pages in memory and on two cores too.

    Each is measured `rounds` times. An extra run of ours, which is not counted, builds the tables for the floor.

    Raises:
        RuntimeError: the result of a way is not the right answer (recordings, cost).
    """
    say("changing the pages into each kind, unless cached")
    pages = {kind: landed_as(kind, landed) for kind in KINDS}
    lake = work_dir / "lake"
    _check(measure(Task("ours", lake, landed=landed)), "ours", right_answer)
    common = next(iter(KINDS))
    races = [*map(Race, KINDS), Race(common, in_memory=True), Race(common, cores=2)]
    for number in range(1, rounds + 1):
        for each in races:
            for way in WAYS:
                out = work_dir / way
                cores = each.cores if way == "ours" else 1
                measured = measure(
                    Task(way, out, pages[each.kind], lake, in_memory=each.in_memory, cores=cores)
                )
                shutil.rmtree(out)
                _check(measured, way, right_answer)
                each.rounds[way].append(measured)
                where = "in memory" if each.in_memory else "on disk"
                say(f"round {number} of {rounds}, {each.kind} {where}: {way} {measured.seconds:.2f} s")
    return races


def _check(measured: Measured, way: str, right_answer: tuple[int, str]) -> None:
    answer = (measured.recordings, measured.cost)
    if answer != right_answer:
        raise RuntimeError(
            f"{way} has the result {answer}, the ledger {right_answer}: they can't be compared."
        )
