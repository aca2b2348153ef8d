"""Unsettled recordings of a busy day are asked for by themselves: fewer requests, and the same tables."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from flows.emulator import Emulator, LivingLedger, LivingSource, Recording, open_living, serve
from flows.emulator.http.messages import HttpRequest, Response
from flows.ingest.known_days import asked_now, covered_now
from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform, planned
from flows.run.summary import RunSummary
from flows.stores.api.client import RecordingsApi
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import (
    ACCOUNTS,
    DAY_SECONDS,
    Clock,
    clock_of,
    context_by,
    epoch_of,
    in_haste,
    lake_facts,
    ledger_facts,
    made,
    page_requests,
)
from transforms.pages.records import read_records

PAGE_SIZE = 4
SID = ACCOUNTS[0]
FIRST, BUSY, TODAY = date(2026, 9, 20), date(2026, 9, 25), date(2026, 10, 2)
WAITING = (3, 7, 11)
"""The sequences of the recordings without a price, of 17 on the busy day."""
PAGES = 5
INGEST = RunRequest("ingest")
PRICED: Mapping[str, Any] = {"price": Decimal("0.4"), "currency": "USD"}


def sid_of(sequence: int) -> str:
    return made(SID, sequence, 0).sid


def recordings() -> Iterator[Recording]:
    """Yield a recording of each day, and 17 of the busy day, of which three wait for their price."""
    for sequence in range(17):
        facts = {"price": None, "currency": None} if sequence in WAITING else {}
        yield made(SID, sequence, epoch_of(BUSY, 3600 * sequence), **facts)
    for number in range((TODAY - FIRST).days):
        yield made(SID, 100 + number, epoch_of(FIRST + timedelta(days=number), 7200))


@dataclass
class Account:
    """An account of which everything was read at the beginning of TODAY. It is a day later now."""

    data_dir: Path
    ledger: LivingLedger
    emulator: Emulator
    provider: Any
    clock: Clock

    def context(self, **settings: Any) -> RunContext:
        accesses = [replace(each, provider=self.provider) for each in accesses_of(self.emulator)]
        return context_by(
            self.clock,
            accesses,
            self.data_dir,
            **{"audit_requests": 0, "concurrency": 1} | settings,
        )

    def ingest(self, request: RunRequest = INGEST, **settings: Any) -> RunSummary:
        summary = perform(self.context(**settings), request)
        assert summary.exit_code == 0, summary.failed
        return summary

    def normalize(self, *, rebuild: bool = False) -> None:
        perform(self.context(), RunRequest("normalize", rebuild=rebuild))

    def asked(self, ingest: Callable[[], object]) -> tuple[list[str], int]:
        """Return the single recordings that a run asks for, and how many pages."""
        before = len(self.emulator.requests)
        ingest()
        requests = [*self.emulator.requests][before:]
        names = [each.target.partition("/Recordings/")[2] for each in requests]
        singles = [name.partition(".json")[0] for name in names if name]
        return singles, len(page_requests(requests, PAGE_SIZE))

    def run(self, **settings: Any) -> tuple[list[str], int]:
        """Ingest and normalize; return as `asked`."""
        asked = self.asked(lambda: self.ingest(**settings))
        self.normalize()
        return asked

    def assert_right(self) -> None:
        """Check that the tables are what the ledger has, and that the raw pages alone give the same lake."""
        assert lake_facts(self.data_dir) == ledger_facts(self.ledger)
        before = self.tables()
        self.normalize(rebuild=True)
        assert self.tables() == before

    def tables(self) -> list[Any]:
        lake = Lake(self.data_dir)
        names = ("rejects", "corrections", "changes")
        commit = lake.commit(SID)
        assert commit is not None
        rows = [lake.read(SID, month).to_pylist() for month in lake.months(SID)]
        return [rows, [lake.table(SID, name).to_pylist() for name in names], commit.covered, commit.landings]


@contextmanager
def read_once(data_dir: Path, provider: str, answer: Any = None, **served: Any) -> Iterator[Account]:
    """Read an account, and let a day pass. answer: makes another answer of the source's."""
    source = open_living(recordings(), now=epoch_of(TODAY))
    with ExitStack() as stack:
        stack.enter_context(in_haste(PAGE_SIZE))
        changed = replace(source, answer=answer(source)) if answer else source
        emulator = stack.enter_context(serve(changed, **served))
        account = Account(data_dir, source.ledger, emulator, provider, clock_of(source.ledger))
        account.run()
        source.ledger.advance(DAY_SECONDS)
        yield account


