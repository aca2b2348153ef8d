"""Closed months beside a ledger that lives: what is adjusted is what the ledger's own history says, to the last decimal.

The answer is taken from the ledger alone: how it stands at each run, compared with how it stood at the run before.
"""

import json
import shutil
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from ledger_runs import accesses_of, rows_of
from living_runs import ACCOUNTS, DAY_SECONDS, clock_of, epoch_of, in_haste, instant, made, run_by, work_by

from flows.closing import close_month
from flows.emulator import Emulator, LivingLedger, Recording, open_living, serve
from flows.job import Job
from flows.stages import perform
from flows.stores.lake import Lake
from flows.stores.statements import Sealed
from transforms.errors import ChecksFailedError, ConfigError, DataError

FIRST, TODAY = date(2026, 7, 20), date(2026, 10, 2)
EVERYTHING = Job(first=FIRST, again=True)


class Place(NamedTuple):
    """Where a recording counts: account, source, channels, currency, under a month."""

    month: date
    account_sid: str
    source: str
    channels: int
    currency: str


class Figures(NamedTuple):
    """Recordings, unpriced ones, billed minutes, cost."""

    recordings: int
    unpriced: int
    minutes: int
    cost: Decimal


class Found(NamedTuple):
    """A place and kind of an adjustment, with the month it was found in."""

    month_found: date
    place: Place
    kind: str


Changes = dict[Found, Figures]


class Books:
    """What must have been said of closed months and what must be adjusted since, by the ledger's history."""

    def __init__(self, ledger: LivingLedger, zone: str) -> None:
        self.ledger, self.zone = ledger, ZoneInfo(zone)
        self.closed: dict[date, dict[Place, Figures]] = {}
        self.adjusted: Changes = {}
        self._standing: dict[str, Recording] = {}
        self._priced: set[str] = set()

    def ran(self) -> None:
        """A run read everything."""
        now = {r.sid: r for r, _, listed in self.ledger.recordings() if listed is not None}
        month_found = self._month(self.ledger.now)
        for sid, recording in now.items():
            before = self._standing.get(sid)
            if before is None:
                self._add(month_found, "late recording", recording, 1)
            else:
                kind = self._kind(before, recording)
                self._add(month_found, kind, before, -1)
                self._add(month_found, kind, recording, 1)
        self._standing = now
        self._priced |= {sid for sid, recording in now.items() if recording.price is not None}

    def close(self, month: date) -> None:
        """A month is closed as it stands."""
        rows: dict[Place, Figures] = {}
        for recording in self._standing.values():
            if self.place(recording).month == month:
                rows[self.place(recording)] = added(rows.get(self.place(recording)), recording, 1)
        self.closed[month] = rows

    def place(self, recording: Recording) -> Place:
        return Place(
            self._month(recording.created_at),
            recording.account_sid,
            recording.source,
            recording.channels,
            recording.currency or "XXX",
        )

    def _kind(self, before: Recording, after: Recording) -> str:
        if self.place(before)[:4] != self.place(after)[:4]:
            return "moved"
        return "late price" if before.sid not in self._priced and after.price is not None else "correction"

    def _add(self, month_found: date, kind: str, recording: Recording, sign: int) -> None:
        if self.place(recording).month in self.closed:
            found = Found(month_found, self.place(recording), kind)
            self.adjusted[found] = added(self.adjusted.get(found), recording, sign)
            if self.adjusted[found] == Figures(0, 0, 0, Decimal(0)):
                del self.adjusted[found]

    def _month(self, epoch: int) -> date:
        return datetime.fromtimestamp(epoch, self.zone).date().replace(day=1)


