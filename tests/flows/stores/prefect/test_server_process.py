"""Which requests reach Prefect's app: those of this machine's own pages and programs."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from flows.stores.prefect.server_process import Message, Receive, Scope, Send, guarded

PORT = 4200
OURS = f"127.0.0.1:{PORT}"
Headers = Iterable[tuple[str, str]]


def answered(kind: str, headers: Headers) -> tuple[bool, list[Message]]:
    """Return whether a request reaches the app, and what is sent back."""
    reached: list[str] = []
    sent: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["type"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"x-app", b"1")]})

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": kind, "headers": [(name.encode(), value.encode()) for name, value in headers]}

    async def ask() -> None:
        await guarded(app, PORT)(scope, receive, send)

    asyncio.run(ask())
    return reached == [kind], sent


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "headers",
    [
        [("host", OURS)],
        [("host", f"LocalHost:{PORT}")],
        [("host", OURS), ("origin", f"http://{OURS}")],
        [("host", OURS), ("origin", f"http://localhost:{PORT}")],
    ],
)
def test_guard_lets_own_programs_and_pages_through(kind: str, headers: Headers) -> None:
    is_reached, sent = answered(kind, headers)
    assert is_reached
    assert {name for name, _ in sent[0]["headers"]} == {
        b"x-app",
        b"x-frame-options",
        b"content-security-policy",
    }


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("host", "evil.example")],
        [("host", f"evil.example:{PORT}")],
        [("host", "127.0.0.1")],
        [("host", f"127.0.0.1.evil.example:{PORT}")],
        [("host", OURS), ("host", "evil.example")],
        [("Host", OURS), ("host", OURS)],
        [("host", OURS), ("origin", "null")],
        [("host", OURS), ("origin", "http://evil.example")],
        [("host", OURS), ("origin", f"https://{OURS}")],
        [("host", OURS), ("origin", "http://127.0.0.1:4201")],
        [("host", OURS), ("origin", f"http://{OURS}"), ("origin", "http://evil.example")],
        [("host", OURS), ("Origin", "http://evil.example")],
    ],
)
def test_guard_refuses_foreign_hosts_and_origins(kind: str, headers: Headers) -> None:
    is_reached, sent = answered(kind, headers)
    assert not is_reached
    if kind == "websocket":
        assert [(each["type"], each["code"]) for each in sent] == [("websocket.close", 1008)]
    else:
        assert (sent[0]["status"], sent[1]["body"][:20]) == (403, b"This server answers ")


def test_guard_leaves_the_life_of_the_app_alone() -> None:
    assert answered("lifespan", [])[0]
