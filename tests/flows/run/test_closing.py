"""Closed months over a ledger that changes: adjustments match the ledger's own history exactly.

The expected values come from the ledger alone: its state at each run, compared with its state at the previous run.
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

import pytest
from msgspec import structs

from flows.emulator import Emulator, LivingLedger, Recording, open_living, serve
from flows.run.closing import close_month
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.stores.folder.statements import Sealed
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from tests.support.runs.ledger_runs import accesses_of, rows_of
from tests.support.runs.living_runs import (
    ACCOUNTS,
    DAY_SECONDS,
    clock_of,
    context_by,
    epoch_of,
    in_haste,
    instant,
    made,
    run_by,
)
from tests.support.samples.raw import forget, lines
from transforms.errors import ChecksFailedError, ConfigError, DataError
from transforms.values.windows import Window

FIRST, TODAY = date(2026, 7, 20), date(2026, 10, 2)
pytestmark = pytest.mark.builds("marts.adjustments", "marts.daily_spend")

EVERYTHING = RunRequest(first=FIRST, again=True)


class Place(NamedTuple):
    """The cell a recording counts in: month, account, source, channels and currency."""

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
    """The cell and kind of an adjustment, and the month it was found in."""

    month_found: date
    place: Place
    kind: str


Changes = dict[Found, Figures]


class Books:
    """The expected statements of closed months and their adjustments since, from the ledger's history."""

    def __init__(self, ledger: LivingLedger, zone: str) -> None:
        self.ledger, self.zone = ledger, ZoneInfo(zone)
        self.closed: dict[date, dict[Place, Figures]] = {}
        self.adjusted: Changes = {}
        self._standing: dict[str, Recording] = {}
        self._priced: set[str] = set()

    def ran(self) -> None:
        """Take note of a run that read everything."""
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
        """Take note that a month is closed with its current figures."""
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
        before.unpriced + sign * recording.is_awaiting_price,
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
    """Random events in a ledger, from a seed. The recording on FIRST never changes."""

    def __init__(self, ledger: LivingLedger, seed: int) -> None:
        self.ledger, self.random = ledger, Random(seed)

    def happen(self, times: int) -> None:
        """Change each recording at most once between two runs: a change that no fetch saw is in no history."""
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
        """Return an instant, often close to the end of a month in some time zone."""
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
    emulator: Emulator,
    ledger: LivingLedger,
    data_dir: Path,
    zone: str,
    request: RunRequest = EVERYTHING,
    **settings: Any,
) -> None:
    settings["reporting_timezone"] = zone
    summary = run_by(clock_of(ledger), accesses_of(emulator), data_dir, request, **settings)
    assert (summary.exit_code, summary.failed) == (0, {})


def closed(ledger: LivingLedger, data_dir: Path, zone: str, month: str) -> Sealed:
    context = context_by(clock_of(ledger), [], data_dir, reporting_timezone=zone)
    return close_month(context, month, accept_incomplete=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "seed"), [("UTC", 1), ("America/New_York", 2), ("Pacific/Kiritimati", 3), ("Etc/GMT+12", 4)]
)
def test_adjustments_match_the_history_of_the_ledger(zone: str, seed: int, tmp_path: Path) -> None:
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
    # The lake rebuilt from the pages alone, all at once, has the same history.
    before = changes_of(tmp_path)
    perform(context_by(clock_of(ledger), [], tmp_path), RunRequest("normalize", rebuild=True))
    assert changes_of(tmp_path) == before


def changes_of(data_dir: Path) -> list[list[dict[str, Any]]]:
    return [Lake(data_dir).changes(sid).to_pylist() for sid in ACCOUNTS[:2]]


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


def test_adjustments_of_a_hand_computed_example(tmp_path: Path) -> None:
    """A deleted recording keeps its cost, so it causes no adjustment."""
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
    """Return a ledger that was read in October: complete, except for what a test changes."""
    source = open_living([PRICED, GOES, MOVES], now=epoch_of(TODAY))
    with in_haste(50), serve(source) as emulator:
        run(emulator, source.ledger, tmp_path, "UTC", RunRequest(first=date(2026, 8, 1)))
    return source.ledger, tmp_path


def close(ledger: LivingLedger, data_dir: Path, month: str = "2026-09", **settings: Any) -> Sealed:
    return close_month(context_by(clock_of(ledger), [], data_dir, **settings), month)


