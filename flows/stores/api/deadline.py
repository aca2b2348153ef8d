"""A deadline for a whole response: a server that sends a byte now and then never reaches a read timeout.

The head of a response is read by the HTTP library, line by line, so only closing its connection ends that.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class Deadline:
    """Cuts the connection of the response that is being received, once its time is over. For one thread at a time."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._socket: Any = None
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether the latest response was cut."""
        return self._is_over

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Cut whatever is received in the block for longer than this."""
        self._connection, self._socket, self._is_over = None, None, False
        timer = Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def watch(self, connection: Any) -> None:
        """Take this connection for the one to be cut."""
        self._connection = connection

    def receive(self, connection: Any) -> None:
        """Note the socket of a response: the connection drops it before the body is read."""
        self._socket = connection.sock

    def _cut(self) -> None:
        self._is_over = True
        found = self._socket or getattr(self._connection, "sock", None)
        if found is not None:
            with suppress(OSError):  # it has ended just now
                # Not that of ssl, which would wait for the server's consent.
                socket.socket.shutdown(found, socket.SHUT_RDWR)


class DeadlineAdapter(HTTPAdapter):
    """Sends requests over connections that a deadline can cut."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> Any:
        """Return the pool of connections to a host, all of them watched."""
        pool: Any = super().get_connection_with_tls_context(request, *args, **kwargs)
        if "ConnectionCls" not in vars(pool):
            pool.ConnectionCls = _watched(pool.ConnectionCls, self._deadline)
        return pool


def _watched(kind: Any, deadline: Deadline) -> Any:
    class Watched(kind):  # type: ignore[misc]
        def connect(self) -> None:
            deadline.watch(self)
            super().connect()

        def getresponse(self) -> Any:
            deadline.receive(self)
            return super().getresponse()

    return Watched
