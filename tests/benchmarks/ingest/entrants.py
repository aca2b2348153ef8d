"""Measure the ways in turns against one emulator, and check what each of them read."""

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.benchmarks.ingest.ways import Fetch, Lap
from tests.benchmarks.measure.progress import Say

Way = Callable[[Fetch, Path], Lap]


@dataclass(frozen=True, slots=True)
class Entrant:
    """A way that takes part in a race.

    Args:
        words: its description in the table.
        rounds: how often it is measured.
        start_seconds: the time of its commands with nothing to do.
        is_exact: whether its prices are typed, so that they can be added up.
        most: the most recordings that it reads; all if 0.
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
    """The measurements of one entrant."""

    entrant: Entrant
    laps: list[Lap] = field(default_factory=list)

    @property
    def recordings(self) -> int:
        """The number of recordings that it reads in each lap."""
        return self.laps[0].recordings

    def median(self, of: Callable[[Lap], float]) -> float:
        """Return the median over all laps."""
        return median(of(lap) for lap in self.laps)

    @property
    def seconds(self) -> float:
        """Median wall seconds."""
        return self.median(lambda lap: lap.seconds)

    @property
    def rate(self) -> float:
        """Recordings per wall second, including the start."""
        return self.recordings / self.seconds

    @property
    def rate_without_start(self) -> float:
        """Recordings per wall second without the start, which weighs less the more recordings are read."""
        without_start = self.seconds - self.entrant.start_seconds
        return self.recordings / without_start if without_start > 0 else math.inf


def race(
    fetch: Fetch, entrants: Sequence[Entrant], right_answer: tuple[int, str], work_dir: Path, say: Say
) -> Mapping[str, Result]:
    """Measure all entrants in turns, each for its number of rounds.

    Raises:
        RuntimeError: the result of an entrant is not the right answer (recordings, cost).
    """
    results = {entrant.name: Result(entrant) for entrant in entrants}
    for number in range(max(entrant.rounds for entrant in entrants)):
        for entrant in entrants:
            if number < entrant.rounds:
                out = work_dir / entrant.name.replace(" ", "-")
                out.mkdir(parents=True)
                lap = entrant.way(fetch, out)
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
            f"{entrant.name} has {lap.recordings} recordings and a cost of {lap.cost}, the ledger {expected} and "
            f"{cost}: they can't be compared."
        )
