"""Format the measurements as Markdown."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.pages.memory import STAGES, Peaks
from tests.benchmarks.pages.speed import WAYS, Race

GOAL_OVER_USUAL = 5.0
GOAL_ON_TWO_CORES = 8.0
GOAL_OVER_FLOOR = 0.3
GOAL_OVER_COMMON = 0.6
_WORDS = {
    "ours": "ours: `normalize_accounts` into an empty lake",
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
            f"{setting.rounds} rounds in turns; each measurement in its own process, "
            "on one core with one thread unless it says two.",
            "",
            "All ways write Parquet (zstd) to disk. With `.json.zst` pages on disk, all three include decompression, "
            "and ours also checks the digest of each page. With pages in memory, none includes either. The kinds of "
            "pages have the same recordings: with a field that is not documented, `Sept`, dates in ISO 8601 and with "
            "offsets, and one recording after another of each.",
            "",
            "| pages | way | recordings/s | wall s | CPU s |",
            "|---|---|--:|--:|--:|",
            *(_speed_row(race, way, setting.recordings) for race in races for way in WAYS),
            "",
            "Ratios by wall time (by CPU time) in one round, medians. The goals are for pages on disk: the common kind "
            f"{GOAL_OVER_USUAL:g} times as fast as usual (on two cores {GOAL_ON_TWO_CORES:g} times, by wall time) and "
            f"at {GOAL_OVER_FLOOR:g} of the floor, other kinds at {GOAL_OVER_COMMON:g} of the common one.",
            "",
            "| pages | ours / usual | ours / floor | ours / ours of the common kind | goals |",
            "|---|--:|--:|--:|---|",
            *(_ratio_row(race, races[0]) for race in races),
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


def _pages(race: Race) -> str:
    where = ", in memory" if race.in_memory else ", ours on two cores" if race.cores > 1 else ""
    return f"{race.kind}{where}"


def _speed_row(race: Race, way: str, recordings: int) -> str:
    shortest, longest = race.span(way)
    seconds, cpu_seconds = race.seconds(way), race.cpu_seconds(way)
    return (
        f"| {_pages(race)} | {_WORDS[way]} | {recordings / seconds:,.0f} "
        f"| {seconds:.2f} ({shortest:.2f} to {longest:.2f}) | {cpu_seconds:.2f} |"
    )


def _ratio_row(race: Race, common: Race) -> str:
    usual, floor = (race.times_as_fast("ours", other) for other in ("usual", "floor"))
    of_common = race.times_as_fast("ours", "ours", common)
    if race.in_memory:
        goals = ""
    elif race.cores > 1:
        goals = _said(usual[0] >= GOAL_ON_TWO_CORES)
    elif race is common:
        goals = _said(usual[0] >= GOAL_OVER_USUAL and floor[0] >= GOAL_OVER_FLOOR)
    else:
        goals = _said(of_common[0] >= GOAL_OVER_COMMON)
    cells = (f"{by_wall:.2f} ({by_cpu:.2f})" for by_wall, by_cpu in (usual, floor, of_common))
    return f"| {_pages(race)} | {' | '.join(cells)} | {goals} |"


def _said(is_reached: bool) -> str:
    return "reached" if is_reached else "missed"


def _memory_row(stage: str, small: Peaks, large: Peaks) -> str:
    less, more = small.stages[stage], large.stages[stage]
    return (
        f"| {stage} | {less.peak_bytes / 1e6:,.0f} | {more.peak_bytes / 1e6:,.0f} "
        f"| {more.peak_bytes / less.peak_bytes:.2f} | {less.seconds:.2f} | {more.seconds:.2f} |"
    )
