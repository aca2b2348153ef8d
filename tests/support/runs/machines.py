"""Several machines, each with a data folder, that share a bucket and read a ledger that changes."""

import multiprocessing
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from flows.emulator import Emulator, LivingLedger, open_living, serve
from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.stage import Clock
from flows.stores.api.access import AccountAccess
from flows.stores.folder.runs import Runs
from flows.stores.folder.statements import Statements
from tests.support.faults.scene import quick_runs, small_pages
from tests.support.runs.ledger_runs import accesses_of, rows_of
from tests.support.runs.living_runs import (
    ACCOUNTS,
    DAY_SECONDS,
    clock_of,
    context_by,
    epoch_of,
    instant,
    ledger_facts,
    made,
    warehouse_facts,
)
from tests.support.servers.bucket_server import BucketServer, bucket_in_reach

FIRST, TODAY = date(2026, 8, 1), date(2026, 10, 2)
SIDS = ACCOUNTS[:2]
AGAIN = RunRequest(first=FIRST, again=True)
"""Reads every day, so that whatever happened to the ledger is seen."""


_PROCESSES = multiprocessing.get_context("forkserver")


def _run(
    variables: dict[str, str], accounts: Sequence[AccountAccess], data_dir: Path, url: str, begins: datetime
) -> None:
    os.close(2)
    os.open(os.devnull, os.O_WRONLY)
    os.environ.update(variables)
    calls = count()
    with quick_runs(), small_pages():
        context = context_by(
            lambda: begins + timedelta(microseconds=next(calls)),
            accounts,
            data_dir,
            lake_url=url,
            report_page=False,
        )
        perform(context, AGAIN)


@dataclass
class Machines:
    """The machines, by name. url: of the bucket. known: what the tables of all had after each run that ended."""

    root: Path
    server: BucketServer
    emulator: Emulator
    ledger: LivingLedger
    accounts: Sequence[AccountAccess]
    clock: Clock
    url: str
    known: set[tuple[Any, ...]] = field(default_factory=set)

    def folder(self, name: str) -> Path:
        """Return the data folder of a machine."""
        return self.root / name

    def context(self, name: str, **settings: Any) -> RunContext:
        """Return the context of runs of a machine."""
        given = {"lake_url": self.url, "report_page": False, **settings}
        return context_by(self.clock, self.accounts, self.folder(name), **given)

    def run(self, name: str, request: RunRequest = AGAIN, **settings: Any) -> RunSummary:
        """Do a run on a machine."""
        return perform(self.context(name, **settings), request)

    def start(self, name: str) -> BaseProcess:
        """Start such a run in a process of its own."""
        _PROCESSES.set_forkserver_preload(["flows.run.stages", "flows.model.model", __name__])
        begins = instant(self.ledger.now) + timedelta(seconds=0.5)
        given = self.server.variables, self.accounts, self.folder(name), self.url, begins
        process = _PROCESSES.Process(target=_run, args=given)
        process.start()
        return process

    def fresh_bucket(self, name: str) -> "Machines":
        """Return other machines with nothing in their folders, that share a bucket with nothing in it."""
        return replace(self, root=self.root / name, url=f"{self.url}/{name}", known=set())

    def happen(self, chance: random.Random) -> None:
        """Let an hour to a day pass, in which recordings are made, priced, corrected and deleted."""
        self.ledger.advance(chance.randrange(3600, DAY_SECONDS))
        there = [each.recording for sid in SIDS for each in self.ledger.listed(sid)]
        changed = chance.sample(there, 4)
        for each in changed[:3]:
            self.ledger.change(each.sid, price=Decimal(chance.randrange(1, 99)).scaleb(-4), currency="USD")
        self.ledger.delete(changed[3].sid)
        for sid in SIDS:
            self.ledger.insert(made(sid, self.ledger.next_sequence(sid), self.ledger.now, price=None))

    def compare(self, name: str) -> None:
        """Check the tables of a machine against the ledger, and that nothing went that any machine had."""
        folder = self.folder(name)
        assert warehouse_facts(folder) == ledger_facts(self.ledger)
        corrections = rows_of(
            folder, "select recording_sid, seen_at, cost_before, cost_after from ops.corrections"
        )
        statements = Statements(folder)
        known = {
            *(("correction", *row.values()) for row in corrections),
            *(("run", each.run_id) for each in Runs(folder).all() if each.exit_code is not None),
            *(("statement", month, statements.read(month).sha256) for month in statements.months()),
        }
        assert self.known <= known
        self.known = known


@contextmanager
def machines(root: Path) -> Iterator[Machines]:
    """Serve a bucket and a ledger of two accounts for the block, with small pages."""
    recordings = [
        made(sid, number, epoch_of(date(2026, 8, 1 + number), number)) for sid in SIDS for number in range(28)
    ]
    source = open_living(recordings, now=epoch_of(TODAY))
    with (
        bucket_in_reach() as server,
        serve(source) as emulator,
        small_pages(),
    ):
        yield Machines(
            root, server, emulator, source.ledger, accesses_of(emulator), clock_of(source.ledger), server.url
        )
