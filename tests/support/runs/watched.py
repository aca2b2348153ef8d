"""Recordings made by hand, and the emulator watched: when each request came, and a place to answer something else."""

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
from flows.stores.raw.landing import decompress
from flows.stores.raw.raw_pages import RawPages
from tests.support.runs.ledger_runs import accesses_of
from transforms.ingest.dialect import Dialect
from transforms.ingest.plan import IngestRequest
from transforms.values.windows import Window, days_of

ACCOUNT = "5a3c0c2e-0000-4000-8000-000000000001"
TODAY = datetime(2026, 9, 30, 12, tzinfo=UTC)
HASTE = RetryPolicy(connect_timeout=5, read_timeout=5, attempts=7, backoff=0)

PageKey = tuple[str, str, str, str]
"""What tells a page from all others: its bounds, its number and its cursor."""


def recording(sequence: int, created_at: int, account_sid: str = ACCOUNT, **facts: Any) -> Recording:
    """A recording of half a minute; price, source and channels go by its number."""
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
    """So many recordings over the days, both included, the first and the last day among them."""
    window = Window(first, last)
    begin, end = int(window.created_from.timestamp()), int(window.created_before.timestamp())
    return [
        recording(sequence, begin + (end - begin) * (2 * sequence + 1) // (2 * number), account_sid)
        for sequence in range(number)
    ]


def epoch(day: date, hour: int = 9) -> int:
    """The second of an hour of a day, UTC."""
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)).timestamp())


@dataclass(frozen=True, slots=True)
class Seen:
    """One request for a page of a window: what it asked for, and when it came and was answered (monotonic)."""

    key: PageKey
    came: float
    answered: float
    status: int

    @property
    def window(self) -> Window:
        """The days that were asked for."""
        return window_of_key(self.key)

    @property
    def is_first_page(self) -> bool:
        """Whether it has no cursor."""
        return not self.key[3]


@dataclass(slots=True)
class Watch:
    """The page requests that were answered, in the order of their answers. Questions for one row are not among them."""

    seen: list[Seen] = field(default_factory=list)

    def windows(self) -> list[Window]:
        """The window of each first page asked for, in the order of the answers."""
        return [seen.window for seen in self.seen if seen.is_first_page]

    def most_windows_at_once(self) -> int:
        """How many different windows had a request under way at the same time, at most."""
        return max(
            len({other.window for other in self.seen if other.came <= one.came < other.answered})
            for one in self.seen
        )


def page_key(target: str) -> PageKey:
    """The key of a request, or of the `uri` that a page says of itself."""
    query = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    bounds = query.get("DateCreated>", ""), query.get("DateCreated<", "")
    return *bounds, query.get("Page", "0"), query.get("PageToken", "")


def window_of_key(key: PageKey) -> Window:
    """The days that a page is of: they are asked for from the second before them to the midnight after."""
    after, before = (datetime.fromisoformat(bound) for bound in key[:2])
    return Window((after + timedelta(seconds=1)).date(), (before - timedelta(seconds=1)).date())


def is_page_request(target: str) -> bool:
    """Whether a page of a window is asked for; what is asked with a row a page is asked to find out something."""
    return dict(parse_qsl(urlsplit(target).query)).get("PageSize") == "1000"


def page_requests(emulator: Emulator, since: int = 0) -> list[PageKey]:
    """The pages of windows that were asked for, after so many requests of any kind."""
    return [page_key(asked.target) for asked in emulator.requests[since:] if is_page_request(asked.target)]


Instead = Callable[[Seen, Response], Response | None]
"""Gives another answer to a request that has just come, or None to leave it. It may look at the usual one."""


@contextmanager
def watched(
    source: Source, *, latency: float = 0, instead: Instead = lambda seen, response: None, **options: Any
) -> Iterator[tuple[Emulator, Watch]]:
    """Serve a ledger, see each page request and perhaps answer something else. latency: seconds for each page."""
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
    """The body of an answer."""
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
    """Leave nothing to be found out about an account: every request is for a page of a window."""
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
    """Land the emulator's first account; a millisecond passes each time somebody looks at the clock."""
    steps = count()  # next() on it is atomic, for the lanes all ask
    return ingest_account(
        accesses_of(emulator)[0],
        data_dir,
        replace(asked, concurrency=concurrency),
        retry_policy=retry_policy,
        clock=lambda: now + timedelta(milliseconds=next(steps)),
        **options,
    )


def days_landed(data_dir: Path, account_sid: str = ACCOUNT) -> list[date]:
    """Every day of every complete landing, in order; one that was landed twice is there twice."""
    landings = RawPages(data_dir).complete(account_sid)
    return sorted(day for landing in landings for day in days_of(landing.window))


def bodies_on_disk(data_dir: Path) -> Iterable[bytes]:
    """Every page that lies in the data folder, of complete landings and of others."""
    for path in data_dir.glob("raw/*/*/*/page-*.json.zst"):
        yield decompress(path.read_bytes())
