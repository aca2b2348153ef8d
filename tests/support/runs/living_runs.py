"""Runs against a ledger that changes: by its clock, with small pages, compared with it recording by recording."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partialmethod
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import parse_qsl, urlsplit

from flows.emulator import SOURCES, LivingLedger, LoggedRequest, Recording
from flows.emulator.faults import transport_faults
from flows.report.report import ReportSummary
from flows.run import stages
from flows.run.request import RunContext, RunRequest
from flows.run.summary import RunSummary
from flows.stores.api.access import AccountAccess
from flows.stores.api.client import RecordingsApi
from flows.stores.api.throttle import Throttle
from flows.stores.lake.lake import Lake
from tests.support.runs.ledger_runs import context_for, rows_of

DAY_SECONDS = 86_400
ACCOUNTS = tuple(f"5a3c0c2e-0000-4000-8000-00000000000{number}" for number in range(4))

Clock = Callable[[], datetime]
WHOLE_RUN = RunRequest()


class Fact(NamedTuple):
    """What the warehouse and the ledger must agree on for a recording. cost: None while unpriced."""

    account_sid: str
    source: str
    channels: int
    status: str
    duration_seconds: int | None
    cost: Decimal | None
    currency: str
    created_at: datetime
    is_deleted: bool


FACTS = """
    select recording_sid, account_sid, source, channels, status, duration_seconds, cost, currency, created_at,
        deleted_at is not null as is_deleted
    from marts.fct_recordings
"""


def fact_of(recording: Recording, *, is_deleted: bool = False) -> Fact:
    """Return a recording of the ledger as the warehouse must have it."""
    return Fact(
        recording.account_sid,
        recording.source,
        recording.channels,
        recording.status,
        recording.duration_seconds,
        recording.price,
        recording.currency or "XXX",
        instant(recording.created_at),
        is_deleted,
    )


def ledger_facts(ledger: LivingLedger) -> dict[str, Fact]:
    """Return every recording made so far, deleted ones in their last state."""
    return {
        recording.sid: fact_of(recording, is_deleted=deleted_at is not None)
        for recording, deleted_at, _ in ledger.recordings()
    }


def warehouse_facts(data_dir: Path) -> dict[str, Fact]:
    """Return every recording of the warehouse."""
    return {row.pop("recording_sid"): Fact(**row) for row in rows_of(data_dir, FACTS)}


def lake_facts(data_dir: Path) -> dict[str, Fact]:
    """Return every recording of the lake, which the warehouse is built from."""
    lake = Lake(data_dir)
    tables = [lake.read(sid, month) for sid in lake.accounts() for month in lake.months(sid)]
    rows = [row for table in tables for row in table.to_pylist()]
    facts = {row["recording_sid"]: lake_fact(row) for row in rows}
    assert len(facts) == len(rows)
    return facts


def lake_fact(row: Mapping[str, Any]) -> Fact:
    """Return a row of the lake as the warehouse must have it."""
    given = {name: row[name] for name in Fact._fields if name in row}
    cost = None if row["price"] is None else abs(row["price"])
    return Fact(**given, cost=cost, is_deleted=row["deleted_at"] is not None)


def made(account_sid: str, sequence: int, created_at: int, **facts: Any) -> Recording:
    """Return a settled recording of half a minute or more. Values not given are derived from its sequence."""
    return Recording(
        **{
            "account_sid": account_sid,
            "sequence": sequence,
            "created_at": created_at,
            "updated_at": created_at,
            "started_at": created_at,
            "ended_at": created_at + 90,
            "call_sid": f"call-{sequence}",
            "conference_sid": None,
            "duration_seconds": 30 + sequence % 50,
            "source": SOURCES[sequence % len(SOURCES)],
            "channels": 1 + sequence % 2,
            "status": "completed",
            "price": Decimal(25 + sequence % 7).scaleb(-4),
            "currency": "USD",
            **facts,
        }
    )


def instant(epoch: int) -> datetime:
    """Convert epoch seconds to an instant, UTC."""
    return datetime.fromtimestamp(epoch, UTC)


def epoch_of(day: date, second: int = 0) -> int:
    """Return a second of a day (UTC) as epoch seconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + second


def clock_of(ledger: LivingLedger) -> Clock:
    """Return the ledger's clock. It advances by a microsecond at each call: too little for a new day."""
    calls = count(1)  # next() on it is atomic: workers call it concurrently
    return lambda: instant(ledger.now) + timedelta(microseconds=next(calls))


def context_by(
    clock: Clock, accounts: Sequence[AccountAccess], data_dir: Path, **settings: Any
) -> RunContext:
    """Return the context of a run by the given clock. Allows many attempts: several faults can hit one request."""
    return replace(context_for(accounts, data_dir, **{"attempts": 20, **settings}), clock=clock)


def run_by(
    clock: Clock,
    accounts: Sequence[AccountAccess],
    data_dir: Path,
    request: RunRequest = WHOLE_RUN,
    **settings: Any,
) -> RunSummary:
    """Do a run by the given clock."""
    return stages.perform(context_by(clock, accounts, data_dir, **settings), request)


def read_by(
    clock: Clock,
    accounts: Sequence[AccountAccess],
    data_dir: Path,
    request: RunRequest = WHOLE_RUN,
    **settings: Any,
) -> RunSummary:
    """Run ingest and normalize only, which is quicker; return the summary of the ingest."""
    context = context_by(clock, accounts, data_dir, **settings)
    summary = stages.perform(context, replace(request, command="ingest"))
    stages.perform(context, replace(request, command="normalize"))
    return summary


@contextmanager
def in_haste(page_size: int) -> Iterator[None]:
    """Use small pages, so that a few recordings fill many pages, short waits, and no reports, for the block."""
    hold = Throttle.hold

    def hold_shortly(throttle: Throttle, seconds: float) -> float:
        return hold(throttle, seconds / 200)

    with ExitStack() as patches:
        pager = partialmethod(RecordingsApi.pager, page_size=page_size)
        patches.enter_context(patch.object(RecordingsApi, "pager", pager))
        patches.enter_context(patch("transforms.ingest.singles.ROWS_PER_PAGE", page_size))
        patches.enter_context(patch.object(Throttle, "hold", hold_shortly))
        patches.enter_context(patch.object(transport_faults, "PAUSE_SECONDS", 0.002))
        patches.enter_context(patch("flows.report.report.report", lambda *_, **__: ReportSummary([], 0)))
        yield


def page_requests(requests: Iterable[LoggedRequest], page_size: int) -> list[LoggedRequest]:
    """The requests for pages of windows; what is asked with a row a page is asked to find out something."""
    return [asked for asked in requests if query_of(asked).get("PageSize") == str(page_size)]


def query_of(asked: LoggedRequest) -> Mapping[str, str]:
    """The parameters of a request."""
    return dict(parse_qsl(urlsplit(asked.target).query))
