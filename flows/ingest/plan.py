"""Which days of an account to read now, and how to ask for them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.ingest.dialects import Dialects
from flows.ingest.known_days import asked_now, covered_now
from flows.ingest.workers import Workers
from flows.stage import Clock
from flows.stores.api.access import AccountAccess
from flows.stores.api.retries import RetryPolicy
from flows.stores.folder.account_state import AccountStates
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import DamagedLakeError
from transforms.ingest.blocks import windows_to_fetch
from transforms.ingest.day_counts import DayCount
from transforms.ingest.dialect import Dialect
from transforms.ingest.plan import Reason, expected_pages, plan_days, waiting_days, windows_of
from transforms.ingest.request import IngestRequest
from transforms.ingest.singles import are_all, can_be_asked_for
from transforms.values.windows import CoveredDay, Window, days_of, find_first_day, first_day_of_young

PLAN_SCHEMA = pa.schema(
    [
        ("account", pa.string()),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        ("reason", pa.string()),
        ("recordings", pa.int64()),
        ("requests", pa.int64()),
        ("read_on", pa.date32()),
    ]
)


@dataclass(frozen=True, slots=True)
class Plan:
    """The days to read now, each with the reason.

    days: the range that is asked for. waits: finds out the unsettled days that wait, each with the day they are read
    on; only a person asks for it. covered, counts: the days read so far, and how many recordings they have. singles:
    the recordings to ask for by themselves, of the days with few unsettled ones. All days are UTC.
    """

    reads: Mapping[date, Reason]
    days: Window
    waits: Callable[[], Mapping[date, date]] = dict
    covered: Mapping[date, CoveredDay] = field(default_factory=dict)
    counts: Mapping[date, DayCount] = field(default_factory=dict)
    singles: Mapping[date, Sequence[str]] = field(default_factory=dict)

    def windows(self, today: date, without: Collection[date] = ()) -> list[Window]:
        """Return the windows to read now, without some days."""
        reads = {
            day: reason
            for day, reason in self.reads.items()
            if day not in self.singles and day not in without
        }
        recordings = {day: count.recordings for day, count in self.counts.items()}
        return windows_to_fetch(reads, self.days, today, self.covered, recordings)

    def asked_for(
        self, windows: Iterable[Window], without: Collection[date] = ()
    ) -> dict[date, Sequence[str]]:
        """Return the recordings to ask for by themselves, without some days, and without those that windows have."""
        read = {day for window in windows for day in days_of(window)}.union(without)
        return {day: sids for day, sids in self.singles.items() if day not in read}

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

    The estimate is based on the recordings known so far. recordings: how many are asked for by themselves; null where
    the days are read. Unsettled days that wait are at the end. Raises ApiError when the account's first day is not
    known yet and the API cannot be asked for it.
    """
    raw, today = RawPages(data_dir), clock().date()
    with Workers(access, raw, retry_policy, request.concurrency, clock, request.limits) as workers:
        dialect = dialects.find(workers, data_dir, today)
        note_deleted_are_asked_for(workers, data_dir, clock())
        plan = plan_account(workers, dialect, data_dir, request, today)
    rows = _read_now(plan, today)
    waits = plan.waits()
    for later in sorted(set(waits.values())):
        rows += _read_later(plan, [day for day, due in waits.items() if due == later], later)
    return pa.Table.from_pylist([{"account": access.name, **row} for row in rows], PLAN_SCHEMA)


def _read_now(plan: Plan, today: date) -> list[dict[str, Any]]:
    windows = plan.windows(today)
    asked_for = {day: len(sids) for day, sids in plan.asked_for(windows).items()}
    rows = [_row(plan, window, plan.reason(window), today) for window in windows]
    rows += [_row(plan, window, "few unsettled", today, asked_for) for window in windows_of(asked_for)]
    return sorted(rows, key=itemgetter("first_day"))


