"""The ways from the API to Parquet: ours, a plain script, dlt. Each reads an account of the emulator once."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.ingest.dlt_environment import DltEnvironment
from tests.benchmarks.measure.answer import Answer
from tests.benchmarks.measure.command import RECSPEND, Finished, run
from tests.benchmarks.measure.emulated import Served, settings

PAGE_SIZE = 1000
_ROOT = "/api/laml/2010-04-01/"


@dataclass(frozen=True, slots=True)
class Walk:
    """What is read: an account of the emulator, all of it or some days of creation (inclusive, UTC).

    lanes: how many requests may be under way at once, for the ways that can do that.
    """

    served: Served
    days: tuple[date, date] | None = None
    lanes: int = 8

    @property
    def filters(self) -> dict[str, str]:
        """The parameters that ask for those days."""
        return {} if self.days is None else filters(*self.days)


@dataclass(frozen=True, slots=True)
class Lap:
    """One measured reading; recordings and cost are counted from what it wrote. parts: command → wall seconds."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    recordings: int
    cost: str | None = None
    parts: dict[str, float] = field(default_factory=dict)


def filters(first: date, last: date) -> dict[str, str]:
    """The parameters that ask for days of creation; the emulator includes both bounds."""
    return {"DateCreated>": f"{first}T00:00:00Z", "DateCreated<": f"{last}T23:59:59Z"}


def ours(walk: Walk, out: Path) -> Lap:
    """`recspend ingest`, then `recspend normalize`."""
    given = settings(walk.served, out / "data", walk.lanes)
    days = [] if walk.days is None else ["--from", str(walk.days[0]), "--to", str(walk.days[1])]
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


def script(walk: Walk, out: Path) -> Lap:
    """The plain script."""
    served = walk.served
    finished = _script(
        {
            "url": f"{served.base_url}{_ROOT}Accounts/{served.account_sid}/Recordings.json",
            "params": {**walk.filters, "PageSize": PAGE_SIZE},
            "user": served.account_sid,
            "token": served.token,
            "path": str(out / "recordings.parquet"),
        }
    )
    recordings, cost = _answer(out)
    return _lap(finished, recordings or 0, cost)


def script_start() -> Finished:
    """The plain script, only started."""
    return _script({"url": None})


@dataclass(frozen=True, slots=True)
class Dlt:
    """dlt, in its own environment. pages: at most so many of them are read, all when 0."""

    environment: DltEnvironment
    pages: int = 0

    def whole(self, walk: Walk, out: Path) -> Lap:
        """One resource, page after page."""
        return self._load(walk, out, [walk.filters])

    def by_day(self, walk: Walk, out: Path) -> Lap:
        """A resource for each day, read side by side."""
        assert walk.days is not None
        first, last = walk.days
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return self._load(walk, out, [filters(day, day) for day in days])

    def start(self, out: Path) -> Finished:
        """dlt, only started."""
        return self._run({"what": "start", "out": str(out)}, out)

    def _load(self, walk: Walk, out: Path, asked: Sequence[dict[str, str]]) -> Lap:
        task = {
            "what": "load",
            "out": str(out),
            "root": walk.served.base_url + _ROOT,
            "account_sid": walk.served.account_sid,
            "token": walk.served.token,
            "filters": asked,
            "pages": self.pages,
        }
        finished = self._run(task, out, walk.lanes)
        rows, recordings = json.loads(self._run({"what": "count", "out": str(out)}, out).printed)
        if rows != recordings:
            raise RuntimeError(f"dlt loaded {rows} rows of {recordings} recordings.")
        return _lap(finished, recordings)

    def _run(self, task: dict[str, Any], out: Path, lanes: int = 1) -> Finished:
        pipeline = Path(__file__).with_name("dlt_pipeline.py")
        given = {
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "DLT_DATA_DIR": str(self.environment.folder / "data"),
            "EXTRACT__WORKERS": str(lanes),
            # Files of a part each, so that dlt can normalize them on all cores.
            "DATA_WRITER__FILE_MAX_ITEMS": "25000",
            "NORMALIZE__WORKERS": str(os.cpu_count() or 1),
        }
        # -P: the modules beside the file are none of dlt's business.
        return run([str(self.environment.python), "-P", str(pipeline), json.dumps(task)], given, out)


def _script(asked: dict[str, Any]) -> Finished:
    return run([sys.executable, "-m", "tests.benchmarks.ingest.script", json.dumps(asked)])


def _answer(out: Path) -> Answer:
    # In a process of its own: memory that this one takes would count to the next command as its peak.
    recordings, cost = json.loads(
        run([sys.executable, "-m", "tests.benchmarks.measure.answer", str(out)]).printed
    )
    return recordings, cost


def _lap(finished: Finished, recordings: int, cost: str | None = None) -> Lap:
    return Lap(finished.seconds, finished.cpu_seconds, finished.peak_bytes, recordings, cost)
