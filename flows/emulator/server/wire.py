"""HTTP/1.1 with keep-alive, on 127.0.0.1 only: receive requests and send responses."""

import logging
import socket
import socketserver
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from flows.emulator.http.in_flight import InFlight
from flows.emulator.http.messages import TWILIO_ROOT, Answer, FileSlice, HttpRequest, Response, Route, error
from flows.emulator.http.queries import EmulatedDialect
from flows.emulator.server.control import PREFIX

HOST = "127.0.0.1"
TRICKLE_SECONDS = 1.0
"""How long a response that trickles takes for each byte."""
_KEPT_REQUESTS = 100_000
_logger = logging.getLogger(__name__)


class LoggedRequest(NamedTuple):
    """One request. `target` is path and query as received; status 0 means that the connection was broken on purpose."""

    method: str
    target: str
    status: int


class Server(ThreadingHTTPServer):
    """Receives requests, passes them on to `answer` with the dialect, and logs them.

    `control` answers the requests below its prefix, given their method and target. The `Date` headers are
    `clock_ahead_seconds` ahead of this machine's clock; they lag if it is negative.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        dialect: EmulatedDialect,
        answer: Answer,
        control: Callable[[str, str], Response],
        clock_ahead_seconds: float = 0,
    ) -> None:
        self.dialect = dialect
        self.clock_ahead_seconds = clock_ahead_seconds
        self.control = control
        self.in_flight = InFlight()
        self._answer = answer
        self.request_log: deque[LoggedRequest] = deque(maxlen=_KEPT_REQUESTS)
        self._open: set[Any] = set()  # sockets
        self._closed = threading.Condition()
        super().__init__((HOST, port), _Handler)

    def answer(self, request: HttpRequest) -> Response:
        """Answer a request, and count it while doing so.

        Counting ends before the answer is sent: a client may send its next request as soon as it has the answer, and
        must not be counted twice.
        """
        route = request.route
        if route is None:
            return self._answer(request)
        if not request.is_read:
            return _with_load(self._answer(request), route, self.in_flight.now(route.account_sid) + 1)
        self.in_flight.enter(route.account_sid)
        try:
            return _with_load(self._answer(request), route, self.in_flight.now(route.account_sid))
        finally:
            self.in_flight.leave(route.account_sid)

    def server_bind(self) -> None:
        """Bind the port."""
        # HTTPServer would look up the name of this machine, which can take seconds.
        socketserver.TCPServer.server_bind(self)

    def process_request(
        self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object
    ) -> None:
        """Serve a connection in its own thread, and remember that it is open."""
        with self._closed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: "socket.socket | tuple[bytes, socket.socket]") -> None:
        """Close a connection."""
        super().shutdown_request(request)
        with self._closed:
            self._open.discard(request)
            self._closed.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log the error, which the base class would print. Ignore clients that closed their connection."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            _logger.exception("the emulator failed to answer")

    def stop(self) -> None:
        """Stop listening, and close the connections that clients keep open."""
        self.shutdown()
        self.server_close()
        with self._closed:
            for connection in self._open:
                with suppress(OSError):  # its thread may be closing it at the same moment
                    connection.shutdown(socket.SHUT_RDWR)
            self._closed.wait_for(lambda: not self._open, timeout=2)


def _with_load(response: Response, route: Route, at_once: int) -> Response:
    """Add the header that Twilio documents at twilio.com/docs/api/errors/20429.

    It contains the number of concurrent requests of the account, but not the limit. SignalWire is not known to send
    such a header.
    """
    if route.root != TWILIO_ROOT:
        return response
    return replace(response, headers={**response.headers, "Twilio-Concurrent-Requests": str(at_once)})


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "recordings-emulator"
    sys_version = ""
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self.close_connection = True  # the unread body would be parsed as the next request
        self._respond()

    do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - the base class wants these names

    def _respond(self) -> None:
        is_control = self.path.startswith(PREFIX)
        try:
            response = self._control() if is_control else self._answer()
        except Exception:
            _logger.exception("the emulator cannot answer %s", self.path)
            response = error(500, 20500, "The emulator failed")
        if not is_control:
            # Log before sending, so that a client that has the response finds its request in the log.
            status = 0 if response.breaks else response.status
            self.server.request_log.append(LoggedRequest(self.command, self.path, status))
        self._send(response)

    def _control(self) -> Response:
        return self.server.control(self.command, self.path)

    def _answer(self) -> Response:
        if self.command != "GET":
            return error(405, 20004, "Method not allowed")
        authorization = self.headers.get("Authorization", "")
        return self.server.answer(HttpRequest(self.path, authorization, self.server.dialect))

    def _send(self, response: Response) -> None:
        if response.breaks:
            self.close_connection = True
        if response.breaks == "before":
            # Closing with a linger time of 0 sends a reset instead of a regular end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        if response.trickles == "head":
            self._trickle(f"HTTP/1.1 {response.status} OK\r\nX-Slow: {'x' * (1 << 16)}".encode())
            return
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(response.length))
        for name, value in response.headers.items():
            self.send_header(name, value)
        if self.close_connection and not response.breaks:
            self.send_header("Connection", "close")
        self.end_headers()
        if response.trickles == "body":
            self._trickle(b"".join(part for part in response.body if isinstance(part, bytes)))
            return
        is_whole = not (response.breaks or response.pause_seconds)
        first = response.length if is_whole else response.length // 2
        self._send_body(response, 0, first)
        if response.pause_seconds:
            time.sleep(response.pause_seconds)
        if response.breaks != "within":
            self._send_body(response, first, response.length)

    def _trickle(self, content: bytes) -> None:
        """Send a byte each second, until the client or the server ends."""
        self.close_connection = True
        for byte in content:
            self.wfile.write(bytes([byte]))
            time.sleep(TRICKLE_SECONDS)

    def _send_body(self, response: Response, start: int, stop: int) -> None:
        """Send the bytes of the body from `start` to before `stop`."""
        for part in response.body:
            low, high = min(max(start, 0), len(part)), min(max(stop, 0), len(part))
            if low < high and isinstance(part, FileSlice):
                with part.path.open("rb") as file:
                    self.connection.sendfile(file, part.offset + low, high - low)
            elif low < high and isinstance(part, bytes):
                self.wfile.write(part[low:high])
            start, stop = start - len(part), stop - len(part)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the `Date` header by the server's clock."""
        now = time.time() if timestamp is None else timestamp
        return super().date_time_string(int(now + self.server.clock_ahead_seconds))

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: only the command line may print."""