def test_complete_month_closes_once(september: tuple[LivingLedger, Path]) -> None:
    ledger, data_dir = september
    sealed = close(ledger, data_dir)
    assert sealed.statement.missing.words == ""
    files = {path.name: path.read_bytes() for path in (data_dir / "statements" / "2026-09").iterdir()}
    assert files.keys() == {"statement.json", "statement.csv"}
    assert b"0.012300000" in files["statement.csv"]
    assert json.loads(files["statement.json"])["sha256"] == sealed.sha256
    with pytest.raises(ConfigError, match="2026-09 is already closed"):
        close(ledger, data_dir)
    assert {path.name: path.read_bytes() for path in (data_dir / "statements" / "2026-09").iterdir()} == files


@pytest.mark.parametrize(
    ("month", "zone", "said"),
    [
        ("2026-10", "UTC", "2026-10 is not over yet. You can close it after 2026-11-01 00:00 UTC"),
        ("2026-11", "UTC", "is not over yet"),
        ("2026-10", "America/New_York", "after 2026-11-01 04:00 UTC"),
        ("2026-07", "UTC", "No day of 2026-07 has been read, only 2026-08-01 to 2026-10-02"),
        ("2026-13", "UTC", "'2026-13' is not a month"),
        ("2026-9", "UTC", "'2026-9' is not a month"),
    ],
)
def test_close_refuses_months_not_over_or_not_read(
    month: str, zone: str, said: str, september: tuple[LivingLedger, Path]
) -> None:
    ledger, data_dir = september
    with pytest.raises(ConfigError, match=said):
        close(ledger, data_dir, month, reporting_timezone=zone)
    assert not (data_dir / "statements").exists()


@pytest.mark.slow
def test_close_names_days_not_read_since_they_ended(tmp_path: Path) -> None:
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
    # The first morning of October in UTC is still September in New York, and was not read.
    with pytest.raises(ConfigError, match="2026-10-01"):
        close(source.ledger, september_in_utc(tmp_path), reporting_timezone="America/New_York")


def september_in_utc(data_dir: Path) -> Path:
    """Return a copy of the folder, not closed, read until the end of September in UTC."""
    shutil.rmtree(data_dir / "statements")
    source = open_living([PRICED, GOES, MOVES], now=epoch_of(date(2026, 10, 1)))
    with in_haste(50), serve(source) as emulator:
        run(emulator, source.ledger, data_dir, "UTC", RunRequest(first=date(2026, 9, 1)))
    return data_dir


def test_close_names_unpriced_recordings_and_rejects(tmp_path: Path) -> None:
    recordings = first_recordings()
    unpriced = sum(r.is_awaiting_price and instant(r.created_at).month == 9 for r in recordings)
    source = open_living(recordings, now=epoch_of(TODAY))
    with in_haste(2), serve(source, faults=["bad-records"], seed=1) as emulator:
        # One request at a time: which pages the fault hits depends on their order.
        run(emulator, source.ledger, tmp_path, "UTC", RunRequest(first=FIRST), concurrency=1)
    everything = rows_of(tmp_path, "select * from ops.rejects")
    rejects = sum(
        row["created_at"].month == 9
        if row["created_at"]
        else row["window_first"] < date(2026, 10, 1) and row["window_last"] >= date(2026, 9, 1)
        for row in everything
    )
    assert 0 < rejects < len(everything)
    assert {row["created_at"] is None for row in everything} == {True, False}
    rejected = "1 record" if rejects == 1 else f"{rejects} records"
    said = f"{unpriced} recordings have no price, {rejected} could not be understood\\."
    with pytest.raises(ConfigError, match=said):
        close(source.ledger, tmp_path)
    assert closed(source.ledger, tmp_path, "UTC", "2026-09").statement.missing.rejects == rejects
    assert rows_of(tmp_path, "select * from landed.closed_months") == []
    perform(context_by(clock_of(source.ledger), [], tmp_path), RunRequest("model"))
    (row,) = rows_of(tmp_path, "select holes, unpriced, rejects from landed.closed_months")
    assert row == {"holes": 0, "unpriced": unpriced, "rejects": rejects}


