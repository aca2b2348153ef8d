"""Measure the model stage over a generated lake: first, with nothing new, and with 1,000 new recordings."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure.child import work
from tests.benchmarks.measure.progress import Say

MONTHS = 12
GOAL_SECONDS = 20.0
GOAL_BYTES = 1_000_000_000
GOAL_TIMES = 3.0


@dataclass(frozen=True, slots=True)
class Stage:
    """CPU seconds of each build (by its name in `stage_worker.py`), and the peak memory of the process."""

    recordings: int
    accounts: int
    seconds: dict[str, float]
    peak_bytes: int


def stage(recordings: int, accounts: int, work_dir: Path, say: Say) -> Stage:
    """Build the warehouse of a generated lake three times, in other processes. Raises RuntimeError if it fails."""
    data_dir = work_dir / f"stage-{recordings}-{accounts}"
    data_dir.mkdir()
    _work(data_dir, recordings, accounts, MONTHS)
    measured = Stage(recordings, accounts, **json.loads(_work(data_dir)))
    shutil.rmtree(data_dir)
    say(f"model stage of {accounts:,} accounts and {recordings:,} recordings: {measured.seconds}")
    return measured


def _work(*given: object) -> str:
    return work("marts.stage_worker", *given, failed="Building the warehouse failed")


def section(many: Stage, small: Stage, large: Stage) -> str:
    """Return the section. many: of many accounts. small, large: of the same accounts with more recordings."""
    rows = [
        f"| {each.accounts:,} | {each.recordings:,} | "
        + " | ".join(f"{seconds:.1f}" for seconds in each.seconds.values())
        + f" | {each.peak_bytes / 1e6:,.0f} |"
        for each in (many, small, large)
    ]
    times = large.seconds["new recordings"] / small.seconds["new recordings"]
    is_fast = many.seconds["first"] <= GOAL_SECONDS and many.peak_bytes <= GOAL_BYTES
    return "\n".join(
        [
            "## The model stage",
            "",
            f"A generated lake of {MONTHS} months, in CPU seconds; `fct_recordings` is a view.",
            "",
            "| accounts | recordings | first build | nothing new | 1,000 new recordings | peak, MB |",
            "|--:|--:|--:|--:|--:|--:|",
            *rows,
            "",
            f"{many.accounts:,} accounts: goal at most {GOAL_SECONDS:.0f} s and {GOAL_BYTES / 1e6:,.0f} MB, "
            f"{'reached' if is_fast else 'not reached'}. New recordings among {large.recordings:,} take "
            f"{times:.1f} times as long as among {small.recordings:,}: goal at most {GOAL_TIMES:.0f}, "
            f"{'reached' if times <= GOAL_TIMES else 'not reached'}.",
            "",
        ]
    )
