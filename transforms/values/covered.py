"""Which days of an account were fetched, and by which fetch last: kept as spans, so that a new fetch costs little.

All days are in UTC, and spans include both ends.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec

from transforms.values.windows import CoveredDay, Fetch, Window, days_of, fetch_name

_DAY = timedelta(days=1)


class CoveredSpan(msgspec.Struct, frozen=True, array_like=True):
    """Neighbouring days whose last whole fetch is the same: its window, when it began (UTC), and its pages."""

    first: date
    last: date
    window_first: date
    window_last: date
    fetched_at: datetime
    pages: int = 0

    @property
    def window(self) -> Window:
        """The window of the fetch."""
        return Window(self.window_first, self.window_last)


def with_fetch(spans: Iterable[CoveredSpan], fetch: Fetch, pages: int = 0) -> list[CoveredSpan]:
    """Add a fetch to spans that are in order and share no day. Of two fetches of a day, the one that began last counts.

    A fetch that did not reach its last page covers nothing, nor does any cover a day that had not begun.
    """
    first, last = fetch.window.first, min(fetch.window.last, fetch.fetched_at.astimezone(UTC).date())
    if not fetch.is_whole or first > last:
        return list(spans)
    result: list[CoveredSpan] = []
    free = first  # the first day of the fetch that is not placed yet
    for span in spans:
        if span.last < first or span.first > last:
            result.append(span)
        elif span.fetched_at >= fetch.fetched_at:
            result += [*_new(fetch, free, span.first - _DAY, pages), span]
            free = max(free, span.last + _DAY)
        else:
            result += _cut(span, span.first, first - _DAY)
            result += _cut(span, last + _DAY, span.last)
    result += _new(fetch, free, last, pages)
    return sorted(result, key=lambda span: span.first)


def days_of_spans(spans: Iterable[CoveredSpan], folder: str) -> list[CoveredDay]:
    """List the days of spans, in order. folder: what the names of landings of the account begin with."""
    days: list[CoveredDay] = []
    for span in spans:  # what its days have in common is worked out once: an account has hundreds of days
        window, began = span.window, span.fetched_at.astimezone(UTC).date()
        landing = f"{folder}/{fetch_name(window, span.fetched_at)}"
        days += [
            CoveredDay(day, span.fetched_at, landing, day < began, window)
            for day in days_of(Window(span.first, span.last))
        ]
    return days


def _new(fetch: Fetch, first: date, last: date, pages: int) -> Iterator[CoveredSpan]:
    if first <= last:
        yield CoveredSpan(first, last, fetch.window.first, fetch.window.last, fetch.fetched_at, pages)


def _cut(span: CoveredSpan, first: date, last: date) -> Iterator[CoveredSpan]:
    if first <= last:
        yield msgspec.structs.replace(span, first=first, last=last)
