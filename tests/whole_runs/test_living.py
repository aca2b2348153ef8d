"""The whole pipeline against a ledger that changes: whatever happens, the tables are correct after each run.

`living_model` says what is correct. Recordings appear, change, move, vanish and reappear, time passes, the API fails,
and runs are interrupted anywhere. An interrupted run leaves the folder as a killed one does; `test_killed.py` kills.
"""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flows.emulator import Recording, open_living, serve
from flows.model.coverage import coverage
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.stores.api.client import RecordingsApi
from flows.stores.lake.lake import Lake
from tests.support.runs.ledger_runs import Cell, Figures, accesses_of, rows_of, warehouse_cells
from tests.support.runs.living_model import FIRST, SETTLE_DAYS, Change, Model, Row, is_awaiting_price
from tests.support.runs.living_runs import (
    ACCOUNTS,
    DAY_SECONDS,
    Fact,
    clock_of,
    context_by,
    epoch_of,
    in_haste,
    made,
)
from transforms.report.since_last_run import Changes

PAGE_SIZE = 4
BUSY, NEW = ACCOUNTS[:2]
BEGINNING = epoch_of(date(2026, 10, 2), 10 * 3600)
EVERYTHING = 10_000
BUSY_DAYS = 43, 60
HOUR = 3600

FAULTS = (
    *("throttle", "throttle-concurrency", "flaky", "lost-cursor"),
    *("duplicates", "bad-records", "huge-page", "empty-page-with-next"),
)
FILTERS = ("instant-inclusive", "instant-exclusive", "day-inclusive", "day-exclusive")
FORMS = ((), ("iso-only",), ("date-only",), ("rfc2822-only",))
REQUESTS = {
    "run": RunRequest(),
    "everything again": RunRequest(first=FIRST, again=True),
    "August again": RunRequest(first=date(2026, 8, 1), last=date(2026, 8, 31), again=True),
    "the last weeks again": RunRequest(first=date(2026, 9, 11), last=date(2026, 10, 9), again=True),
    "audit": RunRequest(audit_days=EVERYTHING),
}

Kind = Literal["made", "late", "priced", "corrected", "taken back", "status", "deleted", "back", "moved"]


@dataclass(frozen=True)
class Event:
    """An event for a recording: which one of those it can happen to, and the values of the event."""

    kind: Kind
    which: int
    day: int
    second: int
    price: str
    is_settled: bool
    keeps_update_date: bool


def events() -> st.SearchStrategy[list[Event]]:
    seconds = st.sampled_from([0, 1, 12 * HOUR, DAY_SECONDS - 2, DAY_SECONDS - 1])
    event = st.builds(
        Event,
        kind=st.sampled_from(get_args(Kind)),
        which=st.integers(0, 3) | st.integers(0, 99),  # newest first
        day=st.sampled_from([1, 11, 12, 42, 43, 71, 72, 73]) | st.integers(0, 74),
        second=seconds | st.integers(0, DAY_SECONDS - 1),
        price=st.sampled_from(["0.0025", "0.005", "0"]),
        is_settled=st.booleans(),
        keeps_update_date=st.booleans(),
    )
    return st.lists(event, min_size=3, max_size=8)


# Seconds. Sometimes a quarter of a year, after which nothing is unsettled any more.
TIMES = {
    "nothing": 0,
    "an hour": HOUR,
    "half a day": 13 * HOUR,
    "a day": DAY_SECONDS,
    "30 hours": 30 * HOUR,
} | {
    "2 days": 2 * DAY_SECONDS,
    "4 days": 4 * DAY_SECONDS,
    "5 weeks": 35 * DAY_SECONDS,
    "13 weeks": 91 * DAY_SECONDS,
}
times = st.sampled_from(["to the last second", "to midnight", *TIMES])
requests = st.sampled_from(["run", "run", "run", *REQUESTS])
breaks = st.tuples(
    st.sampled_from(["request", "answer", "file", "file"]), st.integers(1, 12) | st.integers(1, 60)
)


_WORKERS = ("account", "fetch ", "save ")
"""How the names of threads begin that the death of a process would end."""


class Interrupted(BaseException):
    """Stands in for the death of the process."""


