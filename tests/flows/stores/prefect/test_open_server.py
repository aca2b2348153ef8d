"""Whether a server answers everybody, and whether it refuses a login."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from httpx import ConnectError, HTTPStatusError, Request, Response

from flows.stores.prefect.open_server import answers_anybody
from flows.stores.prefect.refusals import is_refused_login


@contextmanager
def answering(status: int) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """Run a server that answers like this; yields where it is, and the paths and logins it was sent."""
    asked: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization")))
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
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


@pytest.mark.parametrize(
    ("status", "is_open"), [(200, True), (401, False), (403, False), (404, False), (302, False)]
)
def test_open_server_is_one_that_answers_without_a_login(
    status: int, is_open: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "user:login")
    with answering(status) as (place, asked):
        assert answers_anybody(f"http://user:login@{place}/api/?key=x") is is_open
    assert asked == [("/api/admin/version", None)]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/api", "no address", "http://[::1", "http://127.0.0.1:99999/api"]
)
def test_server_that_does_not_respond_is_not_called_open(url: str) -> None:
    assert not answers_anybody(url)


def refusal(status: int) -> HTTPStatusError:
    asked = Request("GET", "http://127.0.0.1:4200/api")
    return HTTPStatusError("no", request=asked, response=Response(status, request=asked))


def test_refused_login_is_recognised_in_what_it_caused() -> None:
    assert is_refused_login(refusal(401))
    assert is_refused_login(refusal(403))
    assert not is_refused_login(refusal(500))
    assert not is_refused_login(ConnectError("no"))
    caused = RuntimeError("could not start")
    caused.__cause__ = refusal(401)
    assert is_refused_login(caused)
