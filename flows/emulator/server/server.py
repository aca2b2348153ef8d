"""Serve a ledger or captured pages on this machine."""

import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from flows.emulator.faults.faults import with_faults
from flows.emulator.http.in_flight import InFlight
from flows.emulator.http.messages import Answer, HttpRequest, Response, Source
from flows.emulator.http.queries import EmulatedDialect, dialect_of
from flows.emulator.ledger.ledger import Account
from flows.emulator.ledger.living import LivingLedger
from flows.emulator.ledger.totals import TotalsObject
from flows.emulator.resources.api import LivingSource
from flows.emulator.server.control import control
from flows.emulator.server.wire import HOST, AskedUrl, Server


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running server. `asked` keeps the latest requests, in the order in which they came."""

    base_url: str
    source: Source
    asked: deque[AskedUrl]
    in_flight: InFlight

    @property
    def accounts(self) -> Sequence[Account]:
        """The accounts it serves, with their credentials."""
        return self.source.accounts

    def totals(self) -> TotalsObject:
        """What the ledger says the right answer is, as of now."""
        return self.source.totals()

    @property
    def ledger(self) -> LivingLedger:
        """The living ledger it serves. Raises ValueError when it serves none."""
        if not isinstance(self.source, LivingSource):
            raise ValueError("This ledger does not live. Serve one of open_living.")  # noqa: TRY004
        return self.source.ledger

    @property
    def requests(self) -> list[AskedUrl]:
        """What was asked so far, at most the latest 100,000 requests; without what was told to the emulator."""
        return list(self.asked)

    @property
    def most_at_once(self) -> Mapping[str, int]:
        """The most page requests that were in flight at once so far, by account sid: also refused ones."""
        return self.in_flight.most()


@contextmanager
def serve(
    source: Source,
    *,
    port: int = 0,
    latency_ms: int = 0,
    faults: Sequence[str] = (),
    dialect: str | Sequence[str] = (),
    seed: int = 0,
    clock_ahead_seconds: float = 0,
) -> Iterator[Emulator]:
    """Serve a ledger or a replay for as long as the context lasts. Port 0 is any free one.

    `faults` and `dialect` are names out of FAULTS and DIALECTS. Every page that no fault answers comes `latency_ms`
    late. `clock_ahead_seconds` is how much later than here its `Date` headers are, below 0 earlier. Raises
    ValueError for an unknown or impossible fault or dialect, OSError for a taken port.
    """
    spoken = _spoken(dialect)
    answer = with_faults(_late(source.answer, latency_ms / 1000), source, faults, seed)
    server = Server(port, spoken, answer, partial(control, source), clock_ahead_seconds)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        url = f"http://{HOST}:{server.server_address[1]}"
        yield Emulator(url, source, server.asked, server.in_flight)
    finally:
        server.stop()
        thread.join()


def totals_at_start(
    source: Source, *, faults: Sequence[str] = (), dialect: str | Sequence[str] = (), seed: int = 0
) -> TotalsObject:
    """What `totals` of a server with these faults says before anybody asked it. Raises ValueError like `serve`."""
    _spoken(dialect)
    with_faults(source.answer, source, faults, seed)
    return source.totals()


def serve_until_stopped(
    source: Source,
    ready: Callable[[Emulator], None],
    *,
    port: int = 0,
    latency_ms: int = 0,
    faults: Sequence[str] = (),
    dialect: str | Sequence[str] = (),
    seed: int = 0,
) -> None:
    """Serve until Ctrl-C or SIGTERM; `ready` is called once the server listens. Only for the main thread."""
    stopped = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with serve(
            source, port=port, latency_ms=latency_ms, faults=faults, dialect=dialect, seed=seed
        ) as emulator:
            ready(emulator)
            stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _spoken(names: str | Sequence[str]) -> EmulatedDialect:
    return dialect_of((names,) if isinstance(names, str) else names)


def _late(answer: Answer, seconds: float) -> Answer:
    """Take some time for each page; the faults are around it, so that they see requests that wait."""

    def wrapped(request: HttpRequest) -> Response:
        if seconds and request.is_page:
            time.sleep(seconds)
        return answer(request)

    return wrapped
