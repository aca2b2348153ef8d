"""A small HTTP server that sends scripted replies and records the requests."""

import json
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply.

    Args:
        missing: Content-Length promises this many bytes more than the body has.
        breaks: "reset" resets the connection instead of replying, "silent" never replies, "stalls" sends the head and
            the body but never the missing bytes, "trickles" sends the body byte by byte.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    missing: int = 0
    breaks: Literal["", "reset", "silent", "stalls", "trickles"] = ""


class ReceivedRequest(NamedTuple):
    """One request: path and query as received, and its headers."""

    target: str
    headers: Mapping[str, str]


class ScriptedServer(ThreadingHTTPServer):
    """Sends its replies in order, and repeats the last one."""

    daemon_threads = True

    def __init__(self, replies: tuple[Reply, ...]) -> None:
        self.replies = list(replies)
        self.asked: list[ReceivedRequest] = []
        self.connections = 0
        self.stopping = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler, bind_and_activate=False)
        self.server_bind()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    @property
    def netloc(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def base_url(self) -> str:
        return f"http://{self.netloc}"

    def listen(self) -> None:
        """Start to accept connections. Before, they are refused."""
        self.server_activate()
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        if self._thread.ident is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()

    def server_bind(self) -> None:
        # HTTPServer would look up the name of this machine, which can take seconds.
        socketserver.TCPServer.server_bind(self)

    def get_request(self) -> tuple[socket.socket, Any]:
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: some tests close the connection on purpose."""

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer

    def do_GET(self) -> None:
        self.server.asked.append(ReceivedRequest(self.path, dict(self.headers)))
        reply = self.server.next_reply()
        if reply.breaks == "reset":
            # Closing with a linger time of 0 sends a reset instead of a regular end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            return
        if reply.breaks == "silent":
            self.server.stopping.wait(30)
            return
        self.send_response(reply.status)
        self.send_header("Content-Length", str(len(reply.body) + reply.missing))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if reply.breaks == "trickles":
            with suppress(OSError):  # the client has gone
                for byte in reply.body:
                    self.wfile.write(bytes([byte]))
                    self.server.stopping.wait(0.01)
            return
        self.wfile.write(reply.body)
        if reply.breaks == "stalls":
            self.wfile.flush()
            self.server.stopping.wait(30)

    def do_CONNECT(self) -> None:
        """Refuse to be a proxy, with the status of the reply."""
        self.server.asked.append(ReceivedRequest(self.path, dict(self.headers)))
        self.send_response(self.server.next_reply().status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def scripted(
    *replies: Reply, listening: bool = True, tls: ssl.SSLContext | None = None
) -> Iterator[ScriptedServer]:
    """Serve on a free port of this machine for the block; with `tls`, encrypted."""
    server = ScriptedServer(replies)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    if listening:
        server.listen()
    try:
        yield server
    finally:
        server.stop()


def page(*recordings: Mapping[str, object], next_page_uri: object = None) -> bytes:
    """Return a page of recordings as the API sends it, with the envelope's seven keys."""
    uri = "/2010-04-01/Accounts/A/Recordings.json?Page=0&PageSize=50"
    envelope = {
        "uri": uri,
        "first_page_uri": uri,
        "next_page_uri": next_page_uri,
        "previous_page_uri": None,
        "page": 0,
        "page_size": 50,
        "recordings": recordings,
    }
    return json.dumps(envelope).encode()


def refusal(code: int, message: str, status: int) -> bytes:
    """Return an error in the vendors' documented form."""
    more_info = f"https://www.example.com/docs/errors/{code}"
    return json.dumps({"code": code, "message": message, "more_info": more_info, "status": status}).encode()
