"""The emulator as an HTTP server on this machine: HTTP/1.1 with kept connections, 127.0.0.1 only."""

import logging
import signal
import socket
import socketserver
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from flows.emulator.faults import with_faults
from flows.emulator.ledger import Account
from flows.emulator.messages import Answer, FileSlice, Request, Response, Source, error
from flows.emulator.totals import TotalsObject

_HOST = "127.0.0.1"
_KEPT_REQUESTS = 100_000
_logger = logging.getLogger(__name__)


class Asked(NamedTuple):
    """One request: `target` is path and query as they came; status 0 is a connection that was broken."""

    method: str
    target: str
    status: int


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running server. `asked` keeps the latest requests, in the order in which they came."""

    base_url: str
    accounts: Sequence[Account]
    totals: Callable[[], TotalsObject]
    asked: deque[Asked]

    @property
    def requests(self) -> list[Asked]:
        """What was asked so far, at most the latest 100,000 requests."""
        return list(self.asked)


@contextmanager
def serve(
    source: Source, *, port: int = 0, latency_ms: int = 0, faults: Sequence[str] = (), seed: int = 0
) -> Iterator[Emulator]:
    """Serve a ledger or a replay for as long as the context lasts. Port 0 is any free one.

    Every page is answered `latency_ms` late. Raises ValueError for an unknown fault, OSError for a taken port.
    """
    server = _Server(port, with_faults(source.answer, faults, seed), latency_ms / 1000)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        url = f"http://{_HOST}:{server.server_address[1]}"
        yield Emulator(url, source.accounts, source.totals, server.asked)
    finally:
        server.stop()
        thread.join()


def serve_until_stopped(
    source: Source,
    ready: Callable[[Emulator], None],
    *,
    port: int = 0,
    latency_ms: int = 0,
    faults: Sequence[str] = (),
    seed: int = 0,
) -> None:
    """Serve until Ctrl-C or SIGTERM; `ready` is called once the server listens. Only for the main thread."""
    stopped = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        with serve(source, port=port, latency_ms=latency_ms, faults=faults, seed=seed) as emulator:
            ready(emulator)
            stopped.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, answer: Answer, latency_seconds: float) -> None:
        self.answer = answer
        self.latency_seconds = latency_seconds
        self.asked: deque[Asked] = deque(maxlen=_KEPT_REQUESTS)
        self._open: set[Any] = set()  # sockets
        self._closed = threading.Condition()
        super().__init__((_HOST, port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would ask the resolver for the name of this machine, which can take seconds.
        socketserver.TCPServer.server_bind(self)

    def process_request(
        self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object
    ) -> None:
        with self._closed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: "socket.socket | tuple[bytes, socket.socket]") -> None:
        super().shutdown_request(request)
        with self._closed:
            self._open.discard(request)
            self._closed.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:
        # The base class prints a traceback; a client that went away is not worth a word.
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            _logger.exception("the emulator failed to answer")

    def stop(self) -> None:
        """Stop listening, and end the connections that clients keep open."""
        self.shutdown()
        self.server_close()
        with self._closed:
            for connection in self._open:
                with suppress(OSError):  # it may be closing right now
                    connection.shutdown(socket.SHUT_RDWR)
            self._closed.wait_for(lambda: not self._open, timeout=2)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "recordings-emulator"
    sys_version = ""
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        request = Request(self.path, self.headers.get("Authorization", ""))
        try:
            if self.server.latency_seconds and request.is_page:
                time.sleep(self.server.latency_seconds)
            response = self.server.answer(request)
        except Exception:
            _logger.exception("the emulator cannot answer %s", self.path)
            response = error(500, 20500, "The emulator failed")
        self._send(response)

    def _refuse(self) -> None:
        self.close_connection = True  # a body that nobody reads would be taken for the next request
        self._send(error(405, 20004, "Method not allowed"))

    do_POST = do_PUT = do_PATCH = do_DELETE = _refuse  # noqa: N815 - the base class wants these names

    def _send(self, response: Response) -> None:
        status = 0 if response.breaks else response.status
        # Before the answer goes out, so that a client that has it finds itself in the list.
        self.server.asked.append(Asked(self.command, self.path, status))
        if response.breaks:
            self.close_connection = True
        if response.breaks == "before":
            # Closing without lingering sends a reset instead of an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(response.length))
        for name, value in response.headers.items():
            self.send_header(name, value)
        if self.close_connection and not response.breaks:
            self.send_header("Connection", "close")
        self.end_headers()
        left = response.length // 2 if response.breaks == "within" else response.length
        for part in response.body:
            left -= self._send_part(part, left)

    def _send_part(self, part: bytes | FileSlice, limit: int) -> int:
        length = min(len(part), limit)
        if length and isinstance(part, FileSlice):
            with part.path.open("rb") as file:
                self.connection.sendfile(file, part.offset, length)
        elif length and isinstance(part, bytes):
            self.wfile.write(part[:length])
        return length

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: only the command line prints."""
