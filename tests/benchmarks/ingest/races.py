"""The two races: a large account without latency, and a month of an API that takes its time."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.ingest.conditions import Conditions
from tests.benchmarks.ingest.dlt_environment import DltEnvironment
from tests.benchmarks.ingest.entrants import Entrant, Result, race
from tests.benchmarks.ingest.ways import PAGE_SIZE, Dlt, Walk, ours, script, script_start
from tests.benchmarks.measure.command import Finished, nothing_to_do
from tests.benchmarks.measure.emulated import emulator
from tests.benchmarks.measure.ledgers import MONTH, generated_ledger, month_ledger, opened, right_answer


@dataclass(frozen=True, slots=True)
class Raced:
    """A race that was run: how many recordings there were, under which conditions, and what each entrant did."""

    recordings: int
    conditions: Conditions
    results: Mapping[str, Result]
    latency_ms: int = 0

    @property
    def pages(self) -> int:
        """The fewest pages that hold all recordings."""
        return math.ceil(self.recordings / PAGE_SIZE)

    @property
    def ideal_seconds(self) -> float:
        """How long the API alone makes one wait when all lanes are asking all the time."""
        return self.pages * self.latency_ms / 1000 / self.conditions.lanes


def without_latency(recordings: int, dlt_recordings: int, conditions: Conditions) -> Raced:
    """One account, all of it; dlt reads its newest pages only, because it is slow."""
    pages = math.ceil(min(dlt_recordings, recordings) / PAGE_SIZE)
    conditions.say(f"no latency: making {recordings:,} recordings, unless they are there")
    folder = generated_ledger(recordings, conditions.ledgers)
    with emulator(folder) as served:
        walk = Walk(served, lanes=conditions.lanes)
        entrants = _entrants(conditions, dlt_pages=pages)
        results = race(
            walk, entrants, right_answer(opened(folder)), conditions.workplace / "no-latency", conditions.say
        )
    return Raced(recordings, conditions, results)


def with_latency(recordings: int, latency_ms: int, conditions: Conditions) -> Raced:
    """One month of one account, each page late."""
    conditions.say(f"{latency_ms} ms a page: making a month of {recordings:,} recordings, unless it is there")
    folder = month_ledger(recordings, conditions.ledgers)
    with emulator(folder, latency_ms) as served:
        walk = Walk(served, MONTH, conditions.lanes)
        entrants = _entrants(conditions, by_day=True)
        results = race(
            walk, entrants, right_answer(opened(folder)), conditions.workplace / "latency", conditions.say
        )
    return Raced(recordings, conditions, results, latency_ms)


def _entrants(conditions: Conditions, *, dlt_pages: int = 0, by_day: bool = False) -> list[Entrant]:
    rounds = conditions.rounds
    lanes = conditions.lanes
    start = _median_seconds(lambda: nothing_to_do(conditions.workplace))
    entrants = [
        Entrant(
            "ours",
            f"ours: `recspend ingest` ({lanes} requests at a time), `recspend normalize`",
            ours,
            rounds.ours,
            start_seconds=2 * start,
        ),
        Entrant(
            "script",
            "script: requests, json, email.utils, Decimal, pandas, `to_parquet`",
            script,
            rounds.script,
            _median_seconds(script_start),
        ),
    ]
    if isinstance(conditions.dlt, DltEnvironment):
        dlt = Dlt(conditions.dlt, dlt_pages)
        words = f"dlt {conditions.dlt.version}: REST source, Parquet files, DuckDB"
        out = conditions.workplace / "dlt-start"
        out.mkdir(parents=True, exist_ok=True)
        seconds = _median_seconds(lambda: dlt.start(out))
        most = dlt_pages * PAGE_SIZE
        entrants.append(Entrant("dlt", words, dlt.whole, rounds.dlt, seconds, is_exact=False, most=most))
        if by_day:
            words += f", a resource for each day ({lanes} at a time)"
            entrants.append(
                Entrant("dlt by day", words, dlt.by_day, rounds.dlt, seconds, is_exact=False, most=most)
            )
    return [entrant for entrant in entrants if entrant.rounds]


def _median_seconds(start: Callable[[], Finished]) -> float:
    return median(start().seconds for _ in range(3))
