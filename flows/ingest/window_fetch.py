"""Fetch one window, page by page. What is left of it can be cut off meanwhile, for an idle worker to fetch."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import combinations, count
from threading import Lock
from typing import Self

from flows.ingest.landed import Landed
from flows.ingest.parts import Destination
from flows.ingest.saver import PageSaver
from flows.stores.api.client import RecordingsApi
from flows.stores.api.pager import Pager
from flows.stores.raw.landing import Landing
from transforms.errors import EndlessListError, FilterChangedError, RequestRefusedError
from transforms.ingest.dialect import asked_dates
from transforms.ingest.position import ListPosition
from transforms.values.windows import Span, Window, days_of

logger = logging.getLogger(__name__)

_STARTS_OVER = 7
_DAY = timedelta(days=1)


class WindowFetch:
    """The fetch of a window, newest page first. One thread at a time may `step`, while another may `cut`.

    What is cut off is a fetch of its own: of the older days, or, if only one day is left, of its older hours. In the
    latter case it is a part of this one, and the landing is complete when the last of both has ended.

    Args:
        to: Where its pages are kept.
        window: The days (UTC).
        landing: An unfinished landing to continue.
        asked: What the list is asked for, if it is not the window.
        like: The position in the list that this one is cut off from.
        whole: The fetch that this one is a part of.
    """

    def __init__(
        self,
        to: Destination,
        window: Window,
        landing: Landing | None = None,
        *,
        asked: Span | None = None,
        like: ListPosition | None = None,
        whole: Self | None = None,
    ) -> None:
        self.window = window
        self._to = to
        self._landing = landing
        self._asked = asked or (landing.span if landing else window.span)
        self._until = window.created_from  # everything from then on is listed here
        self._position = ListPosition(self._asked, like, to.known)
        self._whole: WindowFetch = whole or self
        self._parts: list[WindowFetch] = []
        self._list: _OpenList | None = None
        self._begins_at: datetime | None = None
        self._is_over = False
        self._starts = count(1)
        self._changing: Lock = whole._changing if whole else Lock()

    @classmethod
    def of(cls, to: Destination, target: Window | Landing) -> Iterator[Self]:
        """Create the fetch of a window, or those that continue a landing and its parts."""
        if isinstance(target, Window):
            yield cls(to, target)
            return
        newer = whole = cls(to, target.window, target)
        yield whole
        for landing in to.parts_of(target):
            part = cls(to, target.window, landing, whole=whole)
            part._until, newer._until = newer._until, landing.span.created_before
            whole._parts.append(part)
            newer = part
            yield part

    @property
    def days(self) -> int:
        """The number of its days; 0 for a part, since they are those of its whole."""
        return len(days_of(self.window)) if self._whole is self else 0

    @property
    def pages_left(self) -> float:
        """About how many pages are still to be fetched; 0 if nothing is known."""
        return self._position.pages_left(self._until)

    def step(self, api: RecordingsApi) -> Landed:
        """Fetch one page. If the API refuses an old cursor, the next step begins with the first page again."""
        pages = self._list or self._opened(api)
        try:
            return self._fetch_page(api, pages)
        except RequestRefusedError as error:
            if not pages.writer.pages or next(self._starts) == _STARTS_OVER:
                raise
            logger.info("%s; window %s to %s starts over", error, self.window.first, self.window.last)
            self._abandon(pages)
            return Landed()
        except EndlessListError as error:
            # Continued, it would be as long as it is now. The next run begins again.
            self._abandon(pages)
            window = self.window
            raise EndlessListError(f"{error} Not read: {window.first} to {window.last}.") from None

    def cut(self) -> "WindowFetch | None":
        """Cut off the older half of what is left, for another worker; None if that is not worth a request."""
        if self._middle() is None:
            return None
        with self._changing:
            middle = self._middle()
            if middle is None:
                return None
            if self._whole is self and not self._parts and middle.time() == time():
                return self._cut_by_days(middle.date())
            asked = Span(self._until, middle)
            part = WindowFetch(self._to, self.window, asked=asked, like=self._position, whole=self._whole)
            part._until, self._until = self._until, middle
            self._whole._parts.append(part)
            return part

    def _cut_by_days(self, day: date) -> "WindowFetch":
        older = Window(self.window.first, day - _DAY)
        self.window = Window(day, self.window.last)
        self._until = self.window.created_from
        if self._list:
            self._list.save.close()
            self._landing = self._list.writer.narrow(self.window)
        else:
            self._asked = self.window.span
            self._position = ListPosition(self._asked, self._position)
        return WindowFetch(self._to, older, like=self._position)

    def _middle(self) -> datetime | None:
        if self._is_over:
            return None
        has_parts = self._whole is not self or bool(self._parts)  # which are of its whole window
        by_minutes = self._to.dialect.compares_instants
        return self._position.middle(self._until, by_days=not has_parts, by_minutes=by_minutes)

    def _opened(self, api: RecordingsApi) -> "_OpenList":
        with self._changing:
            landing = self._begun()
            self._position = ListPosition(self._asked, self._position)
            self._list = _OpenList(
                self._to, landing, api.pager(asked_dates(self._asked, self._to.dialect), window=self.window)
            )
            self._list.replay(self._position)
            return self._list

    def _begun(self) -> Landing:
        """Return the landing to fetch. One without pages is replaced by one that begins now, whenever it was begun."""
        landing, raw, is_part = self._landing, self._to.raw, self._whole is not self
        if landing is not None and raw.has_pages(landing):
            return landing
        now = self._begins_at or self._to.clock()
        self._landing = raw.begin(self._to.account_sid, self.window, now, self._asked if is_part else None)
        if landing is not None:
            raw.discard(landing)
        return self._landing

    def _abandon(self, pages: "_OpenList") -> None:
        """Abandon the landing, and keep its pages. What follows begins with the first page."""
        with self._changing:
            pages.writer.abandon(self._to.clock())
            if self._whole is self:
                self._asked = self.window.span
            # It stays older than its parts.
            self._begins_at = self._landing.fetched_at if self._landing and self._parts else None
            self._landing, self._list = None, None
            self._position = ListPosition(self._asked, self._position)

    def _fetch_page(self, api: RecordingsApi, pages: "_OpenList") -> Landed:
        try:
            landed = Landed()
            if (url := pages.pager.url) is not None and not self._has_passed:
                body, envelope = api.fetch(url)
                with self._changing:
                    # Raises first: a page with an invalid cursor is not kept.
                    pages.pager.follow(len(body), envelope)
                    pages.save(url, body, envelope.rows)
                    self._position.count(envelope.ends)
                landed = Landed(1, envelope.rows)
            with self._changing:
                if pages.pager.url is None or self._has_passed:
                    pages.save.close()
                    self._is_over = True
                    landed = replace(landed, days=self._whole._joined(), is_last=True)
        except BaseException:
            pages.save.close()
            raise
        return landed

    @property
    def _has_passed(self) -> bool:
        """Whether the list continues only with what was cut off."""
        return self._until > self._asked.created_from and self._position.has_passed(self._until)

    def _joined(self) -> int:
        """Join the parts and complete the landing if all of it has been fetched. Returns how many days are complete."""
        if self._list is None or not all(each._is_over for each in (self, *self._parts)):
            return 0
        parts = sorted(self._parts, key=lambda each: each._asked.created_before, reverse=True)
        for newer, part in combinations((self, *parts), 2):
            if not newer._position.is_continued_by(part._position):
                self._give_up(parts)
        for part in parts:
            if part._list:
                self._list.writer.join(part._list.writer)
        self._list.writer.complete(self._to.clock())
        for part in parts:
            if part._landing:
                self._to.raw.discard(part._landing)
        return self.days

    def _give_up(self, parts: Iterable["WindowFetch"]) -> None:
        for each in (*parts, self):
            if each._list:
                each._list.writer.abandon(self._to.clock())
        raise FilterChangedError(
            "The API no longer filters by the time of day. The next run adapts to that: run again."
        )


class _OpenList:
    """A list of pages that is being followed, and the landing it is written to."""

    def __init__(self, to: Destination, landing: Landing, pager: Pager) -> None:
        self.writer = to.raw.writer(landing)
        self.pager = pager
        self.save = PageSaver(to.saving, self.writer)

    def replay(self, position: ListPosition) -> None:
        """Follow the pages that were landed before."""
        for body, envelope in self.writer.kept_pages():
            self.writer.note(self.pager.url or "", body, envelope.rows)
            self.pager.follow(len(body), envelope)
            position.count(envelope.ends)
