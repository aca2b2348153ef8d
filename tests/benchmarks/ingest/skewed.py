"""One account with a tenth of its recordings on one day: `recspend ingest` as a share of the ideal."""

import json
import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.ingest.ways import PAGE_SIZE
from tests.benchmarks.measure.command import RECSPEND, Finished, nothing_to_do, run
from tests.benchmarks.measure.emulated import emulator, settings
from tests.benchmarks.measure.ledgers import MONTH, skewed_ledger
from tests.benchmarks.measure.progress import Say

GOAL_OF_IDEAL = 0.75


@dataclass(frozen=True, slots=True)
class Skewed:
    """Measurements of reading the account. start_seconds: of a command with nothing to do."""

    recordings: int
    latency_ms: int
    concurrency: int
    start_seconds: float
    rounds: list[Finished]

    @property
    def ideal_seconds(self) -> float:
        """Seconds spent waiting for the API if all concurrent requests are always busy, with full pages."""
        return math.ceil(self.recordings / PAGE_SIZE) * self.latency_ms / 1000 / self.concurrency


def skewed(
    recordings: int, latency_ms: int, rounds: int, concurrency: int, ledgers: Path, work_dir: Path, say: Say
) -> Skewed:
    """Read the month of the account. How its API compares dates is known, as it is after an account's first run."""
    say(f"skewed account: rendering {recordings:,} recordings, unless cached")
    folder, data_dir = skewed_ledger(recordings, ledgers), work_dir / "skewed"
    start = median(nothing_to_do(work_dir).seconds for _ in range(3))
    days = ["--from", str(MONTH[0]), "--to", str(MONTH[1])]
    measured = []
    with emulator(folder, latency_ms) as served:
        for _ in range(rounds):
            data_dir.mkdir()
            given = settings(served, data_dir, concurrency)
            run([RECSPEND, "ingest", "--dry-run", *days], given, data_dir)
            measured.append(run([RECSPEND, "ingest", "--json", *days], given, data_dir))
            rows = json.loads(measured[-1].printed)["rows"]
            if rows < recordings:
                raise RuntimeError(f"{rows} of {recordings} recordings were read.")
            shutil.rmtree(data_dir)
            say(f"skewed account: {measured[-1].seconds:.2f} s")
    return Skewed(recordings, latency_ms, concurrency, start, measured)


def section(measured: Skewed) -> str:
    """Return the section of the tables."""
    requests = median(json.loads(each.printed)["requests"] for each in measured.rounds)
    seconds = median(each.seconds for each in measured.rounds)
    without_start = seconds - measured.start_seconds
    share = measured.ideal_seconds / without_start
    return "\n".join(
        [
            "## A skewed account",
            "",
            f"{measured.recordings:,} recordings of a month, a tenth of them on one day; {measured.latency_ms} ms per "
            f"page, {measured.concurrency} at a time; median of {len(measured.rounds)}. The ideal is full pages and no "
            f"idle worker: {measured.ideal_seconds:.2f} s. The API compares instants. Where it compares days, a busy "
            "day is one list, page after page, and the run may wait for it.",
            "",
            "| requests | s | start s | share of the ideal, with start | without | goal | reached |",
            "|--:|--:|--:|--:|--:|--:|---|",
            f"| {requests:g} | {seconds:.2f} | {measured.start_seconds:.2f} | {measured.ideal_seconds / seconds:.0%} "
            f"| {share:.0%} | at least {GOAL_OF_IDEAL:.0%} | {'yes' if share >= GOAL_OF_IDEAL else 'no'} |",
            "",
        ]
    )