@pytest.fixture(params=["signalwire", "twilio"])
def account(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Account]:
    with read_once(tmp_path / "data", request.param) as account:
        yield account


def test_late_prices_take_a_request_each(account: Account) -> None:
    account.ledger.change(sid_of(7), **PRICED)
    assert account.run() == ([sid_of(each) for each in WAITING], 1)
    account.assert_right()
    for other in (3, 11):
        account.ledger.change(sid_of(other), **PRICED)
    account.ledger.advance(DAY_SECONDS)
    assert account.run() == ([sid_of(3), sid_of(11)], 1)
    account.assert_right()
    account.ledger.advance(DAY_SECONDS)
    assert account.run() == ([], 1)  # all are settled


def test_summary_counts_singles_apart_from_pages(account: Account) -> None:
    summary = account.ingest()
    assert (summary.singles, summary.pages) == (3, 1)
    assert summary.requests >= 4


def test_single_is_kept_as_the_bytes_received(account: Account) -> None:
    account.ledger.change(sid_of(7), **PRICED)
    account.run()
    (row,) = [
        row
        for row in Lake(account.data_dir).read(SID, "2026-09").to_pylist()
        if row["recording_sid"] == sid_of(7)
    ]
    page, _ = RawPages(account.data_dir).page(row["raw_page"])  # verified against the digest in the journal
    assert page.body.startswith(b'{"sid"') or b'"recordings"' not in page.body
    assert [record.sid for record in read_records(page.body).records] == [sid_of(7)]


def test_singles_cover_no_day(account: Account) -> None:
    before = covered_now(account.data_dir, SID)[BUSY]
    account.run()
    assert covered_now(account.data_dir, SID)[BUSY] == before
    assert asked_now(account.data_dir, SID)[BUSY] > before.fetched_at


def test_singles_say_nothing_about_other_recordings(account: Account) -> None:
    account.ledger.delete(sid_of(5))
    account.run()
    assert not lake_facts(account.data_dir)[sid_of(5)].is_deleted
    account.ledger.advance(DAY_SECONDS)
    singles, pages = account.run(audit_requests=10)  # the day is still looked through for deletions
    assert (singles, pages > PAGES) == ([], True)
    assert lake_facts(account.data_dir)[sid_of(5)].is_deleted


def test_deleted_single_is_proven_by_its_day(account: Account) -> None:
    account.ledger.delete(sid_of(7))
    asked, pages = account.run()
    if account.provider == "twilio":  # which still has it, with status deleted
        assert (asked, pages) == ([sid_of(each) for each in WAITING], 1)
    else:
        assert (asked, pages) == ([sid_of(3), sid_of(7)], 1 + PAGES)
    assert lake_facts(account.data_dir)[sid_of(7)].is_deleted
    account.normalize(rebuild=True)
    assert lake_facts(account.data_dir)[sid_of(7)].is_deleted


@pytest.mark.parametrize("day", [BUSY + timedelta(days=1), date(2026, 10, 1)])
def test_moved_single_has_both_days_read(account: Account, day: date) -> None:
    account.ledger.change(sid_of(7), created_at=epoch_of(day, 5), **PRICED)
    asked, pages = account.run()
    assert asked == [sid_of(3), sid_of(7)]
    assert pages == 1 + PAGES + 1
    account.assert_right()


def test_repeated_pages_are_applied_after_a_single(account: Account) -> None:
    again = RunRequest("ingest", BUSY, BUSY, again=True)
    account.ingest(again)
    account.normalize()
    account.ledger.advance(DAY_SECONDS)
    account.ledger.change(sid_of(7), keep_updated_at=True, **PRICED)
    account.run()
    assert lake_facts(account.data_dir)[sid_of(7)].cost == Decimal("0.4")
    account.ledger.change(sid_of(7), keep_updated_at=True, price=None, currency=None)
    account.ingest(again)  # the pages are those of the first time
    account.normalize()
    account.assert_right()


def test_singles_wait_as_their_day_would(account: Account) -> None:
    assert account.run()[0] == [sid_of(each) for each in WAITING]
    account.ledger.advance(3600)
    assert account.run() == ([], 1)
    account.ledger.advance(DAY_SECONDS)
    assert len(account.run()[0]) == 3
    account.ledger.advance(14 * DAY_SECONDS)
    assert len(account.run()[0]) == 3
    account.ledger.advance(6 * DAY_SECONDS)
    assert account.run()[0] == []  # weekly now
    account.ledger.advance(DAY_SECONDS)
    assert len(account.run()[0]) == 3


