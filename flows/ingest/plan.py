"""Which days of an account to read now, and how to ask for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import msgspec

from flows.ingest.lanes import Lanes
from flows.stores.folder.account_state import AccountStates
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from transforms.ingest.dialect import calibrate
from transforms.ingest.plan import Reason, Rules, plan_days
from transforms.values.windows import CoveredDay, Window, covered_days, days_of, find_first_day


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """Which days are asked for (inclusive, UTC; None = from the account's first day, to today), and how.

    again: read every one of them, covered or not. rules: how far a run looks back. usage: read the Usage Records of
    these days as well, of an account that has them.
    """

    first: date | None = None
    last: date | None = None
    again: bool = False
    rules: Rules = field(default_factory=Rules)
    usage: bool = True


def plan_account(lanes: Lanes, data_dir: Path, asked: IngestRequest, today: date) -> dict[date, Reason]:
    """The days to read now, each with the reason. May ask the API for the account's first day, once."""
    sid = lanes.account_sid
    covered = {
        day.day: day for day in covered_days(landing.fetch for landing in RawPages(data_dir).complete(sid))
    }
    first = asked.first or _first_day(lanes, data_dir, covered, today)
    # Days that have not begun hold nothing yet, and must not count as read.
    days = Window(first, min(asked.last or today, today))
    if asked.again:
        return dict.fromkeys(days_of(days), "asked again")
    counts = Lake(data_dir).count_by_day(sid, today - timedelta(days=asked.rules.settle_days))
    unsettled = [day for day, count in counts.items() if count.unsettled]
    return plan_days(days, today, covered, unsettled, asked.rules)


def find_dialect(lanes: Lanes, data_dir: Path, today: date) -> None:
    """Let the lanes ask for dates as the account wants them: as it was found before, or found now and kept."""
    states = AccountStates(data_dir)
    state = states.read(lanes.account_sid)
    lanes.dialect = state.dialect
    if state.dialect.filter is None:
        lanes.dialect = calibrate(lanes.newest, today)
        states.write(lanes.account_sid, msgspec.structs.replace(state, dialect=lanes.dialect))


def _first_day(lanes: Lanes, data_dir: Path, covered: Mapping[date, CoveredDay], today: date) -> date:
    states, sid = AccountStates(data_dir), lanes.account_sid
    state = states.read(sid)
    first = state.first_day
    if first is None:
        with lanes.api() as api:
            found = find_first_day(partial(api.exists_before, dialect=lanes.dialect), today)
        # An account without recordings is read from today on, so that it counts as covered.
        first = found or today
        states.write(sid, msgspec.structs.replace(state, first_day=first))
    return min([first, *covered])
