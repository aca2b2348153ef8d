"""Measure a year of hourly runs of a living account: whether its tables are right, what is kept, what is asked for."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.hourly.living_year import Year
from tests.benchmarks.measure.child import work
from tests.benchmarks.measure.progress import Say

GOAL_OF_REQUESTS = 0.1
GOAL_OF_BYTES = 1.5


@dataclass(frozen=True, slots=True)
class YearOfRuns:
    """What `year_worker` counted.

    by_day, together: requests of runs that read each unsettled day, by itself or with its neighbours. sent: bytes that
    the server sent; distinct: those of different pages; compressed: these, each compressed; versions: the bytes of each
    recording as often as it was different. different: recordings of which the tables differ from the ledger at the end.
    samples, idle: one for each time the tables were compared, or runs with nothing new measured.
    """

    year: Mapping[str, int]
    runs: int
    requests: int
    by_day: int
    together: int
    sent: int
    distinct: int
    compressed: int
    versions: int
    raw_bytes: int
    seconds: float
    samples: Sequence[Mapping[str, int]]
    idle: Sequence[Mapping[str, float]]
    recordings: int
    deleted: int
    unpriced: int
    different: int

    @property
    def is_right(self) -> bool:
        """Whether all tables had what was sent, nothing was overdue, and the last ones have what the ledger has."""
        return not self.different and not any(each["different"] or each["overdue"] for each in self.samples)

    @property
    def share_of_requests(self) -> float:
        """How many requests were sent for each that reading all unsettled days takes."""
        return self.requests / self.by_day

    @property
    def share_of_bytes(self) -> float:
        """How many bytes of raw pages are kept for each of the different pages, compressed."""
        return self.raw_bytes / self.compressed

    @property
    def growth(self) -> float:
        """How many times the CPU of an early run with nothing new a late one takes."""
        return self.idle[-1]["seconds"] / self.idle[0]["seconds"]


def year_of_runs(year: Year, whole_every: int, work_dir: Path, say: Say) -> YearOfRuns:
    """Do a run in each hour, build the tables every `whole_every` days. Raises RuntimeError if a run fails."""
    data_dir = work_dir / "year"
    data_dir.mkdir()
    given = (data_dir, *asdict(year).values(), whole_every)
    try:
        printed = work("hourly.year_worker", *given, failed="A run of the year failed")
    finally:
        shutil.rmtree(data_dir)
    found: dict[str, Any] = json.loads(printed)
    measured = YearOfRuns(**found)
    say(f"year: {measured.runs:,} runs, {measured.share_of_requests:.3f} of the requests")
    return measured


def section(measured: YearOfRuns) -> str:
    """Return the section of the tables."""
    year, samples, idle = Year(**measured.year), measured.samples, measured.idle
    different, overdue = (sum(each[name] for each in samples) for name in ("different", "overdue"))
    requests, kept = measured.share_of_requests, measured.share_of_bytes
    return "\n".join(
        [
            "## A year of hourly runs of a living account",
            "",
            f"{measured.runs:,} runs on {year.days:,} days, one in each hour, by the clock of the ledger, with the "
            f"default settings. The account gets {measured.recordings:,} recordings: {year.a_day:,} on most days, "
            f"{year.on_busy_days:,} on busy ones. They end, get a price at once, weeks later or never, are corrected, "
            f"and are deleted ({measured.deleted:,}). All read; {len(samples)} of them, evenly spread, also "
            f"build the tables. CPU of all: {measured.seconds:,.0f} s, with the emulator's.",
            "",
            f"- Tables, compared {len(samples)} times with the recordings as they were sent last: {different:,} cells "
            f"differ. At most {max(each['unknown'] for each in samples):,} recordings have another price or state in "
            f"the ledger, not asked for again yet; overdue by the rules of reading: {overdue:,}. After the year, "
            f"when everything was read, {measured.different:,} of {measured.recordings:,} recordings differ from the "
            f"ledger (goal: no difference and nothing overdue, {_reached(measured.is_right)}).",
            f"- Requests: {measured.requests:,}, {measured.requests / measured.runs:.2f} a run. Reading each unsettled "
            f"day in each run takes {measured.by_day:,}, so that these are {requests:.3f} of it (goal: at most "
            f"{GOAL_OF_REQUESTS}, {_reached(requests <= GOAL_OF_REQUESTS)}). With neighbouring days in one list it "
            f"takes {measured.together:,} ({measured.requests / measured.together:.2f}).",
            f"- Raw pages: {_mb(measured.raw_bytes)} kept. The server sent {_mb(measured.sent)}, of different pages "
            f"{_mb(measured.distinct)}, compressed {_mb(measured.compressed)}: {kept:.2f} times as much is kept (goal: "
            f"at most {GOAL_OF_BYTES}, {_reached(kept <= GOAL_OF_BYTES)}). All states of all recordings on them are "
            f"{_mb(measured.versions)}, not compressed.",
            f"- CPU of a late run with nothing new, without tables, against an early one: {measured.growth:.2f}.",
            "",
            "| a run with nothing new | CPU s | requests | files | of them raw | MB | of them state and records |",
            "|---|--:|--:|--:|--:|--:|--:|",
            *(
                f"| {name} | {each['seconds']:.4f} | {each['requests']:,} | {each['files']:,} | {each['raw_files']:,} "
                f"| {each['bytes'] / 1e6:.1f} | {each['state_bytes'] / 1e6:.3f} |"
                for name, each in zip(("early", "late"), idle, strict=True)
            ),
            "",
        ]
    )


def _reached(is_reached: bool) -> str:
    return "reached" if is_reached else "missed"


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