@contextmanager
def interrupted(what: str, number: int) -> Iterator[None]:
    """Interrupt before the nth request, after the nth response, or before the nth file is put in place (from 1).

    From then on no worker sends a request or touches a file, until the last of them has ended.
    """
    dead, numbered = threading.Event(), count(1)
    fetch, replace, unlink = RecordingsApi.fetch, os.replace, os.unlink

    def live_or_die(moment: str) -> None:
        if dead.is_set() or (moment == what and next(numbered) >= number):
            dead.set()
            raise Interrupted

    def fetched(api: RecordingsApi, url: str, *listed: Any) -> Any:
        live_or_die("request")
        page = fetch(api, url, *listed)
        live_or_die("answer")
        return page

    def replaced(*paths: Any, **where: Any) -> None:
        live_or_die("file")
        replace(*paths, **where)

    def unlinked(*paths: Any, **where: Any) -> None:
        live_or_die("removal")
        unlink(*paths, **where)

    with (
        patch.object(RecordingsApi, "fetch", fetched),
        patch("os.replace", replaced),
        patch("os.unlink", unlinked),
    ):
        try:
            yield
        finally:
            while working := [each for each in threading.enumerate() if each.name.startswith(_WORKERS)]:
                for thread in working:  # one of them may start another, which cannot be joined before it runs
                    with suppress(RuntimeError):
                        thread.join()


