"""The two races: a large account without latency, and a month of an account with latency."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.ingest.conditions import Conditions
from tests.benchmarks.ingest.entrants import Entrant, Result, race
from tests.benchmarks.ingest.ways import PAGE_SIZE, Dlt, Fetch, ours, script, script_start
from tests.benchmarks.measure.command import Finished, nothing_to_do
from tests.benchmarks.measure.emulated import emulator
from tests.benchmarks.measure.environment import Environment
from tests.benchmarks.measure.ledgers import (
    MONTH,
    generated_ledger,
    month_ledger,
    open_rendered,
    right_answer,
)


@dataclass(frozen=True, slots=True)
class FinishedRace:
    """A finished race: the number of recordings, the conditions, and the result of each entrant."""

    recordings: int
    conditions: Conditions
    results: Mapping[str, Result]
    latency_ms: int = 0

    @property
    def pages(self) -> int:
        """The smallest number of pages that contain all recordings."""
        return math.ceil(self.recordings / PAGE_SIZE)

    @property
    def ideal_seconds(self) -> float:
        """Seconds spent waiting for the API if all concurrent requests are always busy."""
        return self.pages * self.latency_ms / 1000 / self.conditions.concurrency


def without_latency(recordings: int, dlt_recordings: int, conditions: Conditions) -> FinishedRace:
    """Read a whole account. dlt reads only its newest pages, because it is slow."""
    pages = math.ceil(min(dlt_recordings, recordings) / PAGE_SIZE)
    conditions.say(f"no latency: rendering {recordings:,} recordings, unless cached")
    folder = generated_ledger(recordings, conditions.ledgers)
    with emulator(folder) as served:
        fetch = Fetch(served, concurrency=conditions.concurrency)
        entrants = _entrants(conditions, dlt_pages=pages)
        results = race(
            fetch,
            entrants,
            right_answer(open_rendered(folder)),
            conditions.work_dir / "no-latency",
            conditions.say,
        )
    return FinishedRace(recordings, conditions, results)


def with_latency(recordings: int, latency_ms: int, conditions: Conditions) -> FinishedRace:
    """Read one month of one account, with each page delayed."""
    conditions.say(f"{latency_ms} ms per page: rendering a month of {recordings:,} recordings, unless cached")
    folder = month_ledger(recordings, conditions.ledgers)
    with emulator(folder, latency_ms) as served:
        fetch = Fetch(served, MONTH, conditions.concurrency)
        entrants = _entrants(conditions, by_day=True)
        results = race(
            fetch,
            entrants,
            right_answer(open_rendered(folder)),
            conditions.work_dir / "latency",
            conditions.say,
        )
    return FinishedRace(recordings, conditions, results, latency_ms)


def _entrants(conditions: Conditions, *, dlt_pages: int = 0, by_day: bool = False) -> list[Entrant]:
    rounds = conditions.rounds
    concurrency = conditions.concurrency
    start = _median_seconds(lambda: nothing_to_do(conditions.work_dir))
    entrants = [
        Entrant(
            "ours",
            f"ours: `recspend ingest` ({concurrency} concurrent requests), `recspend normalize`",
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
    if isinstance(conditions.dlt, Environment):
        dlt = Dlt(conditions.dlt, dlt_pages)
        words = f"dlt {conditions.dlt.version}: REST source, Parquet files, DuckDB"
        out = conditions.work_dir / "dlt-start"
        out.mkdir(parents=True, exist_ok=True)
        seconds = _median_seconds(lambda: dlt.start(out))
        most = dlt_pages * PAGE_SIZE
        entrants.append(Entrant("dlt", words, dlt.whole, rounds.dlt, seconds, is_exact=False, most=most))
        if by_day:
            words += f", one resource per day ({concurrency} at a time)"
            entrants.append(
                Entrant("dlt by day", words, dlt.by_day, rounds.dlt, seconds, is_exact=False, most=most)
            )
    return [entrant for entrant in entrants if entrant.rounds]


def _median_seconds(start: Callable[[], Finished]) -> float:
    return median(start().seconds for _ in range(3))
