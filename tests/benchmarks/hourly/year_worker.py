"""Do a year of hourly runs by the clock of a living ledger, and print what was counted as JSON."""

import json
import sys
import time
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

from flows.emulator import Emulator, LivingLedger, serve
from flows.run.stages import perform
from flows.stores.raw.sizes import folder_bytes
from tests.benchmarks.hourly.living_year import FIRST, Year, living_year
from tests.benchmarks.hourly.year_counts import Received, asking_each_run, overdue, unknown
from tests.support.runs.ledger_runs import accesses_of, ledger_cells, warehouse_cells
from tests.support.runs.living_runs import (
    DAY_SECONDS,
    WHOLE_RUN,
    clock_of,
    context_by,
    epoch_of,
    ledger_facts,
    warehouse_facts,
)

_HOUR = 3600
_PAST_THE_HOUR = 300
_SETTLING_DAYS = 15
"""How many daily runs follow the year: in a week each unsettled day is read, and each other day for deletions."""
_IDLE_RUNS = 11
_READ = tuple(replace(WHOLE_RUN, command=command) for command in ("ingest", "normalize"))
_WHOLE = (WHOLE_RUN,)


class Life:
    """The runs in one data folder, one after the other."""

    def __init__(self, emulator: Emulator, received: Received, data_dir: Path) -> None:
        self.ledger: LivingLedger = emulator.ledger
        self.counted = {"runs": 0, "requests": 0, "by_day": 0, "together": 0}
        self.seconds = 0.0
        self._received = received
        self._data_dir = data_dir
        self._context = context_by(clock_of(self.ledger), accesses_of(emulator), data_dir)

    def hour(self, *, is_whole: bool) -> None:
        """Do one of the runs of the year: read what is new, and build the tables if it is a whole one."""
        asking, before = asking_each_run(self.ledger), self._received.requests
        self.seconds += self.run(is_whole=is_whole)
        requests = self._received.requests - before
        found = {"runs": 1, "requests": requests, "by_day": asking.by_day, "together": asking.together}
        self.counted = {name: number + found[name] for name, number in self.counted.items()}

    def run(self, *, is_whole: bool) -> float:
        """Return the CPU seconds of a run, with those of the server. Raises RuntimeError if it fails."""
        began = time.process_time()
        for part in _WHOLE if is_whole else _READ:
            summary = perform(self._context, part)
            if summary.exit_code or summary.warnings:
                raise RuntimeError(f"A run ended so: {summary.as_object()}")
        return time.process_time() - began

    def sample(self) -> dict[str, int]:
        """Compare the tables with the recordings as the server sent them last, and these with the ledger."""
        found, sent = warehouse_cells(self._data_dir), ledger_cells(self.ledger.listed_totals())
        return {
            "different": sum(found.get(cell) != sent.get(cell) for cell in found.keys() | sent.keys()),
            "unknown": unknown(self.ledger),
            "overdue": len(overdue(self.ledger)),
        }

    def idle(self) -> dict[str, float]:
        """Measure runs without tables in which nothing has changed, and the data folder."""
        seconds = [self.run(is_whole=False) for _ in range(_IDLE_RUNS)][1:]
        before = self._received.requests
        self.run(is_whole=False)
        files = [path for path in self._data_dir.rglob("*") if path.is_file()]
        return {
            "seconds": median(seconds),
            "requests": self._received.requests - before,
            "files": len(files),
            "raw_files": sum((self._data_dir / "raw") in path.parents for path in files),
            "bytes": folder_bytes(self._data_dir),
            "state_bytes": sum(folder_bytes(self._data_dir / name) for name in ("state", "runs", ".locks")),
        }

    def different(self) -> int:
        """Count the recordings of which the warehouse does not have what the ledger has, one by one."""
        found, true = warehouse_facts(self._data_dir), ledger_facts(self.ledger)
        return sum(found.get(sid) != true.get(sid) for sid in found.keys() | true.keys())


def live(year: Year, whole_every: int, data_dir: Path) -> dict[str, Any]:
    """Do a run in each hour, and build the tables at the end of the first day and each `whole_every` days later."""
    received = Received()
    with serve(received.counting(living_year(year))) as emulator:
        life = Life(emulator, received, data_dir)
        samples, idle = [], []
        for number in range(year.days):
            midnight = epoch_of(FIRST + timedelta(days=number))
            for hour in range(24):
                is_whole = hour == 23 and number % whole_every == 0
                life.ledger.advance_to(midnight + hour * _HOUR + _PAST_THE_HOUR)
                life.hour(is_whole=is_whole)
                if is_whole:
                    samples.append(life.sample())
                    print(f"day {number}: {samples[-1]}, {life.seconds:.0f} s", file=sys.stderr, flush=True)
                    if number in (whole_every, year.days - 1):
                        idle.append(life.idle())
        raw_bytes = folder_bytes(data_dir / "raw")
        counts = received.counts()
        for number in range(_SETTLING_DAYS):
            life.ledger.advance_to(year.end + number * DAY_SECONDS)
            life.run(is_whole=number == _SETTLING_DAYS - 1)
        states = life.ledger.recordings()
        return {
            "year": asdict(year),
            **life.counted,
            **counts,
            "raw_bytes": raw_bytes,
            "seconds": life.seconds,
            "samples": samples,
            "idle": idle,
            "recordings": len(states),
            "deleted": sum(state.deleted_at is not None for state in states),
            "unpriced": sum(state.recording.is_awaiting_price for state in states),
            "different": life.different(),
        }


def main() -> None:
    """`argv`: data folder, days, recordings a day, recordings on busy days, days between builds of the tables."""
    folder, days, a_day, on_busy_days, whole_every = sys.argv[1:]
    year = Year(int(days), int(a_day), int(on_busy_days))
    print(json.dumps(live(year, int(whole_every), Path(folder))))


if __name__ == "__main__":
    main()
