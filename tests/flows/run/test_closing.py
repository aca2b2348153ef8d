"""Closed months beside a ledger that lives: what is adjusted is what the ledger's own history says, exactly.

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

from flows.emulator import Emulator, LivingLedger, Recording, open_living, serve
from flows.run.closing import close_month
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.stores.folder.statements import Sealed
from flows.stores.lake.lake import Lake
from tests.support.runs.ledger_runs import accesses_of, rows_of
from tests.support.runs.living_runs import (
    ACCOUNTS,
    DAY_SECONDS,
    clock_of,
    epoch_of,
    in_haste,
    instant,
    made,
    run_by,
    work_by,
)
from transforms.errors import ChecksFailedError, ConfigError, DataError

FIRST, TODAY = date(2026, 7, 20), date(2026, 10, 2)
EVERYTHING = RunRequest(first=FIRST, again=True)


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
            each.recording
            for sid in ACCOUNTS[:2]
            for each in self.ledger.listed(sid)
            if each.recording.sequence
        ]
        for recording in self.random.sample(listed, min(times, len(listed))):
            keep = self.random.random() < 0.3
            match self.random.choice(
                ["price", "price", "taken back", "moved", "moved", "source", "gone", "length"]
            ):
                case "price":
                    facts = {"price": self._price(), "currency": self.random.choice(["USD", "USD", "EUR"])}
                case "taken back":
                    facts = {"price": None, "currency": self.random.choice([None, "USD"])}
                case "moved":
                    facts = {
                        "created_at": self._moment(),
                        **self.random.choice([{}, {"price": self._price(), "currency": "USD"}]),
                    }
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
            self.ledger.insert(
                made(account_sid, self.ledger.next_sequence(account_sid), self._moment(), **facts)
            )
        for each in self.ledger.recordings():
            if (
                each.deleted_at is not None
                and each.deleted_at < self.ledger.now
                and self.random.random() < 0.3
            ):
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
        recordings.append(
            made(ACCOUNTS[sequence % 2], sequence, created_at, **(facts if sequence % 4 == 3 else {}))
        )
    return recordings


def run(
    emulator: Emulator, ledger: LivingLedger, data_dir: Path, zone: str, job: RunRequest = EVERYTHING
) -> None:
    summary = run_by(clock_of(ledger), accesses_of(emulator), data_dir, job, reporting_timezone=zone)
    assert (summary.exit_code, summary.failed) == (0, {})


def closed(ledger: LivingLedger, data_dir: Path, zone: str, month: str) -> Sealed:
    work = work_by(clock_of(ledger), [], data_dir, reporting_timezone=zone)
    return close_month(work, month, accept_incomplete=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "seed"), [("UTC", 1), ("America/New_York", 2), ("Pacific/Kiritimati", 3), ("Etc/GMT+12", 4)]
)
def test_what_is_adjusted_is_what_the_history_of_the_ledger_says(
    zone: str, seed: int, tmp_path: Path
) -> None:
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
    perform(work_by(clock_of(ledger), [], tmp_path), RunRequest("normalize", rebuild=True))
    assert changes_of(tmp_path) == before


def changes_of(data_dir: Path) -> list[list[dict[str, Any]]]:
    return [Lake(data_dir).changes.read(sid).to_pylist() for sid in ACCOUNTS[:2]]


NOVEMBER = epoch_of(date(2026, 11, 5), 3600)
PRICED = made(
    ACCOUNTS[0], 1, epoch_of(date(2026, 9, 1)), price=Decimal("0.01"), source="DialVerb", channels=1
)
UNPRICED = made(
    ACCOUNTS[0], 3, epoch_of(date(2026, 9, 30)), price=None, currency=None, source="DialVerb", channels=1
)
GOES = made(ACCOUNTS[0], 5, epoch_of(date(2026, 9, 2)), price=Decimal("0.002"), source="DialVerb", channels=1)
MOVES = made(
    ACCOUNTS[0], 7, epoch_of(date(2026, 9, 3)), price=Decimal("0.0003"), source="DialVerb", channels=1
)


def test_what_was_found_when_by_hand(tmp_path: Path) -> None:
    """A recording that is deleted keeps its cost, so it adjusts nothing."""
    source = open_living([PRICED, UNPRICED, GOES, MOVES], now=epoch_of(TODAY))
    ledger = source.ledger
    with in_haste(50), serve(source) as emulator:
        run(emulator, ledger, tmp_path, "UTC", RunRequest(first=date(2026, 9, 1)))
        sealed = closed(ledger, tmp_path, "UTC", "2026-09")
        assert {(row.currency, row.recordings, row.cost) for row in sealed.statement.rows} == {
            ("USD", 3, "0.012300000"),
            ("XXX", 1, None),
        }
        assert sealed.statement.missing.unpriced_recordings == 1
        ledger.change(UNPRICED.sid, price=Decimal("0.4"), currency="USD")
        ledger.change(PRICED.sid, price=Decimal("0.06"))
        ledger.delete(GOES.sid)
        run(emulator, ledger, tmp_path, "UTC", RunRequest(first=date(2026, 9, 1), again=True))
        ledger.advance_to(NOVEMBER)
        ledger.change(PRICED.sid, price=Decimal("0.05"))
        ledger.change(MOVES.sid, created_at=epoch_of(TODAY))
        ledger.insert(
            made(
                ACCOUNTS[0], 9, epoch_of(date(2026, 9, 9)), price=Decimal("5"), source="DialVerb", channels=1
            )
        )
        run(emulator, ledger, tmp_path, "UTC", RunRequest(first=date(2026, 9, 1), again=True))
    found = rows_of(
        tmp_path,
        "select month_found, currency, kind, recordings_change, unpriced_recordings_change, cost_change "
        "from marts.adjustments",
    )
    october, november = date(2026, 10, 1), date(2026, 11, 1)
    assert [tuple(row.values()) for row in found] == [
        (october, "USD", "correction", 0, 0, Decimal("0.05")),
        (october, "USD", "late price", 1, 0, Decimal("0.4")),
        (october, "XXX", "late price", -1, -1, Decimal(0)),
        (november, "USD", "correction", 0, 0, Decimal("-0.01")),
        (november, "USD", "late recording", 1, 0, Decimal(5)),
        (november, "USD", "moved", -1, 0, Decimal("-0.0003")),
    ]


@pytest.fixture
def september(tmp_path: Path) -> tuple[LivingLedger, Path]:
    """A ledger that was read in October, complete but for what a test does to it."""
    source = open_living([PRICED, GOES, MOVES], now=epoch_of(TODAY))
    with in_haste(50), serve(source) as emulator:
        run(emulator, source.ledger, tmp_path, "UTC", RunRequest(first=date(2026, 8, 30)))
    return source.ledger, tmp_path


def close(ledger: LivingLedger, data_dir: Path, month: str = "2026-09", **settings: Any) -> Sealed:
    return close_month(work_by(clock_of(ledger), [], data_dir, **settings), month)


def test_a_complete_month_closes_once(september: tuple[LivingLedger, Path]) -> None:
    ledger, data_dir = september
    sealed = close(ledger, data_dir)
    assert sealed.statement.missing.words == ""
    files = {path.name: path.read_bytes() for path in (data_dir / "statements" / "2026-09").iterdir()}
    assert files.keys() == {"statement.json", "statement.csv"}
    assert b"0.012300000" in files["statement.csv"]
    assert json.loads(files["statement.json"])["sha256"] == sealed.sha256
    with pytest.raises(ConfigError, match="2026-09 is closed already"):
        close(ledger, data_dir)
    assert {path.name: path.read_bytes() for path in (data_dir / "statements" / "2026-09").iterdir()} == files


@pytest.mark.parametrize(
    ("month", "zone", "said"),
    [
        ("2026-10", "UTC", "2026-10 is not over yet. It can be closed from 2026-11-01 00:00 UTC on"),
        ("2026-11", "UTC", "is not over yet"),
        ("2026-10", "America/New_York", "from 2026-11-01 04:00 UTC on"),
        ("2026-07", "UTC", "No day of 2026-07 was read; 2026-08-30 to 2026-10-02 were"),
        ("2026-13", "UTC", "2026-13 is no month"),
        ("2026-9", "UTC", "2026-9 is no month"),
    ],
)
def test_a_month_that_is_not_over_or_was_not_read_is_refused(
    month: str, zone: str, said: str, september: tuple[LivingLedger, Path]
) -> None:
    ledger, data_dir = september
    with pytest.raises(ConfigError, match=said):
        close(ledger, data_dir, month, reporting_timezone=zone)
    assert not (data_dir / "statements").exists()


def test_days_that_were_not_read_since_they_were_over_are_named(tmp_path: Path) -> None:
    source = open_living([PRICED, GOES, MOVES], now=epoch_of(date(2026, 9, 29), 3600))
    with in_haste(50), serve(source) as emulator:
        run(emulator, source.ledger, tmp_path, "UTC", RunRequest(first=date(2026, 9, 1)))
    source.ledger.advance_to(epoch_of(TODAY))
    said = (
        rf"2026-09 is not complete: 2 days of accounts were .* \(the first is 2026-09-29 of {ACCOUNTS[0]}\)"
    )
    with pytest.raises(ConfigError, match=said):
        close(source.ledger, tmp_path)
    sealed = closed(source.ledger, tmp_path, "UTC", "2026-09")
    (hole,) = sealed.statement.missing.holes
    assert (hole.first_day, hole.last_day) == (date(2026, 9, 29), date(2026, 9, 30))
    # The morning of October in UTC is still September in New York, and was not read.
    with pytest.raises(ConfigError, match="2026-10-01"):
        close(source.ledger, september_in_utc(tmp_path), reporting_timezone="America/New_York")


def september_in_utc(data_dir: Path) -> Path:
    """The same folder, not closed, and read until the end of September in UTC."""
    shutil.rmtree(data_dir / "statements")
    source = open_living([PRICED, GOES, MOVES], now=epoch_of(date(2026, 10, 1)))
    with in_haste(50), serve(source) as emulator:
        run(emulator, source.ledger, data_dir, "UTC", RunRequest(first=date(2026, 9, 1)))
    return data_dir


def test_recordings_without_a_price_and_records_not_understood_are_named(tmp_path: Path) -> None:
    recordings = first_recordings()
    unpriced = sum(r.price is None and instant(r.created_at).month == 9 for r in recordings)
    source = open_living(recordings, now=epoch_of(TODAY))
    with in_haste(2), serve(source, faults=["bad-records"], seed=1) as emulator:
        run(emulator, source.ledger, tmp_path, "UTC", RunRequest(first=FIRST))
    everything = rows_of(tmp_path, "select * from ops.rejects")
    rejects = sum(
        row["created_at"].month == 9
        if row["created_at"]
        else row["window_first"] < date(2026, 10, 1) and row["window_last"] >= date(2026, 9, 1)
        for row in everything
    )
    assert 0 < rejects < len(everything)
    assert {row["created_at"] is None for row in everything} == {True, False}
    said = f"{unpriced} recordings have no price, {rejects} records could not be understood\\."
    with pytest.raises(ConfigError, match=said):
        close(source.ledger, tmp_path)
    assert closed(source.ledger, tmp_path, "UTC", "2026-09").statement.missing.rejects == rejects
    assert rows_of(tmp_path, "select * from landed.closed_months") == []
    perform(work_by(clock_of(source.ledger), [], tmp_path), RunRequest("model"))
    (row,) = rows_of(tmp_path, "select holes, unpriced, rejects from landed.closed_months")
    assert row == {"holes": 0, "unpriced": unpriced, "rejects": rejects}


def test_what_lies_in_pages_and_not_in_the_tables_keeps_a_month_open(
    september: tuple[LivingLedger, Path], tmp_path: Path
) -> None:
    _, data_dir = september
    source = open_living([PRICED, GOES, MOVES], now=epoch_of(TODAY, 60))
    with in_haste(50), serve(source) as emulator:
        job = RunRequest("ingest", first=date(2026, 9, 1), last=date(2026, 9, 30), again=True)
        run(emulator, source.ledger, data_dir, "UTC", job)
    with pytest.raises(ConfigError, match="Run `recspend normalize` first"):
        close(source.ledger, data_dir)
    (manifest,) = (data_dir / "raw").glob(
        f"*/2026-09-*/{instant(source.ledger.now):%Y%m%dT}0001*/manifest.json"
    )
    manifest.unlink()
    with pytest.raises(ConfigError, match="was broken off"):
        close(source.ledger, data_dir)


@pytest.mark.parametrize("file", ["statement.json", "statement.csv"])
def test_a_statement_that_was_touched_stops_the_models(
    file: str, september: tuple[LivingLedger, Path]
) -> None:
    ledger, data_dir = september
    close(ledger, data_dir)
    path = data_dir / "statements" / "2026-09" / file
    text, work = path.read_text(), work_by(clock_of(ledger), [], data_dir)
    for damaged in (text.replace("0.0123", "0.0124"), text.replace("DialVerb", "DialVerbs"), text[:-5], ""):
        assert damaged != text
        path.write_text(damaged)
        with pytest.raises(DataError, match=file):
            perform(work, RunRequest("model"))
    path.unlink()
    with pytest.raises(DataError, match="is missing"):
        perform(work, RunRequest("model"))
    path.write_text(text)
    perform(work, RunRequest("model"))
    assert [str(row["cost"]) for row in rows_of(data_dir, "select cost from landed.statements")] == [
        "0.012300000"
    ]


def test_closing_that_is_broken_off_leaves_nothing_and_can_be_done_again(
    september: tuple[LivingLedger, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, data_dir = september
    for number in range(2):
        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", _interrupted)
            if number:
                patched.setattr("flows.stores.folder.statements.write_whole", _interrupted)
            with pytest.raises(KeyboardInterrupt):
                close(ledger, data_dir)
        perform(work_by(clock_of(ledger), [], data_dir), RunRequest("model"))
        assert rows_of(data_dir, "select * from landed.closed_months") == []
    assert close(ledger, data_dir).statement.month == "2026-09"
    assert [path.name for path in (data_dir / "statements").iterdir()] == ["2026-09"]


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_check_that_fails_keeps_a_month_open(september: tuple[LivingLedger, Path]) -> None:
    ledger, data_dir = september
    month = (
        data_dir
        / "recordings"
        / f"account_sid={ACCOUNTS[0]}"
        / "created_month=2026-09"
        / "recordings.parquet"
    )
    twice = pq.read_table(month, partitioning=None)
    lake = Lake(data_dir)
    state = lake.recorded_state(ACCOUNTS[0])
    assert state
    lake.replace(ACCOUNTS[0], "2026-08", twice.slice(0, 1))
    lake.finish(ACCOUNTS[0], state)
    with pytest.raises(ChecksFailedError, match="keys_are_unique"):
        close(ledger, data_dir)
    assert not (data_dir / "statements").exists()


def test_a_clock_that_was_set_back_makes_nothing_look_found_later(
    september: tuple[LivingLedger, Path],
) -> None:
    _, data_dir = september
    seen = max(row["seen"] for row in rows_of(data_dir, "select max(fetched_at) as seen from ops.landings"))
    work = work_by(lambda: datetime(2026, 10, 1, tzinfo=UTC), [], data_dir)
    assert close_month(work, "2026-09").statement.closed_at == seen
    perform(work, RunRequest("model"))
    assert adjustments(data_dir) == {}


def test_another_time_zone_since_is_shown_as_undated_and_warned_of(
    september: tuple[LivingLedger, Path],
) -> None:
    ledger, data_dir = september
    close(ledger, data_dir)
    summary = perform(
        work_by(clock_of(ledger), [], data_dir, reporting_timezone="America/New_York"), RunRequest("model")
    )
    assert [check.check.name for check in summary.checks if not check.is_passed] == [
        "adjustments_are_undated"
    ]
    ((found, figures),) = adjustments(data_dir).items()
    assert (found.kind, figures.recordings, figures.cost) == ("undated", -1, Decimal("-0.01"))


def test_a_run_that_finds_nothing_new_takes_the_models_over_after_closing_too(
    september: tuple[LivingLedger, Path],
) -> None:
    ledger, data_dir = september
    close(ledger, data_dir)
    work = work_by(clock_of(ledger), [], data_dir)
    perform(work, RunRequest("model"))
    stamped = (data_dir / "warehouse.json").read_text()
    perform(work, RunRequest("model"))
    assert json.loads((data_dir / "warehouse.json").read_text())["made"] == json.loads(stamped)["made"]
