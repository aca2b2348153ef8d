"""Measure a run with nothing new: all stored recordings are settled, and the API has no others."""

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.measure.command import RECSPEND, Finished, bare_start, run
from tests.benchmarks.measure.emulated import Served, emulator, settings
from tests.benchmarks.measure.ledgers import settled_ledger
from tests.benchmarks.measure.progress import Say


@dataclass(frozen=True, slots=True)
class RepeatedRun:
    """A run that found nothing new: its requests, and how long it took."""

    requests: int
    rows: int
    seconds: float
    peak_bytes: int
    stages: dict[str, float]


@dataclass(frozen=True, slots=True)
class NothingNew:
    """The first run, which stores all recordings, and the runs after it.

    Args:
        stored: the number of stored recordings.
        last_day: the day of the newest recording.
        reasons: reason → number of days that a further run would read for it.
        start: the command that measures the bare start.
        start_seconds: how long that command takes.
        rounds: the runs that found nothing new.
    """

    stored: int
    last_day: date
    first_run: Finished
    reasons: dict[str, int]
    start: str
    start_seconds: float
    rounds: list[RepeatedRun]

    @property
    def seconds_above_start(self) -> float:
        """Median seconds of a run, minus those of a command that does nothing."""
        return median(run.seconds for run in self.rounds) - self.start_seconds

    @property
    def reads_look_back_days_only(self) -> bool:
        """Whether the only reason to read a day is that it is one of the newest."""
        return set(self.reasons) == {"look back"}


def nothing_new(
    stored: int, last_day: date, rounds: int, concurrency: int, ledgers: Path, work_dir: Path, say: Say
) -> NothingNew:
    """Read an account whose newest recordings are from `last_day`, then repeat the run for `rounds` rounds."""
    say(f"nothing new: rendering {stored:,} recordings that end on {last_day}, unless cached")
    folder = settled_ledger(stored, last_day, ledgers)
    data_dir = work_dir / f"nothing-new-{last_day}"
    data_dir.mkdir()
    with emulator(folder) as served:
        given = settings(served, data_dir, concurrency)
        first = run([RECSPEND, "run", "--json"], given, data_dir)
        if json.loads(first.printed)["rows"] < stored:
            raise RuntimeError(
                f"The first run read {json.loads(first.printed)['rows']} of {stored} recordings."
            )
        say(f"nothing new: the first run took {first.seconds:.1f} s")
        repeated = [_repeat(served, given, data_dir, say) for _ in range(rounds)]
        reasons = _reasons(given, data_dir)
    shutil.rmtree(data_dir)
    words = bare_start()[0]
    starts = [bare_start()[1].seconds for _ in range(5)]
    return NothingNew(stored, last_day, first, reasons, words, median(starts), repeated)


def today() -> date:
    """Return the day that a run considers to be today."""
    return datetime.now(UTC).date()


def _repeat(served: Served, given: dict[str, str], data_dir: Path, say: Say) -> RepeatedRun:
    served.new_requests()
    finished = run([RECSPEND, "run", "--json"], given, data_dir)
    summary: dict[str, Any] = json.loads(finished.printed)
    requests = len(served.new_requests())
    if requests != summary["requests"]:
        raise RuntimeError(
            f"The run reports {summary['requests']} requests, the emulator counted {requests}."
        )
    if summary["new"] or summary["changed"] or summary["deleted"]:
        raise RuntimeError(f"The run reports changes, but nothing changed: {finished.printed}")
    say(f"nothing new: {requests} requests, {summary['rows']:,} rows, {finished.seconds:.2f} s")
    return RepeatedRun(requests, summary["rows"], finished.seconds, finished.peak_bytes, summary["seconds"])


def _reasons(given: dict[str, str], data_dir: Path) -> dict[str, int]:
    """Return the number of days that the next run would read, by reason."""
    plan = json.loads(run([RECSPEND, "ingest", "--dry-run", "--json"], given, data_dir).printed)
    days: dict[str, int] = {}
    for row in plan:
        first, last = date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"])
        days[row["reason"]] = days.get(row["reason"], 0) + (last - first).days + 1
    return days
