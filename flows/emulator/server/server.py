"""Serve a ledger or captured pages on this machine, as a context or until stopped."""

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
from flows.emulator.server.wire import HOST, LoggedRequest, Server


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running server. `request_log` keeps the latest requests in the order they arrived."""

    base_url: str
    source: Source
    request_log: deque[LoggedRequest]
    in_flight: InFlight

    @property
    def accounts(self) -> Sequence[Account]:
        """The served accounts, with their credentials."""
        return self.source.accounts

    def totals(self) -> TotalsObject:
        """Return the right answer according to the ledger, as of now."""
        return self.source.totals()

    @property
    def ledger(self) -> LivingLedger:
        """The served living ledger. Raises ValueError if the ledger is not a living one."""
        if not isinstance(self.source, LivingSource):
            raise ValueError("This ledger is not a living one. Serve one from open_living.")  # noqa: TRY004
        return self.source.ledger

    @property
    def requests(self) -> list[LoggedRequest]:
        """The API requests so far, at most the latest 100,000. Control requests are not included."""
        return list(self.request_log)

    @property
    def most_at_once(self) -> Mapping[str, int]:
        """The highest number of page requests in flight at once so far, by account sid. Includes refused ones."""
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
    """Serve a ledger or a replay while the context is open.

    Args:
        source: what to serve.
        port: the port, 0 for any free one.
        latency_ms: the delay of every page that is not answered by a fault.
        faults: names from FAULTS.
        dialect: one or more names from DIALECTS.
        seed: the seed of the faults.
        clock_ahead_seconds: how far the `Date` headers are ahead of this machine's clock; negative if they lag.

    Raises:
        ValueError: a fault or dialect is unknown or not possible.
        OSError: the port is in use.
    """
    parsed = _parsed(dialect)
    answer = with_faults(_delayed(source.answer, latency_ms / 1000), source, faults, seed)
    server = Server(port, parsed, answer, partial(control, source), clock_ahead_seconds)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        url = f"http://{HOST}:{server.server_address[1]}"
        yield Emulator(url, source, server.request_log, server.in_flight)
    finally:
        server.stop()
        thread.join()


def totals_at_start(
    source: Source, *, faults: Sequence[str] = (), dialect: str | Sequence[str] = (), seed: int = 0
) -> TotalsObject:
    """Return the totals of a server with these faults before its first request. Raises ValueError like `serve`."""
    _parsed(dialect)
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
    """Serve until Ctrl-C or SIGTERM. Call `ready` once the server listens. Works in the main thread only."""
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


def _parsed(names: str | Sequence[str]) -> EmulatedDialect:
    return dialect_of((names,) if isinstance(names, str) else names)


def _delayed(answer: Answer, seconds: float) -> Answer:
    """Delay each page. Faults wrap the delay, so that they count waiting requests too."""

    def wrapped(request: HttpRequest) -> Response:
        if seconds and request.is_read:
            time.sleep(seconds)
        return answer(request)

    return wrapped
