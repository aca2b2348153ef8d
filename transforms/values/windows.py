"""Which creation days to ask for, and which are covered.

All days are UTC and inclusive. The API can filter on the creation date only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.dates import INSTANT

_DAY = timedelta(days=1)
_FIRST_STEP = timedelta(days=32)
_BEFORE_EVERYTHING = date(1980, 1, 1)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Creation days `first` to `last`, both included, UTC."""

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
    def is_wide(self) -> bool:
        """Whether it has more than a day."""
        return self.first < self.last

    def overlaps(self, other: "Window") -> bool:
        """Whether the two share a day."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Fetch:
    """A walk over a window of one account: when it began, and the landing that holds its pages.

    is_whole: it ended on the last page. Otherwise it shows recordings, but not that others are gone, and covers no day.
    """

    window: Window
    fetched_at: datetime
    landing: str
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class CoveredDay:
    """A day that was read: when last, by which landing, and whether the day was over by then."""

    day: date
    fetched_at: datetime
    landing: str
    was_over: bool


def is_created_in(created_at: pa.Array | pa.ChunkedArray, window: Window) -> pa.Array | pa.ChunkedArray:
    """Which of these instants (timestamp[us, UTC]) lie in the window; null where there is none."""
    return pc.and_(
        pc.greater_equal(created_at, pa.scalar(window.created_from, INSTANT)),
        pc.less(created_at, pa.scalar(window.created_before, INSTANT)),
    )


def days_of(window: Window) -> list[date]:
    """Every day of the window, oldest first; none when it ends before it begins."""
    return [window.first + offset * _DAY for offset in range((window.last - window.first).days + 1)]


def month_windows(first: date, last: date) -> list[Window]:
    """The days first to last cut at the ends of calendar months, oldest first; empty when first is after last."""
    return _calendar_windows(first, last, months=1)


def quarter_windows(first: date, last: date) -> list[Window]:
    """The days first to last cut at the ends of calendar quarters, oldest first; empty when first is after last."""
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


def find_first_day(exists_before: Callable[[date], bool], today: date) -> date | None:
    """The first day an account can have recordings on, or None when it has none: about twenty questions.

    `exists_before(day)` tells whether there is a recording created before that day; the answer may be off by a day
    either way (inclusive or exclusive bounds), so the result is two days early at most.
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


def covered_days(readings: Iterable[Fetch]) -> list[CoveredDay]:
    """Every day the readings cover, with the last reading of each; a day not begun when it was read is not covered."""
    days: dict[date, CoveredDay] = {}
    whole = (reading for reading in readings if reading.is_whole)
    for reading in sorted(whole, key=lambda reading: reading.fetched_at):
        day = reading.window.first
        while day <= min(reading.window.last, reading.fetched_at.date()):
            over = reading.fetched_at >= Window(day, day).created_before
            days[day] = CoveredDay(day, reading.fetched_at, reading.landing, over)
            day += _DAY
    return [days[day] for day in sorted(days)]


def holes(covered: Iterable[CoveredDay], first: date, horizon: date) -> list[date]:
    """Days from `first` to `horizon` that were never read, or last read before they were over.

    The horizon, the newest day that any account was read for, may still be running.
    """
    read = {day.day for day in covered if day.was_over or day.day == horizon}
    return [day for day in days_of(Window(first, horizon)) if day not in read]
