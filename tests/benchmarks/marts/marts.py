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
MEMORY_MB = 512


@dataclass(frozen=True, slots=True)
class Built:
    """Seconds for `fct_recordings`, each mart built from it, one aggregation, all checks and all reports.

    memory_mb: how much memory DuckDB was allowed. reports: None if they were not written. The peaks are bytes of the
    whole process: after models and checks, and at its end.
    """

    recordings: int
    accounts: int
    memory_mb: int
    fact: float
    marts: dict[str, float]
    one_aggregation: float
    checks: float
    reports: float | None
    peak_of_models: int
    peak_bytes: int

    @property
    def times_as_long(self) -> float:
        """The time of all marts divided by that of the one aggregation."""
        return sum(self.marts.values()) / self.one_aggregation


def build(
    recordings: int,
    work_dir: Path,
    say: Say,
    *,
    accounts: int = 10,
    memory_mb: int = MEMORY_MB,
    with_reports: bool = False,
) -> Built:
    """Build every mart over generated recordings, in its own process. Raises RuntimeError if it fails."""
    data_dir = work_dir / f"marts-{recordings}-{accounts}"
    data_dir.mkdir()
    given = [str(each) for each in (data_dir, recordings, accounts, memory_mb)]
    if with_reports:
        given.append("reports")
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.marts.marts_worker", *given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(data_dir)
    if done.returncode:
        raise RuntimeError(f"Building the marts failed:\n{done.stderr}")
    built = Built(recordings, accounts, memory_mb, **json.loads(done.stdout))
    say(
        f"marts of {accounts:,} accounts and {recordings:,} recordings: "
        f"{built.times_as_long:.1f} times one aggregation"
    )
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
    rows += [("all checks", [built.checks for built in measured])]
    rows += [("all reports, with the page", [built.reports or 0 for built in measured])]
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
            f"Writing all reports reads only marts and takes {largest.reports or 0:.1f} s, "
            f"{(largest.reports or 0) / largest.one_aggregation:.1f} times that aggregation of all recordings.",
            "",
        ]
    )


def accounts_section(measured: list[Built]) -> str:
    """Return the section with a row for each number of accounts."""
    a_day = measured[-1].recordings / measured[-1].accounts / (3 * 365)
    rows = []
    for built in measured:
        slowest = max(built.marts, key=lambda name: built.marts[name])
        rows.append(
            f"| {built.accounts:,} | {built.recordings:,} | {built.fact:.1f} | {sum(built.marts.values()):.1f} "
            f"| {slowest.removeprefix('marts.')} {built.marts[slowest]:.1f} | {built.checks:.1f} "
            f"| {built.peak_of_models / 1e6:,.0f} |"
        )
    return "\n".join(
        [
            "## Building the marts of many accounts",
            "",
            f"Generated recordings over three years, {a_day:.1f} a day and account. DuckDB may use {MEMORY_MB} MB; the "
            "peak is that of the whole process, with Python and its libraries.",
            "",
            "| accounts | recordings | fct_recordings, s | all marts, s | slowest mart, s | all checks, s | peak, MB |",
            "|--:|--:|--:|--:|---|--:|--:|",
            *rows,
            "",
        ]
    )
