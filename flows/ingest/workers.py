"""The workers of an account: they fetch its windows concurrently, as many at once as the API tolerates."""

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
from flows.stores.api.throttle import Brake, StoppedError, Throttle
from flows.stores.raw.landing import Landing, LandingWriter
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import CursorError, DataError, EndlessListError, RecspendError, RequestRefusedError
from transforms.ingest.dialect import Dialect, asked_dates
from transforms.ingest.plan import split
from transforms.ingest.request import ListLimits
from transforms.pages.record import read_some
from transforms.pages.recordings import created_instants
from transforms.values.windows import Window, days_of

logger = logging.getLogger(__name__)

# Enough parts that no worker is idle for long while the last ones are fetched.
_PARTS_PER_WORKER = 4
_STARTS_OVER = 7


@dataclass(frozen=True, slots=True)
class WindowResult:
    """The pages and rows a worker landed. parts: if it split the window instead, the landings still to fetch."""

    pages: int = 0
    rows: int = 0
    parts: Sequence[Landing] = ()


@dataclass(slots=True)
class FetchTotals:
    """The pages and rows landed so far. failures: windows that could not be fetched to their end, with the reason."""

    pages: int = 0
    rows: int = 0
    failures: list[tuple[Window, RecspendError]] = field(default_factory=list)


