"""Which creation days to request, and which are covered.

All days are in UTC, and windows include both ends. The API can filter on the creation date only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.dates import INSTANT

_DAY = timedelta(days=1)
_FIRST_STEP = timedelta(days=32)
_BEFORE_EVERYTHING = date(1980, 1, 1)
_YOUNG_QUARTERS = 16

STAMP = "%Y%m%dT%H%M%S.%fZ"
"""How the instant (UTC) at which a fetch began is written in names."""

Quarter = tuple[int, int]
"""Year and number of a calendar quarter, the most that is asked for together."""


@dataclass(frozen=True, slots=True)
class Span:
    """Creation instants from `created_from` to before `created_before`, in UTC."""

    created_from: datetime
    created_before: datetime


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Creation days from `first` to `last`, both included, in UTC."""

    first: date
    last: date

    @property
    def created_from(self) -> datetime:
        """The first instant of the window."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def created_before(self) -> datetime:
        """The first instant after the window."""
        return datetime.combine(self.last + _DAY, time(), UTC)

    @property
    def span(self) -> Span:
        """The instants of the window."""
        return Span(self.created_from, self.created_before)

    def overlaps(self, other: "Window") -> bool:
        """Check whether the two windows share a day."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Fetch:
    """A pagination run over a window of one account: when it began (UTC), and the landing that holds its pages.

    is_whole: it reached the last page. If it did not, its recordings count, but it covers no day, and it does not
    show that other recordings are gone.
    """

    window: Window
    fetched_at: datetime
    landing: str
    is_whole: bool = True


class CoveredDay(NamedTuple):
    """A fetched day: when it was last fetched (UTC), by which landing of which window, and whether it was over then."""

    day: date
    fetched_at: datetime
    landing: str
    was_over: bool
    window: Window


def fetch_name(window: Window, began: datetime) -> str:
    """Return what a fetch is called among those of its account."""
    return f"{window.first}_{window.last}/{began:{STAMP}}"


def read_stamp(stamp: str) -> datetime:
    """Return when a fetch began (UTC), from its name. Raises ValueError if that is not how it is written."""
    return datetime.strptime(stamp, STAMP).replace(tzinfo=UTC)


def is_created_in(created_at: pa.Array | pa.ChunkedArray, window: Window) -> pa.Array | pa.ChunkedArray:
    """Check which of these instants (timestamp[us, UTC]) are in the window; null where the instant is null."""
    return pc.and_(
        pc.greater_equal(created_at, pa.scalar(window.created_from, INSTANT)),
        pc.less(created_at, pa.scalar(window.created_before, INSTANT)),
    )


def days_of(window: Window) -> list[date]:
    """List every day of the window, oldest first; no day if the window ends before it begins."""
    return [*map(date.fromordinal, range(window.first.toordinal(), window.last.toordinal() + 1))]


def consecutive(days: Iterable[date]) -> list[Window]:
    """Group days, in any order, into windows of days that follow each other, oldest first."""
    runs: list[Window] = []
    for day in sorted(set(days)):
        if runs and runs[-1].last + _DAY == day:
            runs[-1] = Window(runs[-1].first, day)
        else:
            runs.append(Window(day, day))
    return runs


def month_windows(first: date, last: date) -> list[Window]:
    """Split the days first to last by calendar month, oldest first; empty if first is after last."""
    return _calendar_windows(first, last, months=1)


def quarter_of(day: date) -> Quarter:
    """Return the calendar quarter of a day."""
    return day.year, (day.month + 2) // 3


def quarter_windows(first: date, last: date) -> list[Window]:
    """Split the days first to last by calendar quarter, oldest first; empty if first is after last."""
    return _calendar_windows(first, last, months=3)


def _calendar_windows(first: date, last: date, months: int) -> list[Window]:
    windows = []
    while first <= last:
        later = first.replace(day=1)
        for _ in range(months - (first.month - 1) % months):
            later = (later + _FIRST_STEP).replace(day=1)
        windows.append(Window(first, min(last, later - _DAY)))
        first = later
    return windows


def first_day_of_young(created_on: date | None, today: date) -> date | None:
    """Return the first day that an account can have recordings on, by the day it was created; None if it is not young.

    Of an older account, fetching its empty quarters would take more requests than finding its first recording. A day
    earlier, because the account may have another time zone.
    """
    if created_on is None or not _BEFORE_EVERYTHING < created_on <= today:
        return None
    first = created_on - _DAY
    return first if len(quarter_windows(first, today)) <= _YOUNG_QUARTERS else None


def find_first_day(exists_before: Callable[[date], bool], today: date) -> date | None:
    """Find the first day an account can have recordings on, or None if it has none, with about twenty calls.

    `exists_before(day)` returns whether there is a recording created before that day (UTC). The answer may be off by
    one day either way (inclusive or exclusive bounds), so the result is at most two days early.
    """
    none_before, some_before = today + 2 * _DAY, today + 2 * _DAY
    if not exists_before(some_before):
        return None
    step = _FIRST_STEP
    while none_before > _BEFORE_EVERYTHING:
        none_before = max(some_before - step, _BEFORE_EVERYTHING)
        if not exists_before(none_before):
            break
        some_before, step = none_before, step * 2
    while some_before - none_before > _DAY:
        middle = none_before + (some_before - none_before) / 2
        if exists_before(middle):
            some_before = middle
        else:
            none_before = middle
    return some_before - 2 * _DAY


def covered_days(fetches: Iterable[Fetch]) -> list[CoveredDay]:
    """List every day that the fetches cover, with its last fetch.

    A day that had not begun when it was fetched is not covered.
    """
    days: dict[date, CoveredDay] = {}
    whole = (fetch for fetch in fetches if fetch.is_whole)
    for fetch in sorted(whole, key=lambda fetch: fetch.fetched_at):
        began, window = fetch.fetched_at.astimezone(UTC).date(), fetch.window
        for day in days_of(Window(window.first, min(window.last, began))):
            days[day] = CoveredDay(day, fetch.fetched_at, fetch.landing, day < began, window)
    return [days[day] for day in sorted(days)]


def holes(covered: Iterable[CoveredDay], first: date, horizon: date) -> list[date]:
    """List the coverage gaps: days from `first` to `horizon` never fetched, or last fetched before they were over.

    The horizon is the newest day that any account was fetched for. That day need not be over.
    """
    fetched = {day.day for day in covered if day.was_over or day.day == horizon}
    return [day for day in days_of(Window(first, horizon)) if day not in fetched]
