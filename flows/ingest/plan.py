"""Which days of an account to read now, and how to ask for them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa

from flows.ingest.dialects import Dialects
from flows.ingest.known_days import covered_now
from flows.ingest.workers import Workers
from flows.stage import Clock
from flows.stores.api.access import AccountAccess
from flows.stores.api.retries import RetryPolicy
from flows.stores.folder.account_state import AccountStates
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from transforms.ingest.blocks import windows_to_fetch
from transforms.ingest.day_counts import DayCount
from transforms.ingest.dialect import Dialect
from transforms.ingest.plan import Reason, expected_pages, plan_days, waiting_days, windows_of
from transforms.ingest.request import IngestRequest
from transforms.values.windows import CoveredDay, Window, days_of, find_first_day

PLAN_SCHEMA = pa.schema(
    [
        ("account", pa.string()),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        ("reason", pa.string()),
        ("requests", pa.int64()),
        ("read_on", pa.date32()),
    ]
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The days to read now, each with the reason, and the unsettled days that wait, each with the day they are read on.

    days: the range that is asked for. covered, counts: the days read so far, and how many recordings they have. All
    days are UTC.
    """

    reads: Mapping[date, Reason]
    days: Window
    waits: Mapping[date, date] = field(default_factory=dict)
    covered: Mapping[date, CoveredDay] = field(default_factory=dict)
    counts: Mapping[date, DayCount] = field(default_factory=dict)

    def windows(self, today: date, without: Collection[date] = ()) -> list[Window]:
        """Return the windows to read now, without some days."""
        reads = {day: reason for day, reason in self.reads.items() if day not in without}
        recordings = {day: count.recordings for day, count in self.counts.items()}
        return windows_to_fetch(reads, self.days, today, self.covered, recordings)

    @property
    def known(self) -> dict[date, int]:
        """How many recordings each day had when it was read, of the days that were over then."""
        counts = self.counts
        return {
            day: counts[day].recordings if day in counts else 0
            for day, covered in self.covered.items()
            if covered.was_over
        }

    def reason(self, window: Window) -> Reason:
        """Return why a window is read: the reason for the first day that is."""
        return next(self.reads[day] for day in days_of(window) if day in self.reads)


def planned_reads(
    access: AccountAccess,
    data_dir: Path,
    request: IngestRequest,
    retry_policy: RetryPolicy,
    clock: Clock,
    dialects: Dialects,
) -> pa.Table:
    """Return what ingesting an account would read (PLAN_SCHEMA): days (UTC), the reason, and an estimate of requests.

    The estimate is based on the recordings known so far. Unsettled days that are read later are at the end. Raises
    ApiError when the account's first day is not known yet and the API cannot be asked for it.
    """
    raw, today = RawPages(data_dir), clock().date()
    with Workers(access, raw, retry_policy, request.concurrency, clock, request.limits) as workers:
        dialect = dialects.find(workers, data_dir, today)
        note_deleted_are_asked_for(workers, data_dir, clock())
        plan = plan_account(workers, dialect, data_dir, request, today)
    # A day that was read and has no recordings is unlikely to have any now.
    known = {**dict.fromkeys(plan.covered, DayCount(0, 0)), **plan.counts}
    groups = [(window, plan.reason(window), today) for window in plan.windows(today)]
    for later in sorted(set(plan.waits.values())):
        days = [day for day, due in plan.waits.items() if due == later]
        groups += [(window, "unsettled", later) for window in windows_of(days)]
    return pa.Table.from_pylist(
        [
            {
                "account": access.name,
                "first_day": window.first,
                "last_day": window.last,
                "reason": reason,
                "requests": expected_pages(window, known),
                "read_on": read_on,
            }
            for window, reason, read_on in groups
        ],
        PLAN_SCHEMA,
    )


def plan_account(
    workers: Workers, dialect: Dialect, data_dir: Path, request: IngestRequest, today: date
) -> Plan:
    """Return which days to read now, and which later. May ask the API for the account's first day, once."""
    sid = workers.account_sid
    covered = covered_now(data_dir, sid)
    first = request.first or _first_day(workers, dialect, data_dir, covered, today)
    # Days in the future have no recordings yet, and must not count as read.
    days = Window(first, min(request.last or today, today))
    counts = Lake(data_dir).count_by_day(sid, today)
    if request.again:
        return Plan(dict.fromkeys(days_of(days), "asked again"), days, covered=covered, counts=counts)
    since = today - timedelta(days=request.rules.settle_days)
    unsettled = [day for day, count in counts.items() if count.unsettled and day >= since]
    deleted_since = AccountStates(data_dir).read(sid).deleted_since
    # Who names the last day wants these days, and no others.
    audit_requests = request.rules.audit_requests if request.last is None else 0
    kept = {day: count.kept for day, count in counts.items()} if audit_requests else {}
    reads = plan_days(days, today, covered, unsettled, request.rules, deleted_since, kept)
    waits = waiting_days(days, today, covered, unsettled, reads, request.rules)
    return Plan(reads, days, waits, covered, counts)


def note_deleted_are_asked_for(workers: Workers, data_dir: Path, now: datetime) -> None:
    """Record, once, that fetches from now on list deleted recordings too, if the account's API can.

    The account's first day is then found again: it may have had deleted recordings before.
    """
    states = AccountStates(data_dir)
    state = states.read(workers.account_sid)
    if workers.lists_deleted and state.deleted_since is None:
        states.change(workers.account_sid, deleted_since=now, first_day=None)


def _first_day(
    workers: Workers, dialect: Dialect, data_dir: Path, covered: Mapping[date, CoveredDay], today: date
) -> date:
    states, sid = AccountStates(data_dir), workers.account_sid
    first = states.read(sid).first_day
    if first is None:
        with workers.api() as api:
            exists_before = partial(api.exists_before, dialect=dialect)
            found = find_first_day(exists_before, today, api.access.created_on)
        # An account without recordings is read from today on, so that today counts as covered.
        first = found or today
        states.change(sid, first_day=first)
    return min([first, *covered])