class Workers:
    """Threads that send one account's requests, each over its own connection, sharing one throttle.

    A context manager that leaves no thread. `requests` and `retries` count what all sent, `totals` what they landed.
    """

    def __init__(
        self,
        access: AccountAccess,
        raw: RawPages,
        retry_policy: RetryPolicy,
        concurrency: int,
        clock: Clock = utc_now,
        limits: ListLimits = ListLimits(),
        brake: Brake | None = None,
    ) -> None:
        self.account_sid = access.account_sid
        self._raw = raw
        self._clock = clock
        self._throttle = (brake or Brake()).holds(Throttle(concurrency))
        self._apis = [RecordingsApi(access, retry_policy, self._throttle, limits) for _ in range(concurrency)]
        self._idle: SimpleQueue[RecordingsApi] = SimpleQueue()
        for api in self._apis:
            self._idle.put(api)
        self._fetching = ThreadPoolExecutor(concurrency, thread_name_prefix=f"fetch {access.name}")
        self._saving = ThreadPoolExecutor(1, thread_name_prefix=f"save {access.name}")
        self.totals = FetchTotals()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._throttle.stop()
        # On Ctrl-C, do not wait for pending responses: the next run fetches those pages again.
        is_patient = kind is None or issubclass(kind, Exception)
        self._fetching.shutdown(wait=is_patient, cancel_futures=True)
        self._saving.shutdown(wait=is_patient)

    @property
    def lists_deleted(self) -> bool:
        """Whether the account's API lists deleted recordings, as those that were paid for."""
        return self._apis[0].lists_deleted

    @property
    def requests(self) -> int:
        """Requests sent, including retries."""
        return sum(api.requests for api in self._apis)

    @property
    def retries(self) -> int:
        """Requests that were retries of another."""
        return sum(api.retries for api in self._apis)

    @contextmanager
    def api(self) -> Iterator[RecordingsApi]:
        """Lend a connection to the account, for the calling thread only."""
        api = self._idle.get()
        try:
            yield api
        finally:
            self._idle.put(api)

    def newest(self, questions: Iterable[Mapping[str, str]]) -> list[datetime | None]:
        """Return the creation instant of the newest recording for each set of parameters, requested concurrently."""
        return list(self._fetching.map(self._newest, questions))

    def fetch(
        self, pending: Iterable[Window | Landing], dialect: Dialect, report: Callable[[int], None]
    ) -> None:
        """Land windows, and continue interrupted landings.

        pending: windows to fetch, and landings to continue. dialect: how the account's API is asked for dates. report:
        called with the number of days done so far.

        A problem with one window does not stop the others: it is added to `totals.failures`. A problem with the account
        or the connection (ApiError) stops all workers, and is raised once the requests in progress have ended.
        """
        waiting, done = deque(pending), 0
        under_way: dict[Future[WindowResult], Window | Landing] = {}
        try:
            while waiting or under_way:
                while waiting and len(under_way) < len(self._apis):
                    each = waiting.popleft()
                    parts = _PARTS_PER_WORKER * len(self._apis) // (len(waiting) + 1)
                    under_way[self._fetching.submit(self._fetch_window, each, dialect, parts)] = each
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    each = under_way.pop(future)
                    result = self._count(future, each)
                    waiting.extendleft(reversed(result.parts))
                    if not result.parts:
                        done += days_in(each)
                        report(done)
        except Exception:
            self._throttle.stop()
            for future in wait(under_way).done:
                if not isinstance(future.exception(), StoppedError | RecspendError):
                    self._count(future, under_way[future])
            raise

    def _count(self, future: Future[WindowResult], target: Window | Landing) -> WindowResult:
        try:
            result = future.result()
        except (CursorError, DataError, RequestRefusedError) as error:
            self.totals.failures.append((window_of(target), error))
            return WindowResult()
        self.totals.pages += result.pages
        self.totals.rows += result.rows
        return result

    def _newest(self, question: Mapping[str, str]) -> datetime | None:
        with self.api() as api:
            return api.newest(question)

    def _fetch_window(self, target: Window | Landing, dialect: Dialect, parts: int) -> WindowResult:
        """Fetch a window to its end. If the API refuses an old cursor, the window starts over."""
        landing = self._begun(target)
        starts = count(1)
        while True:
            writer = self._raw.writer(landing)
            try:
                with self.api() as api, closing(PageSaver(self._saving, writer)) as save:
                    return self._fetch_pages(api, landing, dialect, writer, save, parts)
            except RequestRefusedError as error:
                if not writer.pages or next(starts) == _STARTS_OVER:
                    raise
                logger.info(
                    "%s; window %s to %s starts over", error, landing.window.first, landing.window.last
                )
                writer.abandon(self._clock())
                landing = self._begin(landing.window)
            except EndlessListError as error:
                # Continued, it would be as long as it is now. The next run begins again.
                writer.abandon(self._clock())
                window = landing.window
                raise EndlessListError(f"{error} Not read: {window.first} to {window.last}.") from None

    def _begun(self, target: Window | Landing) -> Landing:
        """Return the landing to fetch. One without pages is replaced by one that begins now, whenever it was begun."""
        if not isinstance(target, Landing):
            return self._begin(target)
        if self._raw.has_pages(target):
            return target
        landing = self._begin(target.window)
        self._raw.discard(target)
        return landing

    def _begin(self, window: Window) -> Landing:
        return self._raw.begin(self.account_sid, window, self._clock())

    def _fetch_pages(
        self,
        api: RecordingsApi,
        landing: Landing,
        dialect: Dialect,
        writer: LandingWriter,
        save: PageSaver,
        parts: int,
    ) -> WindowResult:
        pager = api.pager(asked_dates(landing.window, dialect), window=landing.window)
        ends: Sequence[bytes] = ()  # of the first page
        for body, envelope in writer.kept_pages():
            ends = ends or envelope.ends
            writer.note(pager.url or "", body, envelope.rows)
            pager.follow(len(body), envelope)
        kept, pages, rows = writer.pages, 0, 0
        while (url := pager.url) is not None:
            if kept + pages == 1:
                cut = split(landing.window, created_instants(read_some(ends)), parts)
                if len(cut) > 1:
                    save.close()
                    # Begin all parts before the window is abandoned, so that after a kill the next run finishes them.
                    begun = [self._begin(window) for window in cut]
                    writer.abandon(self._clock())
                    return WindowResult(pages, rows, begun)
            body, envelope = api.fetch(url)
            ends = ends or envelope.ends
            pager.follow(len(body), envelope)  # raises first: a page with an invalid cursor is not kept
            save(url, body, envelope.rows)
            pages += 1
            rows += envelope.rows
        save.close()
        writer.complete(self._clock())
        return WindowResult(pages, rows)


def window_of(target: Window | Landing) -> Window:
    """Return the window itself, or the window of a landing."""
    return target.window if isinstance(target, Landing) else target


def days_in(target: Window | Landing) -> int:
    """Return the number of days in a window, or in the window of a landing."""
    return len(days_of(window_of(target)))
