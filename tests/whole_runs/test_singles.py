"""Unsettled recordings of busy days are asked for by themselves: fewer requests, and the same tables."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.emulator import Emulator, LivingLedger, Recording, open_living, serve
from flows.ingest.plan import PLAN_SCHEMA
from flows.run.request import RunRequest
from flows.run.stages import perform, planned
from flows.run.summary import RunSummary
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import (
    ACCOUNTS,
    DAY_SECONDS,
    clock_of,
    context_by,
    epoch_of,
    in_haste,
    lake_facts,
    ledger_facts,
    made,
    page_requests,
)

PAGE_SIZE = 4
SID = ACCOUNTS[0]
FIRST, BUSY, TODAY = date(2026, 9, 20), date(2026, 9, 25), date(2026, 10, 2)
WAITING = 7
"""The sequence of the recording without a price, of 17 on the busy day: five pages."""


def recordings() -> Iterator[Recording]:
    """Yield a recording of each day, and 17 of the busy day, of which one waits for its price."""
    for sequence in range(17):
        facts = {"price": None, "currency": None} if sequence == WAITING else {}
        yield made(SID, sequence, epoch_of(BUSY, 3600 * sequence), **facts)
    for number in range((TODAY - FIRST).days):
        yield made(SID, 100 + number, epoch_of(FIRST + timedelta(days=number), 7200))


@dataclass
class Account:
    """An account whose recordings were all read at the beginning of TODAY."""

    data_dir: Path
    ledger: LivingLedger
    emulator: Emulator
    provider: str

    def run(self, request: RunRequest = RunRequest(), **settings: Any) -> RunSummary:
        """Ingest and normalize."""
        context = self.context(**settings)
        summary = perform(context, replace(request, command="ingest"))
        assert summary.exit_code == 0, summary.failed
        perform(context, RunRequest("normalize"))
        return summary

    def context(self, **settings: Any) -> Any:
        accesses = [replace(each, provider=self.provider) for each in accesses_of(self.emulator)]
        given = {"audit_requests": 0, "usage": False} | settings
        given.pop("usage")
        return context_by(clock_of(self.ledger), accesses, self.data_dir, **given)

    def asked(self, run: Any) -> tuple[list[str], int]:
        """Return the single recordings that a run asked for, and how many pages of which days."""
        before = len(self.emulator.requests)
        run()
        requests = [*self.emulator.requests][before:]
        singles = [each.target.rpartition("/")[2] for each in requests if "/Recordings/" in each.target]
        return [each.partition(".json")[0] for each in singles], len(page_requests(requests, PAGE_SIZE))

    @property
    def waiting(self) -> str:
        """The sid of the recording that waits for its price."""
        return made(SID, WAITING, 0).sid


@pytest.fixture(params=["signalwire", "twilio"])
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def account(tmp_path: Path, provider: str) -> Iterator[Account]:
    source = open_living(recordings(), now=epoch_of(TODAY))
    with ExitStack() as stack:
        stack.enter_context(in_haste(PAGE_SIZE))
        emulator = stack.enter_context(serve(source))
        account = Account(tmp_path / "data", source.ledger, emulator, provider)
        account.run()
        source.ledger.advance(DAY_SECONDS)
        yield account


def test_one_late_price_takes_one_request(account: Account) -> None:
    account.ledger.change(account.waiting, price=Decimal("0.4"), currency="USD")
    singles, pages = account.asked(account.run)
    assert singles == [account.waiting]
    assert lake_facts(account.data_dir) == ledger_facts(account.ledger)
    print(pages)
