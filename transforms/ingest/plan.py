"""Which days of an account to read now, and why. Days are creation days, UTC."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import ceil
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from transforms.schema import LAKE_SCHEMA
from transforms.values.windows import CoveredDay, Window, days_of, quarter_windows

Reason = Literal["asked again", "not covered", "look back", "unsettled", "audit"]

_DAY = timedelta(days=1)

FINAL_STATUSES = ("completed", "absent", "failed", "stopped", "deleted")
"""Statuses after which a recording is done; with a price it is *settled* and need not be read again.

`stopped` is final for both vendors; an unknown status is not."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How far a run without dates looks back.

    lookback_days: the newest days are always read again, today being one of them. settle_days: how long a day is read
    again because one of its recordings has no price or is not done. audit_days: how many of the days whose last reading
    is oldest are read again on top, so that deletions and corrections in old months are found.
    """

    lookback_days: int = 3
    settle_days: int = 90
    audit_days: int = 0


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """Which days are asked for (inclusive, UTC; None = from the account's first day, to today), and how.

    again: read every one of them, covered or not. rules: how far a run looks back. usage: read the Usage Records of
    these days as well, of an account that has them. concurrency: how many windows are fetched at once.
    """

    first: date | None = None
    last: date | None = None
    again: bool = False
    rules: Rules = field(default_factory=Rules)
    usage: bool = True
    concurrency: int = 8


def plan_days(
    days: Window, today: date, covered: Mapping[date, CoveredDay], unsettled: Collection[date], rules: Rules
) -> dict[date, Reason]:
    """The days of a range that have to be read, in order, each with the first reason that holds.

    covered: what was read so far. unsettled: days that hold a recording without a price, or one that is not done.
    """
    reasons: dict[date, Reason] = {}
    day = days.first
    while day <= min(days.last, today):
        age = (today - day).days
        if day not in covered or (not covered[day].was_over and day < today):
            reasons[day] = "not covered"
        elif age < rules.lookback_days:
            reasons[day] = "look back"
        elif day in unsettled and age < rules.settle_days:
            reasons[day] = "unsettled"
        day += _DAY
    for day in _oldest_readings(days, covered, reasons)[: rules.audit_days]:
        reasons[day] = "audit"
    return dict(sorted(reasons.items()))


DAY_COUNT_SCHEMA = pa.schema(
    [LAKE_SCHEMA.field(name) for name in ("created_at", "status", "price", "deleted_at")]
)
"""The columns of the lake that tell whether a recording is settled."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many recordings were created on a day, and how many of them are not settled."""

    recordings: int
    unsettled: int


def count_by_day(recordings: pa.Table) -> dict[date, DayCount]:
    """Recordings and unsettled ones by day of creation (UTC). DAY_COUNT_SCHEMA in.

    One that is gone from the API cannot settle any more.
    """
    is_done = pc.is_in(recordings["status"], value_set=pa.array(FINAL_STATUSES))
    is_unsettled = pc.and_(
        pc.or_(pc.is_null(recordings["price"]), pc.invert(is_done)), pc.is_null(recordings["deleted_at"])
    )
    days = recordings["created_at"].cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    counted = (
        pa.table({"day": days, "unsettled": is_unsettled.cast(pa.int64())})
        .group_by("day")
        .aggregate([("unsettled", "count"), ("unsettled", "sum")])
    )
    return {row["day"]: DayCount(row["unsettled_count"], row["unsettled_sum"]) for row in counted.to_pylist()}


def windows_of(days: Iterable[date]) -> list[Window]:
    """Days as windows, oldest first: neighbours together, cut at the ends of calendar quarters.

    So an account of few recordings costs a request for each quarter; where there are many, `split` cuts further.
    """
    runs: list[Window] = []
    for day in sorted(set(days)):
        if runs and runs[-1].last + _DAY == day:
            runs[-1] = Window(runs[-1].first, day)
        else:
            runs.append(Window(day, day))
    return [window for run in runs for window in quarter_windows(run.first, run.last)]


_ROWS_PER_PAGE = 1000


def expected_pages(window: Window, known: Mapping[date, DayCount]) -> int:
    """About how many pages a window takes, at least one: days never read are taken for average ones."""
    average = sum(count.recordings for count in known.values()) / max(len(known), 1)
    rows = sum(known[day].recordings if day in known else average for day in days_of(window))
    return max(1, ceil(rows / _ROWS_PER_PAGE))


_FEW_PAGES = 8
_MOST_PAGES = 50


def split(window: Window, listed: Sequence[datetime], parts: int) -> list[Window]:
    """A window cut into about so many parts, whole days each, when its first page shows that it has many pages.

    listed: creation instants (UTC) of that page, of its first and last row at least; it is not the last page. A walk of
    a few pages is not worth cutting, and one of very many is cut further. An account may have been silent at the end of
    the window, so the density is taken between the newest and the oldest recording of the page. Oldest part first.
    """
    days = days_of(window)
    if len(listed) < 2 or not window.is_wide:
        return [window]
    newest, oldest = max(listed), min(listed)
    span = max(newest - oldest, timedelta(seconds=1))
    pages = ceil((newest - window.created_from) / span)
    if pages <= _FEW_PAGES:
        return [window]
    parts = min(len(days), max(parts, ceil(pages / _MOST_PAGES)), ceil(pages / 2))
    bounds = [round(len(days) * part / parts) for part in range(parts + 1)]
    return [Window(days[low], days[high - 1]) for low, high in pairwise(bounds)]


def _oldest_readings(
    days: Window, covered: Mapping[date, CoveredDay], planned: Collection[date]
) -> list[date]:
    candidates = (day for day in covered if days.first <= day <= days.last and day not in planned)
    return sorted(candidates, key=lambda day: (covered[day].fetched_at, day))
