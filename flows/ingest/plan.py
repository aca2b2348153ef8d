"""Which days of an account to read now, and how to ask for them."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pyarrow as pa

from flows.ingest.lanes import Lanes
from flows.stage import Clock
from flows.stores.api.access import AccountAccess
from flows.stores.api.retries import RetryPolicy
from flows.stores.folder.account_state import AccountStates
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from transforms.ingest.dialect import Dialect, calibrate
from transforms.ingest.plan import DayCount, IngestRequest, Reason, expected_pages, plan_days, windows_of
from transforms.values.windows import CoveredDay, Window, covered_days, days_of, find_first_day

PLAN_SCHEMA = pa.schema(
    [
        ("account", pa.string()),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        ("reason", pa.string()),
        ("requests", pa.int64()),
    ]
)


def planned_reads(
    access: AccountAccess, data_dir: Path, request: IngestRequest, retry_policy: RetryPolicy, clock: Clock
) -> pa.Table:
    """What ingesting an account would read (PLAN_SCHEMA): days (UTC), why, and about how many requests that takes.

    How many is estimated from the recordings known so far. Raises ApiError when the account cannot be asked for its
    first day.
    """
    raw, today = RawPages(data_dir), clock().date()
    with Lanes(access, raw, retry_policy, request.concurrency, clock) as lanes:
        dialect = find_dialect(lanes, data_dir, today)
        days = plan_account(lanes, dialect, data_dir, request, today)
    # A day that was read and has no recordings will hardly have any now.
    read = covered_days(landing.fetch for landing in raw.complete(access.account_sid))
    known = dict.fromkeys((day.day for day in read), DayCount(0, 0))
    known |= Lake(data_dir).count_by_day(access.account_sid)
    return pa.Table.from_pylist(
        [
            {
                "account": access.name,
                "first_day": window.first,
                "last_day": window.last,
                "reason": reason,
                "requests": expected_pages(window, known),
            }
            for reason in dict.fromkeys(days.values())
            for window in windows_of(day for day in days if days[day] == reason)
        ],
        PLAN_SCHEMA,
    )


def plan_account(
    lanes: Lanes, dialect: Dialect, data_dir: Path, request: IngestRequest, today: date
) -> dict[date, Reason]:
    """The days to read now, each with the reason. May ask the API for the account's first day, once."""
    sid = lanes.account_sid
    covered = {
        day.day: day for day in covered_days(landing.fetch for landing in RawPages(data_dir).complete(sid))
    }
    first = request.first or _first_day(lanes, dialect, data_dir, covered, today)
    # Days that have not begun hold nothing yet, and must not count as read.
    days = Window(first, min(request.last or today, today))
    if request.again:
        return dict.fromkeys(days_of(days), "asked again")
    counts = Lake(data_dir).count_by_day(sid, today - timedelta(days=request.rules.settle_days))
    unsettled = [day for day, count in counts.items() if count.unsettled]
    return plan_days(days, today, covered, unsettled, request.rules)


def find_dialect(lanes: Lanes, data_dir: Path, today: date) -> Dialect:
    """How the account wants to be asked for dates: as it was found out before, or found out now and remembered."""
    states = AccountStates(data_dir)
    state = states.read(lanes.account_sid)
    if state.dialect.filter is not None:
        return state.dialect
    dialect = calibrate(lanes.newest, today)
    states.write(lanes.account_sid, msgspec.structs.replace(state, dialect=dialect))
    return dialect


def _first_day(
    lanes: Lanes, dialect: Dialect, data_dir: Path, covered: Mapping[date, CoveredDay], today: date
) -> date:
    states, sid = AccountStates(data_dir), lanes.account_sid
    state = states.read(sid)
    first = state.first_day
    if first is None:
        with lanes.api() as api:
            found = find_first_day(partial(api.exists_before, dialect=dialect), today)
        # An account without recordings is read from today on, so that it counts as covered.
        first = found or today
        states.write(sid, msgspec.structs.replace(state, first_day=first))
    return min([first, *covered])
