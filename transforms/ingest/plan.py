"""Which days of an account to fetch now, and why. Days are creation days, UTC."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime, timedelta
from math import ceil
from types import MappingProxyType
from typing import Literal

from transforms.ingest.audit import ROWS_PER_PAGE, days_to_audit
from transforms.ingest.day_counts import DELETED_LISTED, DayCount
from transforms.ingest.request import Rules
from transforms.ingest.settling import is_due, next_due
from transforms.values.windows import CoveredDay, Window, consecutive, days_of, quarter_windows

Reason = Literal[
    "asked again", "not covered", "look back", "deletions", "unsettled", "few unsettled", "audit"
]
"""Why a day is fetched. Of one with few unsettled recordings only these are, each by itself."""

_DAY = timedelta(days=1)


def plan_days(
    days: Window,
    today: date,
    covered: Mapping[date, CoveredDay],
    unsettled: Collection[date],
    rules: Rules,
    deleted_since: datetime | None = None,
    kept: Mapping[date, int] = MappingProxyType({}),
    few: Collection[date] = (),
    asked: Mapping[date, datetime] = MappingProxyType({}),
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
        few: Days of which the unsettled recordings can be asked for by themselves. They may still be audited.
        asked: When those of a day were last asked for by themselves (UTC).
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
        elif day in unsettled and is_due(day, last_asked(covered[day], asked), today, rules):
            reasons[day] = "few unsettled" if day in few else "unsettled"
        day += _DAY
    for day in _oldest_fetched(days, covered, _whole(reasons))[: rules.audit_days]:
        reasons[day] = "audit"
    for day in days_to_audit(days, today, covered, kept, _whole(reasons), rules.audit_requests):
        reasons[day] = "audit"
    return dict(sorted(reasons.items()))


def waiting_days(
    days: Window,
    today: date,
    covered: Mapping[date, CoveredDay],
    unsettled: Collection[date],
    planned: Collection[date],
    rules: Rules,
    asked: Mapping[date, datetime] = MappingProxyType({}),
) -> dict[date, date]:
    """Return the unsettled days of a range that are not fetched now, each with the day on which it will be."""
    waiting = {
        day: next_due(day, last_asked(covered[day], asked), today, rules)
        for day in sorted(unsettled)
        if day in covered and day not in planned and days.first <= day <= days.last
    }
    return {day: due for day, due in waiting.items() if due is not None}


def last_asked(day: CoveredDay, asked: Mapping[date, datetime]) -> datetime:
    """Return when (UTC) the unsettled recordings of a day were last asked for, with all others or by themselves."""
    return max(day.fetched_at, asked.get(day.day, day.fetched_at))


def _whole(reasons: Mapping[date, Reason]) -> set[date]:
    """Return the days of which everything is fetched."""
    return {day for day, reason in reasons.items() if reason != "few unsettled"}


def _may_lack_deleted(day: CoveredDay, today: date, deleted_since: datetime) -> bool:
    return day.fetched_at < deleted_since and today - day.fetched_at.date() <= DELETED_LISTED


def windows_of(days: Iterable[date]) -> list[Window]:
    """Group days into windows, oldest first: consecutive days together, split by calendar quarter.

    So an account with few recordings takes one request per quarter. One with many is cut further while it is fetched.
    """
    return [window for run in consecutive(days) for window in quarter_windows(run.first, run.last)]


def expected_pages(window: Window, known: Mapping[date, DayCount]) -> int:
    """Estimate how many pages a window has, at least one: days never fetched are assumed to be average."""
    average = sum(count.recordings for count in known.values()) / max(len(known), 1)
    rows = sum(known[day].recordings if day in known else average for day in days_of(window))
    return max(1, ceil(rows / ROWS_PER_PAGE))


def _oldest_fetched(
    days: Window, covered: Mapping[date, CoveredDay], planned: Collection[date]
) -> list[date]:
    candidates = (day for day in covered if days.first <= day <= days.last and day not in planned)
    return sorted(candidates, key=lambda day: (covered[day].fetched_at, day))
