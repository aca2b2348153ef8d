"""How far a list of recordings has been read, and where to cut what is left of it for an idle worker.

Lists are newest first (documented by both vendors): after a page, everything that was created after its last row has
been listed. That is relied on only as long as the list itself does not contradict it.

How many pages are left is known of days that were read before. Other days are taken to be like the latest page.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from types import MappingProxyType

from transforms.ingest.audit import ROWS_PER_PAGE
from transforms.pages.record import read_some
from transforms.pages.recordings import created_instants
from transforms.values.windows import Span, Window, days_of

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
# A part costs a request of its own. It is worth that even if it is only a page that is not full: nobody else waits.
_WORTH_PAGES = 0.5
# A list that seems to be no longer than this after its first page is not worth cutting.
_FEW_PAGES = 8


class ListPosition:
    """How far a list has been read.

    per_page: the time between the first and the last row of its latest page; None if it is not known. newest: when its
    newest row was created (UTC); None before there is one.

    Args:
        asked: The creation instants that the list was asked for.
        like: The position in the list that this one is cut from, or begins again.
        known: How many recordings days (UTC) had when they were read before, if it is not `like` another list.
    """

    def __init__(
        self,
        asked: Span,
        like: "ListPosition | None" = None,
        known: Mapping[date, int] = MappingProxyType({}),
    ) -> None:
        self.per_page: timedelta | None = like.per_page if like else None
        self._is_long: bool = like is not None and like._is_long
        self._asked = asked
        days = days_of(Window(asked.created_from.date(), (asked.created_before - _SECOND).date()))
        of_days = {day: known[day] for day in days if day in known}
        self._known: Mapping[date, int] = like._known if like else of_days
        self.newest: datetime | None = None
        self._reached = asked.created_before
        self._pages = 0
        self._is_ordered = True

    def count(self, ends: Sequence[bytes]) -> None:
        """Count a page. ends: its first and last few rows, as JSON, in order. Rows without a valid date are ignored."""
        self._pages += 1
        instants = created_instants(read_some(ends))
        if not instants:
            return
        self._is_ordered &= instants == sorted(instants, reverse=True)
        self._is_ordered &= self._pages == 1 or instants[0] <= self._reached
        self.newest = max(*instants, self.newest or instants[0])
        self._reached = min(*instants, self._reached)
        if len(instants) > 1:
            self.per_page = max(max(instants) - min(instants), _SECOND)
            reached = max(self._reached, self._asked.created_from)
            if self._pages > self._pages_between(reached, self._asked.created_before) + _FEW_PAGES:
                self._known = {}  # there are more now, or pages are smaller
            self._is_long |= self._pages + self.pages_left(self._asked.created_from) > _FEW_PAGES

    def pages_left(self, start: datetime) -> float:
        """Estimate how many pages are left down to an instant; 0 if nothing is known."""
        return self._pages_between(start, self._reached)

    def has_passed(self, start: datetime) -> bool:
        """Check whether everything since an instant has been listed: the last row is older, and was asked for."""
        is_asked_for = self._reached >= self._asked.created_from - _DAY
        return self._is_ordered and is_asked_for and self._reached < start

    def is_continued_by(self, older: "ListPosition") -> bool:
        """Check that the list of older rows has what this one had of them, in passing."""
        if not older._asked.created_from <= self._reached < older._asked.created_before:
            return True
        return older.newest is not None and older.newest >= self._reached

    def middle(self, start: datetime, *, by_days: bool, by_minutes: bool) -> datetime | None:
        """Find where to cut what is left down to an instant in about two halves: at a midnight, or else at a minute.

        Returns None if the older part would not be worth a request.
        """
        if not self._is_long or not self._is_ordered or self.pages_left(start) < _WORTH_PAGES:
            return None
        half = self._half(start)
        for unit in (_DAY,) * by_days + (_MINUTE,) * by_minutes:
            first = start + (_midnight_of(start) - start) % unit
            latest = min(self._reached, self._asked.created_before - unit)
            units = min(max(round((half - first) / unit), 1), (latest - first) // unit)
            if units > 0 and self._pages_between(start, first + units * unit) >= _WORTH_PAGES:
                return first + units * unit
        return None

    def _half(self, start: datetime) -> datetime:
        """Return the instant that divides what is left down to `start` into halves."""
        pages = self.pages_left(start) / 2
        until = min(_midnight_of(start) + _DAY, self._reached)
        while (of_day := self._pages_between(start, until)) < pages and until < self._reached:
            start, pages = until, pages - of_day
            until = min(start + _DAY, self._reached)
        # Another thread may be counting a page, and so may have left nothing to divide.
        return start + (until - start) * (pages / of_day) if 0 < pages <= of_day else until

    def _pages_between(self, start: datetime, end: datetime) -> float:
        """Estimate how many pages were created from one instant to before another; 0 if nothing is known."""
        if self.per_page is None:
            return 0
        if not self._known:
            return max(0, (end - start) / self.per_page)
        pages = 0.0
        while start < end:
            until = min(_midnight_of(start) + _DAY, end)
            rows = self._known.get(start.date())
            if rows is None:
                pages += (until - start) / self.per_page
            else:
                pages += rows / ROWS_PER_PAGE * ((until - start) / _DAY)
            start = until
        return pages


def _midnight_of(instant: datetime) -> datetime:
    return instant.replace(hour=0, minute=0, second=0, microsecond=0)
