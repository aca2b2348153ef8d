"""Measure how long marts and reports take, compared with a single aggregation of the same columns and rows."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure.child import ROOT
from tests.benchmarks.measure.progress import Say

GOAL = 4.0
GOAL_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Built:
    """Seconds for `fct_recordings`, each mart built from it, one aggregation and all reports; peak memory in bytes."""

    recordings: int
    fact: float
    marts: dict[str, float]
    one_aggregation: float
    reports: float
    peak_bytes: int

    @property
    def times_as_long(self) -> float:
        """The time of all marts divided by that of the one aggregation."""
        return sum(self.marts.values()) / self.one_aggregation


def build(recordings: int, work_dir: Path, say: Say) -> Built:
    """Build every mart over generated recordings, in its own process. Raises RuntimeError if it fails."""
    data_dir = work_dir / f"marts-{recordings}"
    data_dir.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.marts.marts_worker", str(data_dir), str(recordings)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(data_dir)
    if done.returncode:
        raise RuntimeError(f"Building the marts failed:\n{done.stderr}")
    built = Built(recordings, **json.loads(done.stdout))
    say(f"marts over {recordings:,} recordings: {built.times_as_long:.1f} times one aggregation")
    return built


def section(measured: list[Built]) -> str:
    """Return the section with the table, slowest marts first."""
    largest = measured[-1]
    longest = sorted(largest.marts, key=lambda name: -largest.marts[name])
    heads = " | ".join(f"{built.recordings:,} recordings, s" for built in measured)
    rows = [("fct_recordings, by itself", [built.fact for built in measured])]
    rows += [(name, [built.marts[name] for built in measured]) for name in longest]
    rows += [("all marts", [sum(built.marts.values()) for built in measured])]
    rows += [("one aggregation", [built.one_aggregation for built in measured])]
    rows += [("all reports, with the page", [built.reports for built in measured])]
    peaks = ", ".join(f"{built.peak_bytes / 1e6:,.0f} MB" for built in measured)
    is_reached = largest.times_as_long <= GOAL and largest.peak_bytes <= GOAL_BYTES
    outcome = "reached" if is_reached else "not reached"
    return "\n".join(
        [
            "## Building the marts",
            "",
            "Generated recordings of ten accounts over three years, in one DuckDB file. The one aggregation groups by "
            "all dimensions of the marts and reads every column that they read; median of three.",
            "",
            f"| table | {heads} |",
            "|---|" + "--:|" * len(measured),
            *(
                f"| {name} | " + " | ".join(f"{seconds:.3f}" for seconds in each) + " |"
                for name, each in rows
            ),
            "",
            f"All marts take {largest.times_as_long:.1f} times as long as the one aggregation "
            f"(goal: at most {GOAL:.0f}), with a peak memory of {peaks} (goal: at most 2 GB): {outcome}.",
            "",
            f"Writing all reports reads only marts and takes {largest.reports:.1f} s, "
            f"{largest.reports / largest.one_aggregation:.1f} times that aggregation of all recordings.",
            "",
        ]
    )
