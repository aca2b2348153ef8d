"""The ways from the API to Parquet: ours, a plain script and dlt. Each reads an account of the emulator once."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.measure.answer import Answer
from tests.benchmarks.measure.command import RECSPEND, Finished, run
from tests.benchmarks.measure.emulated import Served, settings
from tests.benchmarks.measure.environment import Environment

PAGE_SIZE = 1000
_ROOT = "/api/laml/2010-04-01/"


@dataclass(frozen=True, slots=True)
class Fetch:
    """What to read: an account of the emulator, in full or limited to days of creation (inclusive, UTC).

    `concurrency` is the number of concurrent requests, for the ways that support it.
    """

    served: Served
    days: tuple[date, date] | None = None
    concurrency: int = 8

    @property
    def filters(self) -> dict[str, str]:
        """The parameters that request those days."""
        return {} if self.days is None else filters(*self.days)


@dataclass(frozen=True, slots=True)
class Lap:
    """One measurement. Recordings and cost are counted from its output; `parts` has the wall seconds per command."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    recordings: int
    cost: str | None = None
    parts: dict[str, float] = field(default_factory=dict)


def filters(first: date, last: date) -> dict[str, str]:
    """Return the parameters that request days of creation. The emulator includes both bounds."""
    return {"DateCreated>": f"{first}T00:00:00Z", "DateCreated<": f"{last}T23:59:59Z"}


def ours(fetch: Fetch, out: Path) -> Lap:
    """Run `recspend ingest`, then `recspend normalize`."""
    given = settings(fetch.served, out / "data", fetch.concurrency)
    days = [] if fetch.days is None else ["--from", str(fetch.days[0]), "--to", str(fetch.days[1])]
    ingested = run([RECSPEND, "ingest", "--json", *days], given, out)
    normalized = run([RECSPEND, "normalize", "--json"], given, out)
    recordings, cost = _answer(out / "data")
    return Lap(
        seconds=ingested.seconds + normalized.seconds,
        cpu_seconds=ingested.cpu_seconds + normalized.cpu_seconds,
        peak_bytes=max(ingested.peak_bytes, normalized.peak_bytes),
        recordings=recordings or 0,
        cost=cost,
        parts={"ingest": ingested.seconds, "normalize": normalized.seconds},
    )


def script(fetch: Fetch, out: Path) -> Lap:
    """Run the plain script."""
    served = fetch.served
    finished = _script(
        {
            "url": f"{served.base_url}{_ROOT}Accounts/{served.account_sid}/Recordings.json",
            "params": {**fetch.filters, "PageSize": PAGE_SIZE},
            "user": served.account_sid,
            "token": served.token,
            "path": str(out / "recordings.parquet"),
        }
    )
    recordings, cost = _answer(out)
    return _lap(finished, recordings or 0, cost)


def script_start() -> Finished:
    """Only start the plain script."""
    return _script({"url": None})


@dataclass(frozen=True, slots=True)
class Dlt:
    """dlt, in its own environment. `pages` is the maximum number of pages to read; all if 0."""

    environment: Environment
    pages: int = 0

    def whole(self, fetch: Fetch, out: Path) -> Lap:
        """Read one resource, page by page."""
        return self._load(fetch, out, [fetch.filters])

    def by_day(self, fetch: Fetch, out: Path) -> Lap:
        """Read one resource per day, in parallel."""
        assert fetch.days is not None
        first, last = fetch.days
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return self._load(fetch, out, [filters(day, day) for day in days])

    def start(self, out: Path) -> Finished:
        """Only start dlt."""
        return self._run({"what": "start", "out": str(out)}, out)

    def _load(self, fetch: Fetch, out: Path, filter_sets: Sequence[dict[str, str]]) -> Lap:
        task = {
            "what": "load",
            "out": str(out),
            "root": fetch.served.base_url + _ROOT,
            "account_sid": fetch.served.account_sid,
            "token": fetch.served.token,
            "filters": filter_sets,
            "pages": self.pages,
        }
        finished = self._run(task, out, fetch.concurrency)
        rows, recordings = json.loads(self._run({"what": "count", "out": str(out)}, out).printed)
        if rows != recordings:
            raise RuntimeError(f"dlt loaded {rows} rows for {recordings} recordings.")
        return _lap(finished, recordings)

    def _run(self, task: dict[str, Any], out: Path, concurrency: int = 1) -> Finished:
        pipeline = Path(__file__).with_name("dlt_pipeline.py")
        given = {
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DLT_DATA_DIR": str(self.environment.folder / "data"),
            "EXTRACT__WORKERS": str(concurrency),
            # Several smaller files, so that dlt can normalize them on all cores.
            "DATA_WRITER__FILE_MAX_ITEMS": "25000",
            "NORMALIZE__WORKERS": str(os.cpu_count() or 1),
        }
        # -P: don't let dlt import the modules next to the file.
        return run([str(self.environment.python), "-P", str(pipeline), json.dumps(task)], given, out)


def _script(task: dict[str, Any]) -> Finished:
    return run([sys.executable, "-m", "tests.benchmarks.ingest.script", json.dumps(task)])


def _answer(out: Path) -> Answer:
    # In its own process: otherwise this process's memory would count towards the next command's peak.
    recordings, cost = json.loads(
        run([sys.executable, "-m", "tests.benchmarks.measure.answer", str(out)]).printed
    )
    return recordings, cost


def _lap(finished: Finished, recordings: int, cost: str | None = None) -> Lap:
    return Lap(finished.seconds, finished.cpu_seconds, finished.peak_bytes, recordings, cost)
