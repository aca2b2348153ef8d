"""Which days of an account to fetch now, and why. Days are creation days, UTC."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from math import ceil
from types import MappingProxyType
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from transforms.ingest.audit import ROWS_PER_PAGE, days_to_audit
from transforms.ingest.request import Rules
from transforms.ingest.settling import is_due, next_due
from transforms.schema import DELETED, LAKE_SCHEMA, NO_AUDIO_STATUSES
from transforms.values.dates import INSTANT
from transforms.values.windows import CoveredDay, Window, consecutive, days_of, quarter_windows

Reason = Literal["asked again", "not covered", "look back", "deletions", "unsettled", "audit"]

_DAY = timedelta(days=1)

FINAL_STATUSES = ("completed", "absent", "failed", "stopped", "deleted")
"""Statuses after which a recording is done; with a price it is *settled* and need not be fetched again.

One that is absent or failed is settled without a price, because it never gets one.
`stopped` is final for both vendors; an unknown status is not.
"""


_DELETED_LISTED = timedelta(days=40)
"""How long Twilio lists a deleted recording (documented)."""


def plan_days(
    days: Window,
    today: date,
    covered: Mapping[date, CoveredDay],
    unsettled: Collection[date],
    rules: Rules,
    deleted_since: datetime | None = None,
    kept: Mapping[date, int] = MappingProxyType({}),
) -> dict[date, Reason]:
    """Choose the days of a range to fetch, in order, each with the first reason that applies.

    Args:
        days: The range, UTC.
        today: The current day, UTC; later days are not planned.
        covered: The days fetched so far.
        unsettled: Days with a recording that has no price or is not done.
        rules: How far to look back.
        deleted_since: From when on (UTC) fetches listed deleted recordings too. A day fetched before is fetched once
            more, as long as the API can still list what was deleted by then.
        kept: How many recordings of a day are not known to be deleted, of the days that may be audited.
    """
    reasons: dict[date, Reason] = {}
    day = days.first
    while day <= min(days.last, today):
        age = (today - day).days
        if day not in covered or (not covered[day].was_over and day < today):
            reasons[day] = "not covered"
        elif age < rules.lookback_days:
            reasons[day] = "look back"
        elif deleted_since is not None and _may_lack_deleted(covered[day], today, deleted_since):
            reasons[day] = "deletions"
        elif day in unsettled and is_due(day, covered[day].fetched_at, today, rules):
            reasons[day] = "unsettled"
        day += _DAY
    for day in _oldest_fetched(days, covered, reasons)[: rules.audit_days]:
        reasons[day] = "audit"
    for day in days_to_audit(days, today, covered, kept, reasons, rules.audit_requests):
        reasons.setdefault(day, "audit")
    return dict(sorted(reasons.items()))


def waiting_days(
    days: Window,
    today: date,
    covered: Mapping[date, CoveredDay],
    unsettled: Collection[date],
    planned: Collection[date],
    rules: Rules,
) -> dict[date, date]:
    """Return the unsettled days of a range that are not fetched now, each with the day on which it will be."""
    waiting = {
        day: next_due(day, covered[day].fetched_at, today, rules)
        for day in sorted(unsettled)
        if day in covered and day not in planned and days.first <= day <= days.last
    }
    return {day: due for day, due in waiting.items() if due is not None}


def _may_lack_deleted(day: CoveredDay, today: date, deleted_since: datetime) -> bool:
    return day.fetched_at < deleted_since and today - day.fetched_at.date() <= _DELETED_LISTED


DAY_COUNT_SCHEMA = pa.schema(
    [LAKE_SCHEMA.field(name) for name in ("created_at", "status", "price", "deleted_at")]
)
"""The columns of the lake that determine whether a recording is settled."""


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many recordings were created on a day, and how many of them are not settled, or not known to be deleted."""

    recordings: int
    unsettled: int
    kept: int = 0


def count_by_day(recordings: pa.Table, today: date) -> dict[date, DayCount]:
    """Count recordings (DAY_COUNT_SCHEMA), and the unsettled ones among them, by day of creation (UTC).

    A recording that the API no longer lists can no longer settle, so it does not count as unsettled.
    """
    has_no_audio = pc.is_in(recordings["status"], value_set=pa.array(NO_AUDIO_STATUSES))
    is_unpriced = pc.and_(pc.is_null(recordings["price"]), pc.invert(has_no_audio))
    is_done = pc.is_in(recordings["status"], value_set=pa.array(FINAL_STATUSES))
    last_listed = pa.scalar(Window(today - _DELETED_LISTED, today).created_from, INSTANT)
    is_listed = pc.or_kleene(
        pc.is_null(recordings["deleted_at"]),
        pc.and_(
            pc.equal(recordings["status"], DELETED), pc.greater_equal(recordings["deleted_at"], last_listed)
        ),
    )
    is_unsettled = pc.and_(pc.or_(is_unpriced, pc.invert(is_done)), is_listed)
    days = recordings["created_at"].cast(pa.timestamp("us")).cast(pa.date32(), safe=False)
    is_kept = pc.is_null(recordings["deleted_at"])
    counted = (
        pa.table({"day": days, "unsettled": is_unsettled.cast(pa.int64()), "kept": is_kept.cast(pa.int64())})
        .group_by("day")
        .aggregate([("unsettled", "count"), ("unsettled", "sum"), ("kept", "sum")])
    )
    return {
        row["day"]: DayCount(row["unsettled_count"], row["unsettled_sum"], row["kept_sum"])
        for row in counted.to_pylist()
    }


def windows_of(days: Iterable[date]) -> list[Window]:
    """Group days into windows, oldest first: consecutive days together, split by calendar quarter.

    So an account with few recordings takes one request per quarter; with many recordings, `split` splits further.
    """
    return [window for run in consecutive(days) for window in quarter_windows(run.first, run.last)]


def expected_pages(window: Window, known: Mapping[date, DayCount]) -> int:
    """Estimate how many pages a window has, at least one: days never fetched are assumed to be average."""
    average = sum(count.recordings for count in known.values()) / max(len(known), 1)
    rows = sum(known[day].recordings if day in known else average for day in days_of(window))
    return max(1, ceil(rows / ROWS_PER_PAGE))


_FEW_PAGES = 8
_MOST_PAGES = 50


def split(window: Window, listed: Sequence[datetime], parts: int) -> list[Window]:
    """Split a window into about `parts` parts of whole days, oldest first, if it has many pages.

    The first page shows how many there are. A window of a few pages is not worth splitting, and one with very many is
    split further. The account may have no recordings at the end of the window, so the density is measured between the
    newest and the oldest recording of the page.

    Args:
        window: The window.
        listed: Creation instants (UTC) on its first page: at least those of the first and the last row. The page must
            not be the window's last.
        parts: How many parts are wanted.
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


def _oldest_fetched(
    days: Window, covered: Mapping[date, CoveredDay], planned: Collection[date]
) -> list[date]:
    candidates = (day for day in covered if days.first <= day <= days.last and day not in planned)
    return sorted(candidates, key=lambda day: (covered[day].fetched_at, day))
