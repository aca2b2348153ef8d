"""The workers of an account: they fetch its windows concurrently, as many at once as the API tolerates."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from itertools import chain
from operator import attrgetter
from queue import SimpleQueue
from threading import Lock
from types import MappingProxyType, TracebackType
from typing import Self

from flows.ingest.landed import Landed
from flows.ingest.parts import Destination
from flows.ingest.single_fetch import SingleFetch, Singles
from flows.ingest.window_fetch import WindowFetch
from flows.stage import Clock, utc_now
from flows.stores.api.access import AccountAccess
from flows.stores.api.client import RecordingsApi
from flows.stores.api.retries import RetryPolicy
from flows.stores.api.throttle import Brake, StoppedError, Throttle
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import CursorError, DataError, RecspendError, RequestRefusedError
from transforms.ingest.dialect import Dialect
from transforms.ingest.request import ListLimits
from transforms.values.windows import Window

NoteAsked = Callable[[Window, datetime], None]
"""Takes note that recordings of these days were asked for by themselves, and when that began (UTC)."""

# A window with more pages is cut even if no worker is idle, so that no landing is very large.
_MOST_PAGES = 50


@dataclass(slots=True)
class FetchTotals:
    """The pages, rows and single recordings landed so far.

    failures: windows that could not be fetched to their end, with the reason.
    """

    pages: int = 0
    rows: int = 0
    singles: int = 0
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
        self.account_sid, self.base_url = access.account_sid, access.base_url
        self.created_on = access.created_on
        self._raw = raw
        self._clock = clock
        self._throttle = (brake or Brake()).holds(Throttle(concurrency))
        self._concurrency = concurrency
        self._connect = partial(RecordingsApi, access, retry_policy, self._throttle, limits)
        self._apis: list[RecordingsApi] = []
        self._idle: SimpleQueue[RecordingsApi] = SimpleQueue()
        self._connecting = Lock()
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
        with self.api() as api:
            return api.lists_deleted

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
        """Lend a connection to the account, for the calling thread only. A new one is made when none is idle."""
        with self._connecting:
            if self._idle.empty() and len(self._apis) < self._concurrency:
                self._apis.append(self._connect())
                self._idle.put(self._apis[-1])
        api = self._idle.get()
        try:
            yield api
        finally:
            self._idle.put(api)

    def newest(self, questions: Iterable[Mapping[str, str]]) -> list[datetime | None]:
        """Return the creation instant of the newest recording for each set of parameters, requested concurrently."""
        return list(self._fetching.map(self._newest, questions))

    def fetch(
        self,
        pending: Iterable[Window | Landing | Singles],
        dialect: Dialect,
        report: Callable[[int], None],
        known: Mapping[date, int] = MappingProxyType({}),
        asked: NoteAsked = lambda window, began: None,
    ) -> None:
        """Land windows and single recordings, and continue interrupted landings.

        pending: what to fetch, and landings to continue. dialect: how the account's API is asked for dates. report:
        called with the number of days done so far. known: how many recordings days (UTC) had when they were read
        before. asked: called with days of which all unsettled recordings were asked for by themselves.

        A problem with one window does not stop the others: it is added to `totals.failures`. A problem with the account
        or the connection (ApiError) stops all workers, and is raised once the requests in progress have ended.
        """
        to = Destination(self.account_sid, self._raw, self._saving, self._clock, dialect, known)
        waiting, done = deque(chain.from_iterable(_fetches(to, each) for each in pending)), 0
        under_way: dict[Future[Landed], WindowFetch | SingleFetch] = {}
        try:
            while waiting or under_way:
                self._share(waiting, under_way.values())
                while waiting and len(under_way) < self._concurrency:
                    each = waiting.popleft()
                    under_way[self._fetching.submit(self._step, each)] = each
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    each = under_way.pop(future)
                    landed = self._count(future, each, asked)
                    waiting.extend(WindowFetch(to, window) for window in landed.instead)
                    done += landed.days
                    report(done)
                    if not landed.is_last:
                        waiting.appendleft(each)
        except Exception:
            self._throttle.stop()
            for future in wait(under_way).done:
                if not isinstance(future.exception(), StoppedError | RecspendError):
                    self._count(future, under_way[future], asked)
            raise

    def _share(
        self,
        waiting: deque[WindowFetch | SingleFetch],
        under_way: Collection[WindowFetch | SingleFetch],
    ) -> None:
        """Cut the longest windows, until there is one for each idle worker, and none has very many pages."""
        workers = min(self._concurrency, self._throttle.limit)
        while True:
            idle = workers - len(under_way) - len(waiting)
            longest = sorted((*waiting, *under_way), key=attrgetter("pages_left"), reverse=True)
            parts = (each.cut() for each in longest if idle > 0 or each.pages_left > _MOST_PAGES)
            part = next(filter(None, parts), None)
            if part is None:
                return
            waiting.append(part)

    def _count(self, future: Future[Landed], each: WindowFetch | SingleFetch, asked: NoteAsked) -> Landed:
        try:
            landed = future.result()
        except (CursorError, DataError, RequestRefusedError) as error:
            self.totals.failures.append((each.window, error))
            return Landed(days=each.days, is_last=True)
        self.totals.pages += landed.pages
        self.totals.rows += landed.rows
        self.totals.singles += landed.singles
        if landed.asked_at:
            asked(each.window, landed.asked_at)
        return landed

    def _step(self, each: WindowFetch | SingleFetch) -> Landed:
        with self.api() as api:
            return each.step(api)

    def _newest(self, question: Mapping[str, str]) -> datetime | None:
        with self.api() as api:
            return api.newest(question)


def _fetches(to: Destination, target: Window | Landing | Singles) -> Iterator[WindowFetch | SingleFetch]:
    """Return the fetch of a target, or those that continue a landing and its parts."""
    if isinstance(target, Singles):
        yield SingleFetch(to, target)
    else:
        yield from WindowFetch.of(to, target)
