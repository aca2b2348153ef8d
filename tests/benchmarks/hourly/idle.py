"""Measure many runs with nothing new, an hour apart: what each costs, and what they leave on disk."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from flows.emulator.ledger.generator import LAST_DAY
from tests.benchmarks.measure.child import work
from tests.benchmarks.measure.emulated import emulator
from tests.benchmarks.measure.ledgers import settled_ledger
from tests.benchmarks.measure.progress import Say

GOAL_OF_GROWTH = 1.05
GOAL_FILES = 100
GOAL_BYTES = 2_000_000
_EACH = 10
"""How many runs are compared with how many."""


@dataclass(frozen=True, slots=True)
class Idle:
    """CPU seconds of each run after the first, and what all of them asked for and added to the data folder.

    grown: the bytes by which each place has grown, of those that have.
    """

    recordings: int
    seconds: Sequence[float]
    requests: int
    rows: int
    new_files: int
    new_bytes: int
    grown: Mapping[str, int]

    @property
    def growth(self) -> float:
        """How many times the CPU of runs 10 to 20 the last ten take, medians."""
        return median(self.seconds[-_EACH:]) / median(self.seconds[_EACH : 2 * _EACH])


def idle(recordings: int, runs: int, ledgers: Path, work_dir: Path, say: Say) -> Idle:
    """Read an account whose recordings are all settled, then do `runs` more. Raises RuntimeError if one fails."""
    folder, data_dir = settled_ledger(recordings, LAST_DAY, ledgers), work_dir / "idle"
    data_dir.mkdir()
    with emulator(folder) as served:
        given = (served.base_url, served.account_sid, served.token, data_dir, LAST_DAY, runs)
        try:
            printed = work("hourly.idle_worker", *given, failed="A run with nothing new failed")
        finally:
            shutil.rmtree(data_dir)
    measured = Idle(recordings, **json.loads(printed))
    say(f"hourly: {runs:,} runs, the last {measured.growth:.2f} times the first")
    return measured


def section(measured: Idle) -> str:
    """Return the section of the tables."""
    runs, growth = len(measured.seconds), measured.growth
    places = sorted(measured.grown.items(), key=lambda each: -each[1])
    grown = ", ".join(f"{place} {size / 1e6:.1f}" for place, size in places if size >= 50_000)
    is_small = measured.new_files <= GOAL_FILES and measured.new_bytes <= GOAL_BYTES
    return "\n".join(
        [
            "## Runs every hour with nothing new",
            "",
            f"{runs:,} runs after the first over {measured.recordings:,} settled recordings, an hour apart by a clock "
            "of their own, in one process.",
            "",
            "| | median CPU s | requests | rows listed | new files | new MB |",
            "|---|--:|--:|--:|--:|--:|",
            f"| {runs:,} runs | {median(measured.seconds):.2f} | {measured.requests:,} | {measured.rows:,} "
            f"| {measured.new_files:,} | {measured.new_bytes / 1e6:.1f} |",
            "",
            f"CPU of the last {_EACH} runs against runs {_EACH} to {2 * _EACH}: {growth:.2f} (goal: at most "
            f"{GOAL_OF_GROWTH}, {'reached' if growth <= GOAL_OF_GROWTH else 'missed'}). Files and bytes of 1,000 runs: "
            f"at most {GOAL_FILES} and {GOAL_BYTES / 1e6:.0f} MB ({'reached' if is_small else 'missed'}). "
            f"Grown by more than a little, MB: {grown or 'nothing'}.",
            "",
        ]
    )
