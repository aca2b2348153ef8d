"""What a run costs when there is nothing new: the recordings stored are all settled, and the API has no others."""

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
class Again:
    """A run that found nothing new: what it asked for and how long it took."""

    requests: int
    rows: int
    seconds: float
    peak_bytes: int
    stages: dict[str, float]


@dataclass(frozen=True, slots=True)
class NothingNew:
    """All recordings stored, then run again and again.

    reasons: why the days were read that a further run would read. first_day: the oldest of them.
    """

    stored: int
    last_day: date
    first_run: Finished
    reasons: dict[str, int]
    start: str
    start_seconds: float
    rounds: list[Again]

    @property
    def seconds_above_start(self) -> float:
        """Median seconds of a run, less those of a command that does nothing."""
        return median(again.seconds for again in self.rounds) - self.start_seconds

    @property
    def reads_look_back_days_only(self) -> bool:
        """Whether no day was asked for any other reason than that it is one of the newest."""
        return set(self.reasons) == {"look back"}


def nothing_new(
    stored: int, last_day: date, rounds: int, lanes: int, ledgers: Path, workplace: Path, say: Say
) -> NothingNew:
    """Read an account whose newest recordings are of `last_day`, then run again for as many rounds."""
    say(f"nothing new: making {stored:,} recordings that end on {last_day}, unless they are there")
    folder = settled_ledger(stored, last_day, ledgers)
    data_dir = workplace / f"nothing-new-{last_day}"
    data_dir.mkdir()
    with emulator(folder) as served:
        given = settings(served, data_dir, lanes)
        first = run([RECSPEND, "run", "--json"], given, data_dir)
        if json.loads(first.printed)["rows"] < stored:
            raise RuntimeError(
                f"The first run read {json.loads(first.printed)['rows']} of {stored} recordings."
            )
        say(f"nothing new: the first run took {first.seconds:.1f} s")
        again = [_again(served, given, data_dir, say) for _ in range(rounds)]
        reasons = _reasons(given, data_dir)
    shutil.rmtree(data_dir)
    words = bare_start()[0]
    starts = [bare_start()[1].seconds for _ in range(5)]
    return NothingNew(stored, last_day, first, reasons, words, median(starts), again)


def today() -> date:
    """The day that a run takes for today."""
    return datetime.now(UTC).date()


def _again(served: Served, given: dict[str, str], data_dir: Path, say: Say) -> Again:
    served.asked()
    finished = run([RECSPEND, "run", "--json"], given, data_dir)
    summary: dict[str, Any] = json.loads(finished.printed)
    asked = len(served.asked())
    if asked != summary["requests"]:
        raise RuntimeError(f"The run tells of {summary['requests']} requests, the emulator of {asked}.")
    if summary["new"] or summary["changed"] or summary["deleted"]:
        raise RuntimeError(f"The run found something new where nothing is: {finished.printed}")
    say(f"nothing new: {asked} requests, {summary['rows']:,} rows, {finished.seconds:.2f} s")
    return Again(asked, summary["rows"], finished.seconds, finished.peak_bytes, summary["seconds"])


def _reasons(given: dict[str, str], data_dir: Path) -> dict[str, int]:
    """Why days would be read by now, and how many."""
    plan = json.loads(run([RECSPEND, "ingest", "--dry-run", "--json"], given, data_dir).printed)
    days: dict[str, int] = {}
    for row in plan:
        first, last = date.fromisoformat(row["first_day"]), date.fromisoformat(row["last_day"])
        days[row["reason"]] = days.get(row["reason"], 0) + (last - first).days + 1
    return days