def test_close_refuses_pages_that_are_not_in_the_lake(
    september: tuple[LivingLedger, Path], tmp_path: Path
) -> None:
    _, data_dir = september
    source = open_living([PRICED, GOES, MOVES], now=epoch_of(TODAY, 60))
    with in_haste(50), serve(source) as emulator:
        request = RunRequest("ingest", first=date(2026, 9, 1), last=date(2026, 9, 30), again=True)
        run(emulator, source.ledger, data_dir, "UTC", request)
    with pytest.raises(ConfigError, match="Run `recspend normalize` first"):
        close(source.ledger, data_dir)
    (name,) = [each for each in lines(data_dir) if f"/{instant(source.ledger.now):%Y%m%dT}0001" in each]
    assert forget(data_dir, lambda each: each == name) == 1
    raw = RawPages(data_dir)
    raw.begin(raw.accounts()[0], Window(date(2026, 9, 1), date(2026, 9, 30)), instant(source.ledger.now))
    with pytest.raises(ConfigError, match="was interrupted"):
        close(source.ledger, data_dir)


@pytest.mark.parametrize("file", ["statement.json", "statement.csv"])
def test_changed_statement_stops_the_models(file: str, september: tuple[LivingLedger, Path]) -> None:
    ledger, data_dir = september
    close(ledger, data_dir)
    path = data_dir / "statements" / "2026-09" / file
    text, context = path.read_text(), context_by(clock_of(ledger), [], data_dir)
    for damaged in (text.replace("0.0123", "0.0124"), text.replace("DialVerb", "DialVerbs"), text[:-5], ""):
        assert damaged != text
        path.write_text(damaged)
        with pytest.raises(DataError, match=file):
            perform(context, RunRequest("model"))
    path.unlink()
    with pytest.raises(DataError, match="is missing"):
        perform(context, RunRequest("model"))
    path.write_text(text)
    perform(context, RunRequest("model"))
    assert [str(row["cost"]) for row in rows_of(data_dir, "select cost from landed.statements")] == [
        "0.012300000"
    ]


@pytest.mark.slow
def test_interrupted_closing_leaves_nothing_and_can_be_repeated(
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
        perform(context_by(clock_of(ledger), [], data_dir), RunRequest("model"))
        assert rows_of(data_dir, "select * from landed.closed_months") == []
    assert close(ledger, data_dir).statement.month == "2026-09"
    assert [path.name for path in (data_dir / "statements").iterdir()] == ["2026-09"]


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_failed_check_keeps_a_month_open(september: tuple[LivingLedger, Path]) -> None:
    ledger, data_dir = september
    lake = Lake(data_dir)
    commit, twice = lake.commit(ACCOUNTS[0]), lake.read(ACCOUNTS[0], "2026-09").slice(0, 1)
    assert commit
    months = {**commit.months, "2026-08": [lake.write(ACCOUNTS[0], "2026-08", twice)]}
    lake.replace(ACCOUNTS[0], structs.replace(commit, months=months))
    with pytest.raises(ChecksFailedError, match="keys_are_unique"):
        close(ledger, data_dir)
    assert not (data_dir / "statements").exists()


def test_clock_set_back_makes_nothing_look_found_later(
    september: tuple[LivingLedger, Path],
) -> None:
    _, data_dir = september
    seen = max(row["seen"] for row in rows_of(data_dir, "select max(fetched_at) as seen from ops.landings"))
    context = context_by(lambda: datetime(2026, 10, 1, tzinfo=UTC), [], data_dir)
    assert close_month(context, "2026-09").statement.closed_at == seen
    perform(context, RunRequest("model"))
    assert adjustments(data_dir) == {}


def test_changed_time_zone_is_shown_as_undated_with_a_warning(
    september: tuple[LivingLedger, Path],
) -> None:
    ledger, data_dir = september
    close(ledger, data_dir)
    summary = perform(
        context_by(clock_of(ledger), [], data_dir, reporting_timezone="America/New_York"), RunRequest("model")
    )
    assert [check.check.name for check in summary.checks if not check.is_passed] == [
        "adjustments_are_undated"
    ]
    ((found, figures),) = adjustments(data_dir).items()
    assert (found.kind, figures.recordings, figures.cost) == ("undated", -1, Decimal("-0.01"))


def test_run_without_news_reuses_the_models_after_closing(
    september: tuple[LivingLedger, Path],
) -> None:
    ledger, data_dir = september
    close(ledger, data_dir)
    context = context_by(clock_of(ledger), [], data_dir)
    perform(context, RunRequest("model"))
    stamped = (data_dir / "warehouse.json").read_text()
    perform(context, RunRequest("model"))
    assert json.loads((data_dir / "warehouse.json").read_text())["made"] == json.loads(stamped)["made"]