def test_dry_run_counts_singles(account: Account) -> None:
    today = TODAY + timedelta(days=1)

    def rows() -> list[tuple[Any, ...]]:
        table = planned(account.context(), INGEST).to_pylist()
        return [tuple(row.values())[1:] for row in table if row["reason"] != "look back"]

    assert rows() == [(BUSY, BUSY, "few unsettled", 3, 3, today)]
    account.run()
    assert rows() == [(BUSY, BUSY, "few unsettled", 3, 3, today + timedelta(days=1))]


class Killed(BaseException):
    """Stands in for the death of the process."""


@pytest.mark.parametrize("asked_before", [0, 1, 2, 3])
def test_resumed_run_asks_for_no_single_twice(account: Account, asked_before: int) -> None:
    fetch, left = RecordingsApi.fetch, [asked_before]

    def fetched(api: RecordingsApi, url: str, *listed: Any) -> Any:
        if "/Recordings/" in url:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
        return fetch(api, url, *listed)

    def killed() -> None:
        with patch.object(RecordingsApi, "fetch", fetched), pytest.raises(Killed):
            account.ingest()

    def killed_at_the_end() -> None:
        with patch("flows.ingest.single_fetch._OpenSingles.end", side_effect=Killed), pytest.raises(Killed):
            account.ingest()

    before, _ = account.asked(killed if asked_before < 3 else killed_at_the_end)
    account.ledger.change(sid_of(11), **PRICED)
    after, _ = account.run()
    assert before + after == [sid_of(each) for each in WAITING]
    assert RawPages(account.data_dir).unfinished(SID) == []
    account.ledger.advance(3600)
    assert account.run()[0] == []
    if asked_before < 3:
        account.assert_right()


def test_interrupted_singles_are_ended_if_their_day_is_read(account: Account) -> None:
    end = patch("flows.ingest.single_fetch._OpenSingles.end", side_effect=Killed)
    with end, pytest.raises(Killed):
        account.ingest()
    account.ledger.change(sid_of(7), **PRICED)
    account.ingest(RunRequest("ingest", BUSY, BUSY, again=True))
    account.normalize()
    assert RawPages(account.data_dir).unfinished(SID) == []
    account.assert_right()


def instead_of_singles(response: Response) -> Callable[[LivingSource], Callable[[HttpRequest], Response]]:
    def of(source: LivingSource) -> Callable[[HttpRequest], Response]:
        def answer(request: HttpRequest) -> Response:
            is_single = request.route is not None and request.route.resource == "recording"
            return response if is_single else source.answer(request)

        return answer

    return of


@pytest.mark.parametrize(
    "response",
    [
        Response(400, (b'{"code": 20001, "message": "no"}',)),
        Response(404, (b"<html>",)),
        Response(403, (b"{}",)),
        Response(503),
        Response(200, (b"<html>",), content_type="text/html"),
        Response(200, (b'{"recordings": [], "next_page_uri": null}',)),
        Response(200, (b'{"sid": "' + sid_of(5).encode() + b'"}',)),
        Response(200, (b"[]",)),
    ],
    ids=["refused", "gone", "forbidden", "unavailable", "html", "a page", "another", "a list"],
)
def test_any_other_answer_has_the_day_read(tmp_path: Path, response: Response) -> None:
    with read_once(tmp_path / "data", "signalwire", instead_of_singles(response)) as account:
        account.ledger.change(sid_of(7), **PRICED)
        singles, pages = account.run(attempts=2)
        assert (set(singles), pages) == ({sid_of(3)}, 1 + PAGES)
        account.assert_right()


def test_singles_are_right_despite_faults(tmp_path: Path) -> None:
    faults = ["throttle", "throttle-concurrency", "flaky", "bad-records", "duplicates"]
    with read_once(tmp_path / "data", "twilio", faults=faults, seed=3) as account:
        account.ledger.change(sid_of(7), **PRICED)
        singles, _ = account.run()
        assert set(singles) == {sid_of(each) for each in WAITING}
        account.assert_right()


def test_days_of_one_page_are_never_asked_for_singly(tmp_path: Path) -> None:
    with (
        read_once(tmp_path / "data", "signalwire") as account,
        patch("transforms.ingest.singles.ROWS_PER_PAGE", 18),
    ):
        assert account.run()[0] == []
