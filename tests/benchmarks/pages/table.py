"""Format the measurements as Markdown."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.pages.memory import STAGES, Peaks
from tests.benchmarks.pages.speed import WAYS, Race

GOAL_OVER_USUAL = 8.0
GOAL_OVER_FLOOR = 0.25
_WORDS = {
    "ours": "ours: `normalize_account` into an empty lake",
    "usual": "usual: json, email.utils, Decimal, pandas, `to_parquet`",
    "floor": "floor: simdjson, and the same Parquet write",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """The size of the comparison: recordings, their JSON in bytes, and rounds."""

    recordings: int
    json_bytes: int
    rounds: int


def heading() -> str:
    """Return the title and a description of the machine."""
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"# Benchmarks\n\nMedians; wall seconds with minimum and maximum. {machine}.\n"


def pages_section(setting: Setting, races: Sequence[Race]) -> str:
    """Return the section on speed from raw pages to Parquet, with its goals and what the numbers mean."""
    return "\n".join(
        [
            "## From raw pages to Parquet",
            "",
            f"{setting.recordings:,} recordings of one account, {setting.json_bytes / 1e6:,.0f} MB of JSON; "
            f"{setting.rounds} rounds in turns; each measurement in its own process, on one core with one thread.",
            "",
            "All ways write Parquet (zstd) to disk. With `.json.zst` pages on disk, all three include decompression, "
            "and ours also checks the digest of each page. With pages in memory, none includes either.",
            "",
            "| pages | way | recordings/s | wall s | CPU s |",
            "|---|---|--:|--:|--:|",
            *(_speed_row(race, way, setting.recordings) for race in races for way in WAYS),
            "",
            "| pages | ratio | by wall | by CPU | goal | reached |",
            "|---|---|--:|--:|--:|---|",
            *(line for race in races for line in _goal_rows(race)),
            "",
        ]
    )


def memory_section(small: Peaks, large: Peaks) -> str:
    """Return the section on peak memory of the stages, for a small and a large ledger."""
    return "\n".join(
        [
            "## Peak memory of our stages",
            "",
            "Each stage runs in its own process, on one core with one thread for Arrow.",
            "",
            f"| stage | {small.recordings:,} recordings, MB | {large.recordings:,} recordings, MB | ratio "
            f"| {small.recordings:,}, s | {large.recordings:,}, s |",
            "|---|--:|--:|--:|--:|--:|",
            *(_memory_row(stage, small, large) for stage in STAGES),
            "",
            "The imports alone account for this much of each peak: "
            f"{max(measured.imported_bytes for measured in large.stages.values()) / 1e6:,.0f} MB.",
            "",
        ]
    )


def _where(race: Race) -> str:
    return "in memory" if race.in_memory else "on disk"


def _speed_row(race: Race, way: str, recordings: int) -> str:
    shortest, longest = race.span(way)
    seconds, cpu_seconds = race.seconds(way), race.cpu_seconds(way)
    return (
        f"| {_where(race)} | {_WORDS[way]} | {recordings / seconds:,.0f} "
        f"| {seconds:.2f} ({shortest:.2f} to {longest:.2f}) | {cpu_seconds:.2f} |"
    )


def _goal_rows(race: Race) -> list[str]:
    return [
        _goal_row(race, "usual", GOAL_OVER_USUAL, "{:.1f}"),
        _goal_row(race, "floor", GOAL_OVER_FLOOR, "{:.2f}"),
    ]


def _goal_row(race: Race, other: str, goal: float, shape: str) -> str:
    by_wall, by_cpu = race.times_as_fast("ours", other), race.times_as_fast_by_cpu("ours", other)
    ratios = f"| {_where(race)} | ours / {other} | {shape.format(by_wall)} | {shape.format(by_cpu)} "
    if race.in_memory:  # the goals are for pages on disk
        return f"{ratios}| | |"
    return f"{ratios}| at least {shape.format(goal)} | {'yes' if by_wall >= goal else 'no'} |"


def _memory_row(stage: str, small: Peaks, large: Peaks) -> str:
    less, more = small.stages[stage], large.stages[stage]
    return (
        f"| {stage} | {less.peak_bytes / 1e6:,.0f} | {more.peak_bytes / 1e6:,.0f} "
        f"| {more.peak_bytes / less.peak_bytes:.2f} | {less.seconds:.2f} | {more.seconds:.2f} |"
    )
