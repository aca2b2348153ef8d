"""Handmade recordings, and a watched emulator: it records when each request came, and can answer differently."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flows.emulator import SOURCES, Emulator, Recording, Source, serve
from flows.emulator.http.messages import FileSlice, HttpRequest, Response
from flows.ingest.ingest import IngestSummary, ingest_account
from flows.stores.api.retries import RetryPolicy
from flows.stores.folder.account_state import AccountState, AccountStates
from flows.stores.raw.frames import decompress
from flows.stores.raw.raw_pages import RawPages
from tests.support.runs.ledger_runs import accesses_of
from transforms.ingest.dialect import Dialect
from transforms.ingest.request import IngestRequest
from transforms.values.windows import Window, days_of

ACCOUNT = "5a3c0c2e-0000-4000-8000-000000000001"
TODAY = datetime(2026, 9, 30, 12, tzinfo=UTC)
HASTE = RetryPolicy(connect_timeout=5, read_timeout=5, attempts=7, backoff=0)

PageKey = tuple[str, str, str, str]
"""What identifies a page: its bounds, its number and its cursor."""


def recording(sequence: int, created_at: int, account_sid: str = ACCOUNT, **facts: Any) -> Recording:
    """Return a recording of half a minute; price, source and channels are derived from its number."""
    return Recording(
        **{
            "account_sid": account_sid,
            "sequence": sequence,
            "created_at": created_at,
            "updated_at": created_at + 60,
            "started_at": created_at,
            "ended_at": created_at + 30,
            "call_sid": f"call-{sequence}",
            "conference_sid": None,
            "duration_seconds": 30 + sequence % 90,
            "source": SOURCES[sequence % len(SOURCES)],
            "channels": 1 + sequence % 2,
            "status": "completed",
            "price": Decimal(25 + sequence % 7).scaleb(-4),
            "currency": "USD",
            **facts,
        }
    )


def evenly(first: date, last: date, number: int, account_sid: str = ACCOUNT) -> list[Recording]:
    """Spread recordings evenly from the first to the last day, with some on both."""
    window = Window(first, last)
    begin, end = int(window.created_from.timestamp()), int(window.created_before.timestamp())
    return [
        recording(sequence, begin + (end - begin) * (2 * sequence + 1) // (2 * number), account_sid)
        for sequence in range(number)
    ]


def epoch(day: date, hour: int = 9) -> int:
    """Return an hour of a day (UTC) as epoch seconds."""
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)).timestamp())


@dataclass(frozen=True, slots=True)
class Seen:
    """One request for a page of a window: what was requested, and when it came and was answered (monotonic)."""

    key: PageKey
    came: float
    answered: float
    status: int

    @property
    def window(self) -> Window:
        """The days that were requested."""
        return window_of_key(self.key)

    @property
    def is_first_page(self) -> bool:
        """Whether the request has no cursor."""
        return not self.key[3]


@dataclass(slots=True)
class Watch:
    """The page requests that were answered, in the order of their answers. Probes for one row are left out."""

    seen: list[Seen] = field(default_factory=list)

    def windows(self) -> list[Window]:
        """Return the window of each requested first page, in the order of the answers."""
        return [seen.window for seen in self.seen if seen.is_first_page]

    def most_windows_at_once(self) -> int:
        """Return the highest number of windows that had a request in progress at the same time."""
        return max(
            len({other.window for other in self.seen if other.came <= one.came < other.answered})
            for one in self.seen
        )


def page_key(target: str) -> PageKey:
    """Return the key of a request, or of the `uri` in a page."""
    query = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    bounds = query.get("DateCreated>", ""), query.get("DateCreated<", "")
    return *bounds, query.get("Page", "0"), query.get("PageToken", "")


def window_of_key(key: PageKey) -> Window:
    """Return the days of a page: they are requested from the second before them to the midnight after."""
    after, before = (datetime.fromisoformat(bound) for bound in key[:2])
    return Window((after + timedelta(seconds=1)).date(), (before - timedelta(seconds=1)).date())


def is_page_request(target: str) -> bool:
    """Return whether a request is for a page of a window; one with one row a page is a probe."""
    return dict(parse_qsl(urlsplit(target).query)).get("PageSize") == "1000"


def page_requests(emulator: Emulator, since: int = 0) -> list[PageKey]:
    """Return the requests for pages of windows, after the first `since` requests of any kind."""
    return [page_key(asked.target) for asked in emulator.requests[since:] if is_page_request(asked.target)]


Instead = Callable[[Seen, Response], Response | None]
"""Returns a different response to a request that has just come, or None to send the usual one."""


@contextmanager
def watched(
    source: Source, *, latency: float = 0, instead: Instead = lambda seen, response: None, **options: Any
) -> Iterator[tuple[Emulator, Watch]]:
    """Serve a ledger, record each page request and optionally answer differently. latency: seconds for each page."""
    watch = Watch()

    def answer(request: HttpRequest) -> Response:
        came = time.monotonic()
        if not is_page_request(request.target):
            return source.answer(request)
        usual = source.answer(request)
        response = instead(Seen(page_key(request.target), came, came, usual.status), usual)
        if response is None:
            time.sleep(latency)
            response = usual
        watch.seen.append(Seen(page_key(request.target), came, time.monotonic(), response.status))
        return response

    with serve(replace(source, answer=answer), **options) as emulator:
        yield emulator, watch


def text_of(response: Response) -> bytes:
    """Return the body of a response."""
    parts = []
    for part in response.body:
        if isinstance(part, FileSlice):
            with part.path.open("rb") as file:
                file.seek(part.offset)
                parts.append(file.read(part.length))
        else:
            parts.append(part)
    return b"".join(parts)


def knows_the_dialect(data_dir: Path, first_day: date, account_sid: str = ACCOUNT) -> None:
    """Store an account's dialect and first day, so that every request is for a page of a window."""
    AccountStates(data_dir).write(account_sid, AccountState(first_day, Dialect("iso", "instant-inclusive")))


def ingest(
    emulator: Emulator,
    data_dir: Path,
    asked: IngestRequest,
    *,
    concurrency: int = 8,
    retry_policy: RetryPolicy = HASTE,
    now: datetime = TODAY,
    **options: Any,
) -> IngestSummary:
    """Land the emulator's first account. The clock advances by a millisecond at each call."""
    steps = count()  # next() on it is atomic: all workers call it
    return ingest_account(
        accesses_of(emulator)[0],
        data_dir,
        replace(asked, concurrency=concurrency),
        retry_policy=retry_policy,
        clock=lambda: now + timedelta(milliseconds=next(steps)),
        **options,
    )


def days_landed(data_dir: Path, account_sid: str = ACCOUNT) -> list[date]:
    """Return every day of every complete landing, in order. A day that was landed twice is listed twice."""
    landings = RawPages(data_dir).complete(account_sid)
    return sorted(day for landing in landings for day in days_of(landing.window))


def bodies_on_disk(data_dir: Path) -> Iterable[bytes]:
    """Yield every page in the data folder, of complete and other landings."""
    for path in data_dir.glob("raw/*/pages/*.json.zst"):
        yield decompress(path.read_bytes())
