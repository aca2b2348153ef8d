"""Which old days to fetch again, to find out what was deleted: the most recordings per request, the longest unverified.

Where a deleted recording is no longer listed (SignalWire), a deletion shows only when its day is fetched again. An
account may have many more days than a run can fetch, so each run fetches a few pages of them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from transforms.values.windows import CoveredDay, Quarter, Window, days_of, quarter_of

ROWS_PER_PAGE = 1000
"""The largest page both vendors allow (documented)."""

_DAY = timedelta(days=1)
MOST_PAGES = 8
"""Up to how many pages a window is fetched again as a whole, as it was fetched before."""

# Enough to choose from: what is cheap is known only after the days of a quarter were counted.
_CHOICE = 3


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


def quarters_to_count(
    kept: Mapping[Quarter, int], covered: Mapping[date, CoveredDay], today: date, requests: int
) -> list[Quarter]:
    """Choose the quarters whose days are worth counting, so that not all recordings of an account have to be.

    Args:
        kept: How many recordings of each quarter are not known to be deleted.
        covered: The days fetched so far.
        today: The current day, UTC.
        requests: How many requests there are for an audit.
    """
    ages: dict[Quarter, int] = {}
    for day in covered.values():
        quarter = quarter_of(day.day)
        ages[quarter] = max(ages.get(quarter, 0), _age(day, today))
    blocks = {
        quarter: _Block([], number, ceil(number / ROWS_PER_PAGE), ages.get(quarter, 0))
        for quarter, number in kept.items()
        if number and ages.get(quarter)
    }
    chosen: list[Quarter] = []
    left = _CHOICE * requests
    for quarter in sorted(blocks, key=lambda quarter: (-blocks[quarter].gain, quarter)):
        if left <= 0:
            break
        chosen.append(quarter)
        left -= blocks[quarter].requests
    return chosen


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


def audit_window(day: date, last: Window, known: Mapping[date, int], today: date) -> Window:
    """Return the window in which an old day is fetched again: one whose bounds stay, so that its pages may be known.

    That is the block around the day that fits on a page, or the window of its last fetch if that is wider.

    Args:
        day: The day, UTC.
        last: The window of its last fetch.
        known: As returned by `days_over`.
        today: The current day, UTC.
    """
    block = block_around(day, known, ROWS_PER_PAGE)
    is_wider = last.first <= block.first and block.last <= last.last < today
    rows = sum(known.get(each, 0) for each in days_of(last))
    return last if is_wider and rows <= MOST_PAGES * ROWS_PER_PAGE else block


def block_around(day: date, known: Mapping[date, int], most_rows: int) -> Window:
    """Return the largest block around a day: 1, 2, 4 … days of its month, all known, with few recordings."""
    block = Window(day, day)
    for wider in _blocks_around(day):
        days = days_of(wider)
        if any(each not in known for each in days) or sum(known[each] for each in days) > most_rows:
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
    known = days_over(covered, kept, today)
    for day in sorted(due):
        windows.setdefault(audit_window(day, covered[day].window, known, today), []).append(day)
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