def _read_later(plan: Plan, days: Sequence[date], later: date) -> list[dict[str, Any]]:
    counts = {day: plan.counts[day] for day in days}
    few = {day: count.unsettled for day, count in counts.items() if can_be_asked_for(count)}
    whole = windows_of(day for day in days if day not in few)
    rows = [_row(plan, window, "unsettled", later) for window in whole]
    rows += [_row(plan, window, "few unsettled", later, few) for window in windows_of(few)]
    return sorted(rows, key=itemgetter("first_day"))


def _row(
    plan: Plan, window: Window, reason: Reason, read_on: date, asked_for: Mapping[date, int] | None = None
) -> dict[str, Any]:
    """Return a row of the plan (PLAN_SCHEMA), without the account. asked_for: how many recordings, by day."""
    # A day that was read and has no recordings is unlikely to have any now.
    known = {**dict.fromkeys(plan.covered, DayCount(0, 0)), **plan.counts}
    recordings = None if asked_for is None else sum(asked_for[day] for day in days_of(window))
    return {
        "first_day": window.first,
        "last_day": window.last,
        "reason": reason,
        "recordings": recordings,
        "requests": recordings or expected_pages(window, known),
        "read_on": read_on,
    }


def plan_account(
    workers: Workers, dialect: Dialect, data_dir: Path, request: IngestRequest, today: date
) -> Plan:
    """Return which days to read now, and which later. May ask the API for the account's first day, once."""
    sid = workers.account_sid
    covered = covered_now(data_dir, sid)
    first = request.first or _first_day(workers, dialect, data_dir, covered, today)
    # Days in the future have no recordings yet, and must not count as read.
    days = Window(first, min(request.last or today, today))
    lake = Lake(data_dir)
    counts = lake.count_by_day(sid, today)
    if request.again:
        return Plan(dict.fromkeys(days_of(days), "asked again"), days, covered=covered, counts=counts)
    since = today - timedelta(days=request.rules.settle_days)
    unsettled = [day for day, count in counts.items() if count.unsettled and day >= since]
    deleted_since = AccountStates(data_dir).read(sid).deleted_since
    # Who names the last day wants these days, and no others.
    audit_requests = request.rules.audit_requests if request.last is None else 0
    kept = {day: count.kept for day, count in counts.items()} if audit_requests else {}
    few = [day for day in unsettled if can_be_asked_for(counts[day])]
    asked = asked_now(data_dir, sid)
    reads = plan_days(days, today, covered, unsettled, request.rules, deleted_since, kept, few, asked)
    waits = partial(waiting_days, days, today, covered, unsettled, reads, request.rules, asked)
    singles = {day: _unsettled(lake, sid, day, today) for day, why in reads.items() if why == "few unsettled"}
    singles = {day: sids for day, sids in singles.items() if are_all(sids, counts[day])}
    reads = {
        day: "unsettled" if reason == "few unsettled" and day not in singles else reason
        for day, reason in reads.items()
    }
    return Plan(reads, days, waits, covered, counts, singles)


def _unsettled(lake: Lake, account_sid: str, day: date, today: date) -> Sequence[str]:
    """Return the unsettled recordings of a day; none if the lake is damaged, so that the day is read."""
    try:
        return lake.unsettled(account_sid, day, today)
    except DamagedLakeError:
        return []


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
    """Return the first day to read: of a young account by the day it was created.

    That day may be from a settings file, and wrong. So on another day the API is asked once whether anything is older;
    a first run of many accounts does not wait for that.
    """
    states, sid = AccountStates(data_dir), workers.account_sid
    state = states.read(sid)
    first = state.first_day
    if first is None and (believed := first_day_of_young(workers.created_on, today)):
        first = believed
        states.change(sid, first_day=first, believed_on=today)
    elif first is None or (state.believed_on is not None and state.believed_on < today):
        with workers.api() as api:
            exists_before = partial(api.exists_before, dialect=dialect)
            if first is None or exists_before(first):
                # An account without recordings is read from today on, so that today counts as covered.
                first = find_first_day(exists_before, today) or today
        states.change(sid, first_day=first, believed_on=None)
    return min([first, *covered])