def first_recordings() -> list[Recording]:
    """Return recordings of the busy account, enough for its windows to be split. The one on FIRST never changes.

    Two days have so many that unsettled ones can be asked for by themselves.
    """
    recordings = []
    for sequence in range(40):
        day = FIRST + timedelta(sequence * 74 // 39)
        second = (12 * HOUR, 0, DAY_SECONDS - 1, 9 * HOUR)[sequence % 4]
        facts: dict[str, Any] = {}
        if sequence % 5 == 3:
            facts = {"price": None, "currency": None}
        elif sequence % 7 == 5:
            facts = {"status": "in-progress", "duration_seconds": None}
        recordings.append(made(BUSY, sequence, min(epoch_of(day, second), BEGINNING), **facts))
    for sequence in range(40, 64):
        facts = {"price": None, "currency": None} if sequence % 10 == 5 else {}
        day = FIRST + timedelta(BUSY_DAYS[sequence % 2])
        recordings.append(made(BUSY, sequence, epoch_of(day, sequence * 1000), **facts))
    return recordings


class LivingMachine(RuleBasedStateMachine):
    """The state machine. Each rule is something that can happen."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.data_dir = Path(self.stack.enter_context(TemporaryDirectory()))
        self.stack.enter_context(in_haste(PAGE_SIZE))
        self.source = open_living(first_recordings(), accounts=[NEW], now=BEGINNING)
        self.ledger = self.source.ledger
        self.model = Model(self.ledger, PAGE_SIZE)
        names = {sid: sid for sid in (BUSY, NEW)}
        self.context = replace(
            context_by(
                clock_of(self.ledger),
                [],
                self.data_dir,
                concurrency=4,
                audit_requests=0,
                # The model reads unsettled days in each run. When a day is due otherwise is tested by itself.
                settle_each_run_days=SETTLE_DAYS,
            ),
            names=names,
        )
        self.dialect: tuple[str, ...] = ()
        self.knows_first_days = False
        self.shown: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        self.stack.close()

    @initialize(date_filter=st.sampled_from(FILTERS), date_form=st.sampled_from(FORMS))
    def begin(self, date_filter: str, date_form: tuple[str, ...]) -> None:
        self.dialect = (date_filter, *date_form)

    @rule(
        events=events(),
        passes=times,
        request=requests,
        is_whole=st.sampled_from([False, False, False, True]),
        faults=st.sets(st.sampled_from(FAULTS), max_size=3),
        seed=st.integers(0, 99),
        breaks=st.none() | st.none() | breaks,
    )
    def live_and_run(
        self,
        events: Sequence[Event],
        passes: str,
        request: str,
        is_whole: bool,
        faults: set[str],
        seed: int,
        breaks: tuple[str, int] | None,
    ) -> None:
        """Apply events, let time pass, and run; the run may be interrupted."""
        for event in events:
            self._happens(event)
            self.model.changed()
        midnight = epoch_of(self.model.today + timedelta(days=1))
        then = {"to the last second": midnight - 1, "to midnight": midnight}
        later = self.ledger.now + TIMES[passes] if passes in TIMES else then[passes]
        self.ledger.advance_to(max(later, self.ledger.now))
        try:
            with interrupted(*breaks) if breaks else nullcontext():
                since = self._perform(REQUESTS[request], is_whole, faults, seed)
        except Interrupted:
            self.model.interrupted(REQUESTS[request])
        else:
            self._compare(REQUESTS[request], is_whole)
            self._compare_since(since)

    @precondition(lambda self: self.model.rows and not self.model.is_hazy)
    @rule()
    def rebuild(self) -> None:
        perform(self.context, RunRequest("normalize", rebuild=True))
        assert self._lake_rows() == self.model.rows

    def _happens(self, event: Event) -> None:
        late = min(epoch_of(FIRST + timedelta(event.day), event.second), self.ledger.now)
        unpriced: dict[str, Any] = {"price": None, "currency": None}
        priced: dict[str, Any] = {"price": Decimal(event.price), "currency": "USD"}
        match event.kind:
            case "made":
                account_sid = (BUSY, NEW)[event.which % 2]
                self._insert(account_sid, self.ledger.now, {} if event.is_settled else unpriced)
            case "late":
                unsettled = {} if event.is_settled else {"status": "processing"}
                self._insert(BUSY, late, unsettled)
            case "priced":
                self._change(event, lambda recording: recording.price is None, **priced)
            case "corrected":
                self._change(event, lambda recording: recording.price is not None, **priced)
            case "taken back":
                nothing = unpriced if event.is_settled else {"price": None}
                self._change(event, lambda recording: recording.price is not None, **nothing)
            case "status":
                status = ("completed", "absent", "processing", "failed")[event.day % 4]
                is_any, before = event.is_settled, ("in-progress", "processing")
                self._change(
                    event, lambda r: is_any or r.status in before, status=status, duration_seconds=77
                )
            case "deleted":
                for recording in self._chosen(event, self._listed()):
                    self.ledger.delete(recording.sid)
            case "back":
                gone = [each.recording for each in self.ledger.recordings() if each.deleted_at is not None]
                for recording in self._chosen(event, gone):
                    self.ledger.restore(recording.sid)
            case "moved":
                if not self.model.is_hazy:
                    price = {} if event.is_settled else priced
                    self._change(event, lambda r: r.account_sid != NEW, created_at=late, **price)

    def _listed(self) -> list[Recording]:
        """Return what is listed and may change; of the new account only what was seen, so that it is new only once."""
        listed = [each.recording for sid in (BUSY, NEW) for each in self.ledger.listed(sid)]
        return [
            recording
            for recording in listed
            if recording.created_at != epoch_of(FIRST, 12 * HOUR)
            if recording.account_sid != NEW or recording.sid in self.model.rows
        ]

    def _chosen(self, event: Event, recordings: Sequence[Recording]) -> Sequence[Recording]:
        """Return one of them, if there is any."""
        place = event.which % len(recordings) if recordings else 0
        return recordings[place : place + 1]

    def _insert(self, account_sid: str, moment: int, facts: Mapping[str, Any]) -> None:
        self.ledger.insert(made(account_sid, self.ledger.next_sequence(account_sid), moment, **facts))

    def _change(self, event: Event, fits: Callable[[Recording], bool], **facts: Any) -> None:
        for recording in self._chosen(event, list(filter(fits, self._listed()))):
            self.ledger.change(recording.sid, keep_updated_at=event.keeps_update_date, **facts)

    def _perform(self, request: RunRequest, is_whole: bool, faults: Set[str], seed: int) -> Changes | None:
        if not self.knows_first_days:
            faults -= {"empty-page-with-next"}  # with this fault, the first day is not found or is wrong
        parts = (
            [request]
            if is_whole
            else [replace(request, command="ingest"), replace(request, command="normalize")]
        )
        with serve(self.source, faults=sorted(faults), dialect=self.dialect, seed=seed) as emulator:
            for part in parts:
                summary = perform(replace(self.context, accounts=accesses_of(emulator)), part)
                assert (summary.exit_code, summary.failed) == (0, {})
        return summary.since

    def _compare(self, request: RunRequest, is_whole: bool) -> None:
        self.knows_first_days |= request.first is None
        found = self._warehouse_rows() if is_whole else self._lake_rows()
        self.model.ended(request, found)
        assert found == self.model.rows
        if not request.last:
            for account in coverage(self.data_dir, [BUSY, NEW]):
                # Until the API was asked for the first day, the rest of its month counts as not read.
                assert [day for day in account.holes if day >= FIRST] == []
                assert account.holes == [] or not self.knows_first_days
                assert account.covered[-1].day == self.model.today
                assert account.account_sid == NEW or account.covered[0].day <= FIRST
        if is_whole:
            assert warehouse_cells(self.data_dir) == cells_of(row.fact for row in found.values())
            assert (
                rows_of(self.data_dir, f"from ops.coverage where not is_covered and day >= '{FIRST}'") == []
                or request.last
            )

    def _compare_since(self, since: Changes | None) -> None:
        """Check that the changes a run reports since the previous run match the rows then and now."""
        if since is None:
            return
        now = {
            row["recording_sid"]: row for row in rows_of(self.data_dir, "select * from marts.fct_recordings")
        }
        both = [(before, now[sid]) for sid, before in self.shown.items()]
        assert since.new == len(now) - len(self.shown)
        assert since.changed == sum(before["raw_page"] != after["raw_page"] for before, after in both)
        gone = [(before["deleted_at"], after["deleted_at"]) for before, after in both]
        gone += [(None, row["deleted_at"]) for sid, row in now.items() if sid not in self.shown]
        assert since.deleted == sum(after is not None and before != after for before, after in gone)
        assert since.returned == sum(before is not None and before != after for before, after in gone)
        costs: Counter[str] = Counter()
        for rows, sign in ((self.shown, -1), (now, 1)):
            for row in rows.values():
                costs[row["currency"]] += sign * (row["cost"] or 0)
        assert since.cost.keys() <= costs.keys()
        assert all(since.cost.get(currency, 0) == change for currency, change in costs.items())
        self.shown = now

    def _lake_rows(self) -> dict[str, Row]:
        lake = Lake(self.data_dir)
        tables = [lake.read(sid, month) for sid in lake.accounts() for month in lake.months(sid)]
        rows = [row for table in tables for row in table.to_pylist()]
        corrections = [row for sid in lake.accounts() for row in lake.corrections(sid).to_pylist()]
        assert len({row["recording_sid"] for row in rows}) == len(rows)
        for row in corrections:
            row |= {f"cost_{when}": size_of(row[f"price_{when}"]) for when in ("before", "after")}
        return rows_from([row | {"cost": size_of(row["price"])} for row in rows], corrections)

    def _warehouse_rows(self) -> dict[str, Row]:
        return rows_from(
            rows_of(self.data_dir, "select * from marts.fct_recordings"),
            rows_of(self.data_dir, "select * from ops.corrections"),
        )


def size_of(price: Decimal | None) -> Decimal | None:
    return None if price is None else abs(price)


def rows_from(recordings: Sequence[dict[str, Any]], corrections: Sequence[dict[str, Any]]) -> dict[str, Row]:
    """Return the rows of the tables by recording, with its corrections in the order they were seen."""

    def second(row: dict[str, Any], name: str) -> int:
        return int(row[name].timestamp())

    changes: dict[str, list[Change]] = {}
    for row in sorted(corrections, key=lambda row: (row["recording_sid"], row["seen_at"])):
        names = ("cost_before", "currency_before", "cost_after", "currency_after")
        change = Change(second(row, "seen_at"), *(row[name] for name in names))
        changes.setdefault(row["recording_sid"], []).append(change)
    assert changes.keys() <= {row["recording_sid"] for row in recordings}
    return {
        row["recording_sid"]: Row(
            Fact(
                **{name: row[name] for name in Fact._fields if name != "is_deleted"},
                is_deleted=row["deleted_at"] is not None,
            ),
            second(row, "first_seen_at"),
            second(row, "first_priced_at") if row["first_priced_at"] else None,
            tuple(changes.get(row["recording_sid"], ())),
        )
        for row in recordings
    }


def cells_of(facts: Iterator[Fact]) -> dict[Cell, Figures]:
    """Return the cells of the daily cube, without the days."""
    groups: dict[Cell, list[Fact]] = {}
    for fact in facts:
        groups.setdefault((fact.account_sid, fact.source, fact.channels, fact.currency), []).append(fact)
    return {
        cell: (
            len(group),
            sum(map(is_awaiting_price, group)),
            sum(fact.duration_seconds or 0 for fact in group),
            sum((fact.cost for fact in group if fact.cost is not None), Decimal(0))
            if any(fact.cost is not None for fact in group)
            else None,
        )
        for cell, group in groups.items()
    }


SLOWLY = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.fixture(autouse=True)
def only_planned_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the planned days only: the model does not know which quiet days are read along with them."""
    monkeypatch.setattr("transforms.ingest.blocks._SMALL", -1)


def test_tables_match_the_model_whatever_happens() -> None:
    few = settings(max_examples=1, stateful_step_count=14, derandomize=True, suppress_health_check=SLOWLY)
    run_state_machine_as_test(LivingMachine, settings=few)


@pytest.mark.slow
def test_tables_match_the_model_over_many_examples() -> None:
    many = settings(max_examples=15, stateful_step_count=20, suppress_health_check=SLOWLY)
    run_state_machine_as_test(LivingMachine, settings=many)
