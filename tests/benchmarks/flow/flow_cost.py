"""Measure what Prefect adds to a run: the same work as plain functions, and as a flow with and without a server."""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from statistics import median

from tests.benchmarks.flow.prefect_server import prefect_server
from tests.benchmarks.measure.command import run
from tests.benchmarks.measure.emulated import Served, emulator, settings
from tests.benchmarks.measure.ledgers import generated_ledger, open_rendered, right_answer
from tests.benchmarks.measure.progress import Say

WAYS = {
    "plain": "plain functions",
    "running": "a flow, with `PREFECT_API_URL` of a running server",
    "temporary": "a flow, with a temporary server",
}
GOAL_SHARE = 0.10


@dataclass(frozen=True, slots=True)
class FlowLap:
    """Wall and CPU seconds of a whole run.

    Args:
        start: wall seconds until the first stage begins.
        stages: wall seconds in the stages.
        after: wall seconds from the last stage to the end of the run.
        end: wall seconds from the end of the run to the exit of the process.
        run_cpu: CPU seconds of the process during the run.
        whole_cpu: CPU seconds in total, including child processes.
    """

    start: float
    stages: float
    after: float
    end: float
    run_cpu: float
    whole_cpu: float

    @property
    def run(self) -> float:
        """Wall seconds without the start and the end of the process."""
        return self.stages + self.after


@dataclass(frozen=True, slots=True)
class FlowCost:
    """The laps of each way, one per round.

    `first_start` is the start with the first temporary server, which also creates its database.
    """

    recordings: int
    first_start: float
    laps: dict[str, list[FlowLap]] = field(default_factory=lambda: {way: [] for way in WAYS})

    def shares(self, way: str) -> list[float]:
        """Return what a way adds to the plain run of the same round, as a share of the plain run."""
        pairs = zip(self.laps[way], self.laps["plain"], strict=True)
        return [lap.run / plain.run - 1 for lap, plain in pairs]

    def cpu_share(self, way: str) -> float:
        """Return the median share by CPU time of the process, which other work on the machine affects less."""
        pairs = zip(self.laps[way], self.laps["plain"], strict=True)
        return median(lap.run_cpu / plain.run_cpu - 1 for lap, plain in pairs)


def flow_cost(count: int, rounds: int, concurrency: int, ledgers: Path, work_dir: Path, say: Say) -> FlowCost:
    """Do the same run in all ways in turns. Raises RuntimeError if the result of one differs from the ledger."""
    say(f"flow: rendering {count:,} recordings, unless cached")
    folder, place = generated_ledger(count, ledgers), work_dir / "flow"
    place.mkdir()
    _, cost = right_answer(open_rendered(folder))
    home = {"PREFECT_HOME": str(place / "home")}
    with emulator(folder) as served, prefect_server(place / "server") as api:
        first = _lap("temporary", home, served, concurrency, place, count, cost)
        # The first lap of each way warms the system's caches.
        _lap("plain", {}, served, concurrency, place, count, cost)
        measured = FlowCost(count, first.start)
        given: dict[str, dict[str, str]] = {
            "plain": {},
            "running": {**home, "PREFECT_API_URL": api},
            "temporary": home,
        }
        for number in range(1, rounds + 1):
            for way, laps in measured.laps.items():
                laps.append(_lap(way, given[way], served, concurrency, place, count, cost))
                lap = laps[-1]
                say(
                    f"flow, round {number} of {rounds}: {way} {lap.run:.2f} s, {lap.after:.2f} s of it after the "
                    f"stages, {lap.run_cpu:.2f} s CPU; start {lap.start:.2f} s"
                )
    return measured


def _lap(
    way: str, given: Mapping[str, str], served: Served, concurrency: int, place: Path, count: int, cost: str
) -> FlowLap:
    data_dir = place / "data"
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.flow.flow_lap",
        "plain" if way == "plain" else "flow",
    ]
    finished = run(command, {**settings(served, data_dir, concurrency), **given})
    shutil.rmtree(data_dir)
    lap = json.loads(finished.printed.splitlines()[-1])
    found = sum(map(Decimal, lap["cost"].values()), Decimal(0)).normalize()
    if (lap["exit_code"], f"{found:f}") != (0, cost) or lap["rows"] < count:
        raise RuntimeError(
            f"{way} exited with {lap['exit_code']}, {lap['rows']} rows and a cost of {found:f} instead of {cost}."
        )
    start, stages, after = lap["start"], lap["stages"], lap["after"]
    end = finished.seconds - start - stages - after
    return FlowLap(start, stages, after, end, lap["run_cpu"], finished.cpu_seconds)


def section(measured: FlowCost) -> str:
    """Return the section on the cost of the run in each way."""
    rounds = len(measured.laps["plain"])
    return "\n".join(
        [
            "## What Prefect adds to a run",
            "",
            f"A whole run over {measured.recordings:,} recordings of one account into an empty folder, in its own "
            "process: the same stages as plain functions and as a flow. The emulator and the Prefect server run in "
            f"other processes on the same machine. {rounds} rounds in turns. The start is everything until the first "
            "stage begins: Python, imports, the flow run, and a temporary server if there is one. The end is from the "
            "end of the run to the exit of the process. The first temporary server also creates its database: its "
            f"start took {measured.first_start:.1f} s.",
            "",
            "| way | run s | of it after the stages | CPU s of the run | start s | end s | CPU s in total |",
            "|---|--:|--:|--:|--:|--:|--:|",
            *(_row(way, laps) for way, laps in measured.laps.items()),
            "",
            "| what Prefect adds to the run, without the start | by wall | each round | by CPU | goal | reached |",
            "|---|--:|---|--:|--:|---|",
            *(_share_row(way, measured) for way in WAYS if way != "plain"),
            "",
            f"The plain runs themselves vary by {_spread(measured.laps['plain']):.0%} of their median: smaller "
            "differences are noise.",
            "",
        ]
    )


def _row(way: str, laps: list[FlowLap]) -> str:
    runs = [lap.run for lap in laps]
    return (
        f"| {WAYS[way]} | {median(runs):.2f} ({min(runs):.2f} to {max(runs):.2f}) "
        f"| {median(lap.after for lap in laps):.2f} | {median(lap.run_cpu for lap in laps):.2f} "
        f"| {median(lap.start for lap in laps):.2f} | {median(lap.end for lap in laps):.2f} "
        f"| {median(lap.whole_cpu for lap in laps):.1f} |"
    )


def _share_row(way: str, measured: FlowCost) -> str:
    shares = measured.shares(way)
    found = median(shares)
    each = ", ".join(f"{share:+.1%}" for share in shares)
    return (
        f"| {WAYS[way]} | {found:+.1%} | {each} | {measured.cpu_share(way):+.1%} | under {GOAL_SHARE:.0%} "
        f"| {'yes' if found < GOAL_SHARE else 'no'} |"
    )


def _spread(laps: list[FlowLap]) -> float:
    runs = [lap.run for lap in laps]
    return (max(runs) - min(runs)) / median(runs)