def added(figures: Figures | None, recording: Recording, sign: int) -> Figures:
    before = figures or Figures(0, 0, 0, Decimal(0))
    return Figures(
        before.recordings + sign,
        before.unpriced + sign * (recording.price is None),
        before.minutes + sign * -(-(recording.duration_seconds or 0) // 60),
        before.cost + sign * (recording.price or Decimal(0)),
    )


def adjustments(data_dir: Path) -> Changes:
    return {
        Found(row["month_found"], place_of(row), row["kind"]): Figures(
            row["recordings_change"],
            row["unpriced_recordings_change"],
            row["billed_minutes_change"],
            row["cost_change"],
        )
        for row in rows_of(data_dir, "select * from marts.adjustments")
    }


def statement_of(data_dir: Path, month: date) -> dict[Place, Figures]:
    return {
        place_of(row): Figures(
            row["recordings"], row["unpriced_recordings"], row["billed_minutes"], row["cost"] or Decimal(0)
        )
        for row in rows_of(data_dir, f"select * from landed.statements where month = date '{month}'")
    }


def place_of(row: Mapping[str, Any]) -> Place:
    return Place(*(row[name] for name in ("month", "account_sid", "source", "channels", "currency")))


class Chance:
    """Things that happen to a ledger, by a seed; the recording on FIRST is left alone."""

    def __init__(self, ledger: LivingLedger, seed: int) -> None:
        self.ledger, self.random = ledger, Random(seed)

    def happen(self, times: int) -> None:
        """Each recording changes once at most between two runs, for what no reading saw is in no history."""
        listed = [
            each.recording for sid in ACCOUNTS[:2] for each in self.ledger.listed(sid) if each.recording.sequence
        ]
        for recording in self.random.sample(listed, min(times, len(listed))):
            keep = self.random.random() < 0.3
            match self.random.choice(["price", "price", "taken back", "moved", "moved", "source", "gone", "length"]):
                case "price":
                    facts = {"price": self._price(), "currency": self.random.choice(["USD", "USD", "EUR"])}
                case "taken back":
                    facts = {"price": None, "currency": self.random.choice([None, "USD"])}
                case "moved":
                    facts = {"created_at": self._moment(), **self.random.choice([{}, {"price": self._price(), "currency": "USD"}])}
                case "source":
                    facts = self.random.choice([{"source": "Trunking"}, {"channels": 3 - recording.channels}])
                case "length":
                    facts = {"duration_seconds": self.random.choice([None, 61, 200])}
                case _:
                    self.ledger.delete(recording.sid)
                    continue
            self.ledger.change(recording.sid, keep_updated_at=keep, **facts)
        for _ in range(2):
            account_sid = self.random.choice(ACCOUNTS[:2])
            facts = self.random.choice([{}, {"price": None, "currency": None}])
            self.ledger.insert(made(account_sid, self.ledger.next_sequence(account_sid), self._moment(), **facts))
        for each in self.ledger.recordings():
            if each.deleted_at is not None and each.deleted_at < self.ledger.now and self.random.random() < 0.3:
                self.ledger.restore(each.recording.sid)

    def _price(self) -> Decimal:
        return self.random.choice([Decimal(0), Decimal("0.0025"), Decimal("0.123456789")])

    def _moment(self) -> int:
        """Often close to the end of a month, in one time zone or another."""
        end = epoch_of(self.random.choice([date(2026, 9, 1), date(2026, 10, 1), TODAY]))
        moment = end + self.random.choice([-1, 0, 1, self.random.randint(-40 * DAY_SECONDS, 20 * 3600)])
        return max(epoch_of(FIRST, 60), min(moment, self.ledger.now))


def first_recordings() -> list[Recording]:
    recordings = [made(ACCOUNTS[0], 0, epoch_of(FIRST, 1)), made(ACCOUNTS[1], 0, epoch_of(FIRST, 2))]
    for sequence in range(1, 41):
        facts: dict[str, Any] = {"price": None, "currency": None if sequence % 2 else "USD"}
        created_at = epoch_of(FIRST + timedelta(sequence * 73 // 40), sequence * 2000)
        recordings.append(made(ACCOUNTS[sequence % 2], sequence, created_at, **(facts if sequence % 4 == 3 else {})))
    return recordings


def run(emulator: Emulator, ledger: LivingLedger, data_dir: Path, zone: str, job: Job = EVERYTHING) -> None:
    summary = run_by(clock_of(ledger), accesses_of(emulator), data_dir, job, reporting_timezone=zone)
    assert (summary.exit_code, summary.failed) == (0, {})


def closed(ledger: LivingLedger, data_dir: Path, zone: str, month: str) -> Sealed:
    work = work_by(clock_of(ledger), [], data_dir, reporting_timezone=zone)
    return close_month(work, month, accept_incomplete=True)


@pytest.mark.parametrize(
    ("zone", "seed"), [("UTC", 1), ("America/New_York", 2), ("Pacific/Kiritimati", 3), ("Etc/GMT+12", 4)]
)
def test_what_is_adjusted_is_what_the_history_of_the_ledger_says(zone: str, seed: int, tmp_path: Path) -> None:
    source = open_living(first_recordings(), now=epoch_of(TODAY, 20 * 3600))
    ledger, chance = source.ledger, Chance(source.ledger, seed)
    books, kinds = Books(ledger, zone), Counter[str]()
    with in_haste(50), serve(source) as emulator:
        run(emulator, ledger, tmp_path, zone)
        books.ran()
        for step in range(8):
            for month in {0: ["2026-08"], 1: ["2026-09"], 6: ["2026-10"]}.get(step, []):
                closed(ledger, tmp_path, zone, month)
                books.close(date.fromisoformat(f"{month}-01"))
            chance.happen(12)
            ledger.advance(Random(seed + step).choice([3600, 9 * DAY_SECONDS, 20 * DAY_SECONDS]))
            if step == 5:
                ledger.advance_to(max(ledger.now, epoch_of(date(2026, 11, 3))))
            run(emulator, ledger, tmp_path, zone)
            books.ran()
            assert adjustments(tmp_path) == books.adjusted
            kinds.update(found.kind for found in books.adjusted)
        assert {month: statement_of(tmp_path, month) for month in books.closed} == books.closed
    assert kinds.keys() == {"late price", "correction", "late recording", "moved"}
    # The lake built anew from the pages alone, in one go, tells the same history.
    before = changes_of(tmp_path)
    perform(work_by(clock_of(ledger), [], tmp_path), Job("normalize", rebuild=True))
    assert changes_of(tmp_path) == before


def changes_of(data_dir: Path) -> list[list[dict[str, Any]]]:
    return [Lake(data_dir).changes.read(sid).to_pylist() for sid in ACCOUNTS[:2]]
