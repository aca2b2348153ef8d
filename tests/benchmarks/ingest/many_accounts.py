"""Many small accounts side by side, compared with a bare client that already knows what to ask for."""

import json
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.ingest.ways import filters
from tests.benchmarks.measure.command import run
from tests.benchmarks.measure.emulated import Served, emulator
from tests.benchmarks.measure.ledgers import CREATED_ON, accounts_ledger
from tests.benchmarks.measure.progress import Say
from transforms.ingest.plan import windows_of
from transforms.ingest.request import Rules
from transforms.values.windows import Window, days_of

_BARE_THREADS = 32
GOALS = {"first run": 1.5, "nothing new": 2.0}


@dataclass(frozen=True, slots=True)
class ReadAccounts:
    """How long it took to read all accounts, without the start of the process."""

    what: str
    way: str
    requests: int
    seconds: float
    cpu_seconds: float


def many_accounts(
    accounts: int, each: int, latency_ms: int, at_once: int, ledgers: Path, work_dir: Path, say: Say
) -> list[ReadAccounts]:
    """Read accounts of `each` recordings for the first time, and again when nothing is new; both ways."""
    say(f"many accounts: rendering {accounts:,} accounts of {each} recordings, unless cached")
    folder, data_dir = accounts_ledger(accounts, each, ledgers), work_dir / "many-accounts"
    today = datetime.now(UTC).date()
    newest = Window(today - timedelta(days=Rules().lookback_days - 1), today)
    asked = {
        "first run": windows_of(days_of(Window(CREATED_ON, today))),
        "nothing new": [newest],
    }
    results = []
    with emulator(folder, latency_ms) as served:
        for what, windows in asked.items():
            for way, threads in (("recspend", at_once), ("bare", _BARE_THREADS)):
                results.append(_read(served, what, way, threads, windows, data_dir))
                say(f"many accounts: {what}, {way}: {results[-1].seconds:.1f} s")
    shutil.rmtree(data_dir)
    return results


def _read(
    served: Served, what: str, way: str, threads: int, windows: list[Window], data_dir: Path
) -> ReadAccounts:
    task: dict[str, Any] = {
        "way": way,
        "base_url": served.base_url,
        "accounts": served.accounts,
        "at_once": threads,
        "data_dir": str(data_dir),
        "created_on": str(CREATED_ON),
        "filters": [filters(window.first, window.last) for window in windows],
    }
    module = "tests.benchmarks.ingest.side_by_side"
    found = json.loads(run([sys.executable, "-m", module, json.dumps(task)]).printed)
    return ReadAccounts(what, way, found["requests"], found["seconds"], found["cpu_seconds"])


def section(measured: list[ReadAccounts], accounts: int, each: int, latency_ms: int, at_once: int) -> str:
    """Return the section of the tables."""
    lines = [
        "## Many accounts",
        "",
        f"{accounts:,} accounts of {each} recordings, {latency_ms} ms per request. recspend reads {at_once} at once. "
        f"The bare client has {_BARE_THREADS} threads, a `requests` session for each account, and the windows to ask "
        "for; it decides nothing, checks nothing and keeps nothing. Seconds are without the start of the process. In a "
        "first run, recspend also finds out how the API compares dates (5 requests, for the first accounts).",
        "",
        "| what | way | requests | s | CPU s | CPU ms an account | times the bare client | goal | reached |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for what, goal in GOALS.items():
        ours, bare = (row for row in measured if row.what == what)
        ratio = ours.seconds / bare.seconds
        lines += [
            _row(ours, accounts, f"{ratio:.1f} | at most {goal} | {'yes' if ratio <= goal else 'no'}"),
            _row(bare, accounts, "| |"),
        ]
    return "\n".join([*lines, ""])


def _row(row: ReadAccounts, accounts: int, judged: str) -> str:
    return (
        f"| {row.what} | {row.way} | {row.requests:,} | {row.seconds:.1f} | {row.cpu_seconds:.1f} "
        f"| {1000 * row.cpu_seconds / accounts:.1f} | {judged} |"
    )
