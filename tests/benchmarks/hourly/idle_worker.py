"""Do runs with nothing new, an hour apart by a clock of their own, and print what each costs as JSON."""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform
from flows.settings.settings import Settings
from flows.stores.api.access import AccountAccess

_BEGINS = 1
"""How many hours after the newest recording's day the first run is."""


def main() -> None:
    """Do one run that reads everything and then `runs` more.

    `argv`: base URL, account sid, token, data folder, newest day, runs. CPU seconds are those of this process; files
    and bytes are those that the runs after the first added.
    """
    base_url, sid, token, folder, last_day, runs = sys.argv[1:]
    data_dir, now = Path(folder), _after(date.fromisoformat(last_day))
    access = AccountAccess("benchmark", sid, base_url, sid, token, "signalwire", "RECSPEND_API_TOKEN")
    settings = Settings(data_dir=data_dir, backoff=0)
    seconds, requests, rows = [], [], []
    for hour in range(int(runs) + 1):
        moment = now + timedelta(hours=hour)
        context = RunContext(
            settings,
            [access],
            {sid: "benchmark"},
            clock=partial(datetime.fromtimestamp, moment.timestamp(), UTC),
        )
        began = time.process_time()
        summary = perform(context, RunRequest())
        seconds.append(time.process_time() - began)
        counts = summary.counts()
        requests.append(counts["requests"])
        rows.append(counts["rows"])
        if summary.exit_code:
            raise RuntimeError(f"Run {hour} ended with {summary.exit_code}: {summary.failed}")
        if hour == 0:
            before = _files(data_dir)
    after = _files(data_dir)
    print(
        json.dumps(
            {
                "seconds": seconds[1:],
                "requests": sum(requests[1:]),
                "rows": sum(rows[1:]),
                "new_files": len(after.keys() - before.keys()),
                "new_bytes": sum(after.values()) - sum(before.values()),
                "grown": dict(_by_place(after) - _by_place(before)),
            }
        )
    )


def _after(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1, hours=_BEGINS)


def _by_place(files: Mapping[str, int]) -> Counter[str]:
    """Add up the bytes of pages, of lines, and of each other file or folder of the data folder."""
    found = Counter[str]()
    for name, size in files.items():
        parts = Path(name).parts
        is_of_lines = parts[0] == "runs" or "journal" in parts
        found["lines of the journal and of runs" if is_of_lines else f"`{parts[0]}`"] += size
    return found


def _files(folder: Path) -> dict[str, int]:
    """Return the size of each file; one with two names counts once."""
    found: dict[int, tuple[str, int]] = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where) / name
            stat = path.stat()
            found.setdefault(stat.st_ino, (str(path.relative_to(folder)), stat.st_size))
    return dict(found.values())


if __name__ == "__main__":
    main()
