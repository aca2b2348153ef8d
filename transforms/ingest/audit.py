"""Which old days to fetch again, to find out what was deleted: the most recordings per request, the longest unverified.

Where a deleted recording is no longer listed (SignalWire), a deletion shows only when its day is fetched again. An
account may have many more days than a run can fetch, so each run fetches a few pages of them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from transforms.values.windows import CoveredDay, Window, days_of

ROWS_PER_PAGE = 1000
"""The largest page both vendors allow (documented)."""

_DAY = timedelta(days=1)
MOST_PAGES = 8
"""Up to how many pages a window is fetched again as a whole, as it was fetched before."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Neighbouring days that are fetched together."""

    days: Sequence[date]
    kept: int
    requests: int
    age: int

    @property
    def gain(self) -> float:
        """What fetching it is worth.

        Recordings are deleted all the time, so what is unknown grows with the number of recordings and with their age
        since the last fetch. Choosing by the square of the age makes the least of it: then each block is fetched in an
        interval that is proportional to the square root of its requests per recording, and none is left out for ever.
        """
        return self.kept * self.age**2 / self.requests


def days_to_audit(
    days: Window,
    today: date,
    covered: Mapping[date, CoveredDay],
    kept: Mapping[date, int],
    planned: Collection[date],
    requests: int,
) -> list[date]:
    """Choose days to fetch again, with at most about so many requests, or those that one day takes if it takes more.

    Args:
        days: The range of days to choose from, UTC.
        today: The current day, UTC; a day that was fetched today is not chosen.
        covered: The days fetched so far.
        kept: How many recordings of each day are not known to be deleted, of the days that may be chosen.
        planned: Days that are fetched anyway.
        requests: How many requests there are.
    """
    due = {
        day: number
        for day, number in kept.items()
        if number
        and days.first <= day <= days.last
        and day not in planned
        and _is_due(covered.get(day), today)
    }
    chosen: list[date] = []
    left = requests
    for block in sorted(_blocks(due, covered, kept, today), key=lambda each: (-each.gain, each.days[0])):
        # The best one in any case: a day of more pages than there are requests would never be fetched otherwise.
        if requests and (not chosen or block.requests <= left):
            chosen += block.days
            left -= block.requests
    return sorted(chosen)


def days_over(
    covered: Mapping[date, CoveredDay], recordings: Mapping[date, int], today: date
) -> dict[date, int]:
    """Return how many recordings each day (UTC) has that was fetched and is over; 0 where none is known."""
    return {day: recordings.get(day, 0) for day in covered if day < today}


class AuditWindows:
    """The windows in which old days are fetched again: their bounds stay, so that their pages may be known.

    known: as returned by `days_over`. today: the current day, UTC.
    """

    def __init__(self, known: Mapping[date, int], today: date) -> None:
        self._known = known
        self._today = today
        self._blocks = Blocks(known, ROWS_PER_PAGE)
        self._fits: dict[Window, bool] = {}

    def of(self, day: date, last: Window) -> Window:
        """Return the block around a day that fits on a page, or the window of its last fetch if that is wider."""
        block = self._blocks.around(day)
        is_wider = last.first <= block.first and block.last <= last.last < self._today
        return last if is_wider and self._fits_few_pages(last) else block

    def _fits_few_pages(self, window: Window) -> bool:
        if window not in self._fits:
            rows = sum(self._known.get(each, 0) for each in days_of(window))
            self._fits[window] = rows <= MOST_PAGES * ROWS_PER_PAGE
        return self._fits[window]


class Blocks:
    """Blocks of 1, 2, 4 … days of a month, the largest ones that are all known and have few recordings.

    known: how many recordings days have. most_rows: how many a block of several days may have.
    """

    def __init__(self, known: Mapping[date, int], most_rows: int) -> None:
        self._known = known
        self._most_rows = most_rows
        self._found: dict[date, Window] = {}

    def around(self, day: date) -> Window:
        """Return the block of a day. It is that of all of its days, so it is worked out once for them."""
        if day not in self._found:
            block = self._largest(day)
            self._found |= dict.fromkeys(days_of(block), block)
        return self._found[day]

    def _largest(self, day: date) -> Window:
        known, block = self._known, Window(day, day)
        for wider in _blocks_around(day):
            days = days_of(wider)
            if any(each not in known for each in days) or sum(known[each] for each in days) > self._most_rows:
                break
            block = wider
        return block


def _blocks_around(day: date) -> Iterator[Window]:
    month = day.replace(day=1)
    last = (month + 31 * _DAY).replace(day=1) - _DAY
    for size in (2, 4, 8, 16, 32):
        first = month + (day.day - 1) // size * size * _DAY
        yield Window(first, min(first + (size - 1) * _DAY, last))


def _blocks(
    due: Mapping[date, int], covered: Mapping[date, CoveredDay], kept: Mapping[date, int], today: date
) -> Iterator[_Block]:
    """Group days by the windows in which they are fetched. Of one with too many pages, each day is a block."""
    windows: dict[Window, list[date]] = {}
    of_audit = AuditWindows(days_over(covered, kept, today), today)
    for day in sorted(due):
        windows.setdefault(of_audit.of(day, covered[day].window), []).append(day)
    for window, days in windows.items():
        whole = _block(days, due, covered, sum(kept.get(day, 0) for day in days_of(window)), today)
        if whole.requests <= MOST_PAGES:
            yield whole
        else:
            yield from (_block([day], due, covered, kept[day], today) for day in days)


def _block(
    days: Sequence[date], due: Mapping[date, int], covered: Mapping[date, CoveredDay], rows: int, today: date
) -> _Block:
    return _Block(
        days,
        sum(due[day] for day in days),
        max(1, ceil(rows / ROWS_PER_PAGE)),
        max(_age(covered[day], today) for day in days),
    )


def _is_due(day: CoveredDay | None, today: date) -> bool:
    return day is not None and day.was_over and _age(day, today) > 0


def _age(day: CoveredDay, today: date) -> int:
    return (today - day.fetched_at.date()).days
