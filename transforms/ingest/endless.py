"""When a list of pages cannot be real any more: it has no end, or none that would be worth waiting for.

New cursors can continue a list for ever: with empty pages, with the rows of earlier pages, with rows that were not
asked for, or with more rows than any account has. Each is a mistake of the API or of something in between, and would
keep a run busy for days and fill the disk.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from transforms.errors import EndlessListError
from transforms.ingest.request import ListLimits
from transforms.pages.record import read_some
from transforms.pages.recordings import created_instants
from transforms.values.windows import Window

_DAY = timedelta(days=1)


class ListLength:
    """How long a list is so far, and how much of it was of any use.

    Args:
        limits: How long it may be.
        window: The days (UTC) that were asked for; None if the list has no days.
    """

    def __init__(self, limits: ListLimits = ListLimits(), window: Window | None = None) -> None:
        self._limits = limits
        self._window = window
        self._seen: set[int] = set()
        self._pages = self._bytes = self._useless = self._outside = 0

    def count(self, size: int, ends: Sequence[bytes]) -> None:
        """Count a page that has a next one.

        Args:
            size: Its bytes.
            ends: Its first and last few rows, as JSON: they show whether it repeats other pages, and which days it has.

        Raises:
            EndlessListError: The list is longer than any real one.
        """
        self._pages += 1
        self._bytes += size
        records = read_some(ends)
        keys = {hash(record.sid) for record in records} if len(records) == len(ends) else set(map(hash, ends))
        self._useless = self._useless + 1 if keys <= self._seen else 0
        self._seen |= keys
        if ends:  # an empty page changes nothing
            instants = created_instants(records)
            is_outside = len(instants) == len(ends) and self._is_outside(instants)
            self._outside = self._outside + 1 if is_outside else 0
        limits = self._limits
        if self._useless >= limits.useless_pages:
            what = "repeats rows of earlier pages" if ends else "has no rows"
            raise _endless(
                f"each of the last {limits.useless_pages:,} pages brings nothing new (the last one {what})"
            )
        if self._outside >= limits.outside_pages:
            raise _endless(f"none of the last {limits.outside_pages:,} pages has a row of the days asked for")
        if self._pages >= limits.pages:
            raise _endless(f"{limits.pages:,} pages were read and there are more", _RAISE)
        if self._pages > limits.useless_pages and self._bytes > limits.pages * limits.page_bytes:
            raise _endless(f"{self._bytes >> 20:,} MB were read and there is more", _RAISE)

    def _is_outside(self, instants: Sequence[datetime]) -> bool:
        """Check whether no row is of the window or of the days next to it, which may be listed with it."""
        if self._window is None:
            return False
        first, before = self._window.created_from - _DAY, self._window.created_before + _DAY
        return min(instants) >= before or max(instants) < first


_RAISE = " If the account really has that many recordings, raise max_pages_per_window."


def _endless(what: str, else_do: str = "") -> EndlessListError:
    return EndlessListError(
        f"The API's list does not end: {what}. Reading stopped, and what has landed is kept. Run again later; if it "
        f"happens again, report it to the vendor.{else_do}"
    )
