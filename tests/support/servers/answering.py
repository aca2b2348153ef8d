"""A web server that answers with given statuses, and keeps what it was asked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

Asked = tuple[str, str | None]
"""The path of a request, and the login that was sent with it."""


@contextmanager
def answering(*statuses: int, headers: Mapping[str, str] | None = None) -> Iterator[tuple[str, list[Asked]]]:
    """Run a server with these responses in order; yield its host and port, and the requests it got."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization")))
            self.send_response(statuses[len(asked) - 1])
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()
