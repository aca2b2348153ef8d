"""The ways in turns, from one emulator, with what each of them read."""

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.benchmarks.ingest.ways import Lap, Walk
from tests.benchmarks.measure.progress import Say

Way = Callable[[Walk, Path], Lap]


@dataclass(frozen=True, slots=True)
class Entrant:
    """A way that takes part. start_seconds: of its process with nothing to do, over all its commands.

    words: what it is, for the table. rounds: how often it is measured. is_exact: whether its prices are typed, so that
    they can be added up. most: reads at most so many recordings, all when 0.
    """

    name: str
    words: str
    way: Way
    rounds: int
    start_seconds: float
    is_exact: bool = True
    most: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What one entrant did."""

    entrant: Entrant
    laps: list[Lap] = field(default_factory=list)

    @property
    def recordings(self) -> int:
        """How many recordings it read each time."""
        return self.laps[0].recordings

    def median(self, of: Callable[[Lap], float]) -> float:
        """The median over its rounds."""
        return median(of(lap) for lap in self.laps)

    @property
    def seconds(self) -> float:
        """Median wall seconds."""
        return self.median(lambda lap: lap.seconds)

    @property
    def rate(self) -> float:
        """Recordings per second of the wall, its start included."""
        return self.recordings / self.seconds

    @property
    def rate_without_start(self) -> float:
        """Recordings per second of the wall behind its start, which a larger reading spreads over more recordings."""
        behind = self.seconds - self.entrant.start_seconds
        return self.recordings / behind if behind > 0 else math.inf


def race(
    walk: Walk, entrants: Sequence[Entrant], right_answer: tuple[int, str], workplace: Path, say: Say
) -> Mapping[str, Result]:
    """Measure all entrants in turns, each as often as it has rounds.

    Raises RuntimeError when one does not come to the right answer (recordings, cost).
    """
    results = {entrant.name: Result(entrant) for entrant in entrants}
    for number in range(max(entrant.rounds for entrant in entrants)):
        for entrant in entrants:
            if number < entrant.rounds:
                out = workplace / entrant.name.replace(" ", "-")
                out.mkdir(parents=True)
                lap = entrant.way(walk, out)
                shutil.rmtree(out)
                _check(lap, entrant, right_answer)
                results[entrant.name].laps.append(lap)
                say(
                    f"round {number + 1} of {entrant.rounds}: {entrant.name} read {lap.recordings:,} recordings "
                    f"in {lap.seconds:.1f} s"
                )
    return results


def _check(lap: Lap, entrant: Entrant, right_answer: tuple[int, str]) -> None:
    recordings, cost = right_answer
    expected = min(recordings, entrant.most or recordings)
    if lap.recordings != expected or (entrant.is_exact and lap.cost != cost):
        raise RuntimeError(
            f"{entrant.name} comes to {lap.recordings} recordings and a cost of {lap.cost}, the ledger to {expected} "
            f"and {cost}. It must not be compared."
        )
