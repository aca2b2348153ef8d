"""The lanes of an account: its windows walked side by side, as many at once as the API tolerates."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from flows.ingest.saver import PageSaver
from flows.stage import Clock, utc_now
from flows.stores.api.access import AccountAccess
from flows.stores.api.client import RecordingsApi
from flows.stores.api.retries import RetryPolicy
from flows.stores.api.throttle import StoppedError, Throttle
from flows.stores.raw.landing import Landing, LandingWriter
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import CursorError, DataError, RecspendError, RequestRefusedError
from transforms.ingest.dialect import Dialect, asked_dates
from transforms.ingest.plan import split
from transforms.pages.recordings import created_instants
from transforms.pages.records import read_ends
from transforms.values.windows import Window, days_of

logger = logging.getLogger(__name__)


# Enough parts that no lane is long without work while the last ones are walked.
_PARTS_PER_LANE = 4
_STARTS_OVER = 7


@dataclass(frozen=True, slots=True)
class Walked:
    """What a lane did: landed pages and their rows, or found the window worth cutting into landings yet to walk."""

    pages: int = 0
    rows: int = 0
    parts: Sequence[Landing] = ()


@dataclass(slots=True)
class Landed:
    """What walking windows landed. failures: windows that could not be walked to their end, each with the reason."""

    pages: int = 0
    rows: int = 0
    failures: list[tuple[Window, RecspendError]] = field(default_factory=list)


class Lanes:
    """Threads that ask one account, each over its own connection, sharing one throttle.

    A context: at its end no thread is left. `requests` and `retries` count what all of them asked, `landed` what came
    of it.
    """

    def __init__(
        self,
        access: AccountAccess,
        raw: RawPages,
        retry_policy: RetryPolicy,
        lanes: int,
        clock: Clock = utc_now,
    ) -> None:
        self.account_sid = access.account_sid
        self._raw = raw
        self._clock = clock
        self._throttle = Throttle(lanes)
        self._apis = [RecordingsApi(access, retry_policy, self._throttle) for _ in range(lanes)]
        self._idle: SimpleQueue[RecordingsApi] = SimpleQueue()
        for api in self._apis:
            self._idle.put(api)
        self._walking = ThreadPoolExecutor(lanes, thread_name_prefix=f"walk {access.name}")
        self._landing = ThreadPoolExecutor(1, thread_name_prefix=f"land {access.name}")
        self.landed = Landed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._throttle.stop()
        # Who interrupts does not want to wait for answers under way; what they bring is fetched again.
        is_patient = kind is None or issubclass(kind, Exception)
        self._walking.shutdown(wait=is_patient, cancel_futures=True)
        self._landing.shutdown(wait=is_patient)

    @property
    def requests(self) -> int:
        """Requests sent, repetitions among them."""
        return sum(api.requests for api in self._apis)

    @property
    def retries(self) -> int:
        """Requests that repeated another."""
        return sum(api.retries for api in self._apis)

    @contextmanager
    def api(self) -> Iterator[RecordingsApi]:
        """A connection of the account, for this thread alone."""
        api = self._idle.get()
        try:
            yield api
        finally:
            self._idle.put(api)

    def newest(self, questions: Iterable[Mapping[str, str]]) -> list[datetime | None]:
        """The creation instant of the newest recording for each set of parameters, asked side by side."""
        return list(self._walking.map(self._newest, questions))

    def walk(self, work: Iterable[Window | Landing], dialect: Dialect, report: Callable[[int], None]) -> None:
        """Land windows, and go on with landings that were interrupted. `report` is called with the days done so far.

        dialect: how the account wants to be asked for dates.

        What is wrong with one window does not keep the others from being read; what is wrong with the account or the
        way to it (ApiError) stops all, and is raised when what was under way has ended.
        """
        waiting, done = deque(work), 0
        under_way: dict[Future[Walked], Window | Landing] = {}
        try:
            while waiting or under_way:
                while waiting and len(under_way) < len(self._apis):
                    each = waiting.popleft()
                    parts = _PARTS_PER_LANE * len(self._apis) // (len(waiting) + 1)
                    under_way[self._walking.submit(self._walk, each, dialect, parts)] = each
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    each = under_way.pop(future)
                    walked = self._count(future, each)
                    waiting.extendleft(reversed(walked.parts))
                    if not walked.parts:
                        done += days_in(each)
                        report(done)
        except Exception:
            self._throttle.stop()
            for future in wait(under_way).done:
                if not isinstance(future.exception(), StoppedError | RecspendError):
                    self._count(future, under_way[future])
            raise

    def _count(self, future: Future[Walked], work: Window | Landing) -> Walked:
        try:
            walked = future.result()
        except (CursorError, DataError, RequestRefusedError) as error:
            self.landed.failures.append((window_of(work), error))
            return Walked()
        self.landed.pages += walked.pages
        self.landed.rows += walked.rows
        return walked

    def _newest(self, question: Mapping[str, str]) -> datetime | None:
        with self.api() as api:
            return api.newest(question)

    def _walk(self, work: Window | Landing, dialect: Dialect, parts: int) -> Walked:
        """Walk to the end; when a cursor is refused by now, the window starts over."""
        landing = self._begun(work)
        starts = count(1)
        while True:
            writer = self._raw.writer(landing)
            try:
                with self.api() as api, closing(PageSaver(self._landing, writer)) as save:
                    return self._walk_once(api, landing, dialect, writer, save, parts)
            except RequestRefusedError as error:
                if not writer.pages or next(starts) == _STARTS_OVER:
                    raise
                logger.info(
                    "%s; window %s to %s starts over", error, landing.window.first, landing.window.last
                )
                writer.abandon(self._clock())
                landing = self._begin(landing.window)

    def _begun(self, work: Window | Landing) -> Landing:
        """The landing to walk. Without a page yet, it begins now, whenever it was set aside."""
        if not isinstance(work, Landing):
            return self._begin(work)
        if self._raw.has_pages(work):
            return work
        landing = self._begin(work.window)
        self._raw.discard(work)
        return landing

    def _begin(self, window: Window) -> Landing:
        return self._raw.begin(self.account_sid, window, self._clock())

    def _walk_once(
        self,
        api: RecordingsApi,
        landing: Landing,
        dialect: Dialect,
        writer: LandingWriter,
        save: "PageSaver",
        parts: int,
    ) -> Walked:
        pager = api.pager(asked_dates(landing.window, dialect))
        first_page = b""
        for body, envelope in writer.kept_pages():
            first_page = first_page or body
            writer.note(pager.url or "", body, envelope.rows)
            pager.advance(envelope.next_page_uri)
        kept, pages, rows = writer.pages, 0, 0
        while (url := pager.url) is not None:
            if kept + pages == 1:
                cut = split(landing.window, created_instants(read_ends(first_page)), parts)
                if len(cut) > 1:
                    save.close()
                    # Begun at once, and first, so that a run that is killed leaves them to be finished as they are.
                    begun = [self._begin(window) for window in cut]
                    writer.abandon(self._clock())
                    return Walked(pages, rows, begun)
            body, envelope = api.fetch(url)
            first_page = first_page or body
            pager.advance(envelope.next_page_uri)  # a page whose cursor cannot be followed is not kept
            save(url, body, envelope.rows)
            pages += 1
            rows += envelope.rows
        save.close()
        writer.complete(self._clock())
        return Walked(pages, rows)


def window_of(work: Window | Landing) -> Window:
    """The window that is to be landed, or was begun."""
    return work.window if isinstance(work, Landing) else work


def days_in(work: Window | Landing) -> int:
    """How many days that is."""
    return len(days_of(window_of(work)))
