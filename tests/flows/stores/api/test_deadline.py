"""A response that arrives a byte at a time is cut, whichever part of it is slow."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic

import pytest

from flows.stores.api.client import RecordingsApi
from tests.support.samples.stores import HASTE, access
from tests.support.servers.receivers import encrypting
from tests.support.servers.scripted_server import page
from transforms.errors import ApiError

BODY = page({"sid": "R"})
FAST = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
# Each is sent byte by byte after what comes at once.
SLOW = {
    "status line": (b"", b"HTTP/1.1 200 " + b"O" * 60_000),
    "header": (b"HTTP/1.1 200 OK\r\n", b"X-Slow: " + b"x" * 60_000),
    "many headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000),
    "informational responses": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 3_000),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b" " * 60_000),
    "length of a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 60_000),
    "refusal": (b"HTTP/1.1 401 No\r\nContent-Length: 60000\r\n\r\n", b" " * 60_000),
}


@contextmanager
def slow_server(at_once: bytes, slowly: bytes, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Answer every connection so; with `tls`, encrypted."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with suppress(OSError):
            connection = tls.wrap_socket(connection, server_side=True) if tls else connection
        with suppress(OSError), connection:
            connection.recv(1 << 16)
            connection.sendall(at_once)
            for byte in slowly:
                if over.wait(0.02):
                    return
                connection.sendall(bytes([byte]))

    def listen() -> None:
        while not over.is_set():
            with suppress(OSError):
                threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        threading.Thread(target=listen, daemon=True).start()
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.getsockname()[1]}"
        over.set()


@pytest.mark.parametrize("part", SLOW)
def test_slow_part_is_cut(part: str) -> None:
    with slow_server(*SLOW[part]) as base_url:
        api = RecordingsApi(access(base_url), replace(HASTE, page_timeout=0.3))
        began = monotonic()
        with pytest.raises(ApiError) as caught:
            api.newest()
        assert monotonic() - began < 3
    if part == "refusal":
        assert "the API refuses the credentials (401)" in str(caught.value)
    else:
        assert str(caught.value).startswith(
            "Account support: the API did not send a whole response in time, in 2 attempts. Run again later"
        )
        assert api.requests == 2


def test_fast_responses_are_not_cut() -> None:
    with slow_server(FAST, b"") as base_url:
        api = RecordingsApi(access(base_url), replace(HASTE, page_timeout=0.3))
        began = monotonic()
        while monotonic() - began < 1:
            assert api.fetch(api.pager({}).url or "")[1].rows == 1
        assert api.retries == 0


@pytest.mark.parametrize("part", ["header", "body"])
def test_slow_part_is_cut_through_tls(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = encrypting(tmp_path)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "certificate.pem"))
    with slow_server(*SLOW[part], tls=context) as base_url:
        api = RecordingsApi(access(base_url), replace(HASTE, page_timeout=0.5))
        began = monotonic()
        with pytest.raises(ApiError, match="did not send a whole response in time, in 2 attempts"):
            api.newest()
        assert monotonic() - began < 4
