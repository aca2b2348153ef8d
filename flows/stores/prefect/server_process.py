"""The process of our own Prefect server: Prefect's app, which answers only requests meant for it.

`server.py` starts this file by its path, with the number of an inherited socket that is bound already. It imports
nothing of ours, so no folder can replace anything. What Prefect's settings can do (the login, CORS, CSRF tokens) comes
in its environment; Prefect itself checks neither Host nor Origin.
"""

import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Prefect's page would also ask Amplitude for its settings, whatever is set: it may talk to this server only.
_OF_PAGES = [
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'",
    ),
]


def guarded(app: App, port: int) -> App:
    """Refuse requests with a foreign Host header, or from a page of another origin, and let pages talk to nobody else.

    A page can have its own name resolve to 127.0.0.1 (DNS rebinding): its requests then have its name as Host.
    WebSockets are subject to neither CORS nor CSRF tokens, but their Origin is checked here like any other.
    """
    hosts = {f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost")}
    origins = {b"http://" + host for host in hosts}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def kept_here(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_OF_PAGES]
            await send(message)

        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif _sent(scope, b"host") not in [[host] for host in hosts]:
            await _refuse(scope, send, f"This server answers only requests to http://127.0.0.1:{port}.")
        elif not origins.issuperset(_sent(scope, b"origin")):
            await _refuse(scope, send, "This server answers no pages of other origins.")
        else:
            await app(scope, receive, kept_here)

    return answer


def _sent(scope: Scope, name: bytes) -> list[bytes]:
    return [value.lower() for header, value in scope["headers"] if header.lower() == name]


async def _refuse(scope: Scope, send: Send, words: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": words})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": words.encode()})


def main(descriptor: int) -> None:
    """Serve on the inherited socket until SIGINT or SIGTERM."""
    bound = socket.socket(fileno=descriptor)
    limits = get_current_settings().server.api
    config = uvicorn.Config(
        guarded(create_app(final=True), bound.getsockname()[1]),
        log_level="error",
        lifespan="on",
        timeout_keep_alive=limits.keepalive_timeout,
        ws_ping_interval=limits.websocket_ping_interval,
        ws_ping_timeout=limits.websocket_ping_timeout,
        server_header=False,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[bound])
    if not server.started:
        sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
