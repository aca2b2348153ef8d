"""Limits the concurrent requests of one account: at most as many as configured, and as many as the API tolerates."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

logger = logging.getLogger(__name__)

_ANSWERS_TO_GROW = 5


class StoppedError(Exception):
    """The account's requests were stopped, because one of them failed for good or the run was interrupted."""


class Throttle:
    """Limits concurrent requests; shared by all workers of an account.

    When the API refuses a request as one too many (429), the limit is halved, once for all requests that were in flight
    together. It grows back by one each time five times as many requests as the limit were answered. A wait that the API
    asks for (Retry-After) holds every worker. has_answered: whether any request got a page.
    """

    def __init__(self, workers: int = 1) -> None:
        self.limit = workers
        self.has_answered = False
        self._workers = workers
        self._in_flight = 0
        self._answered = 0
        self._halvings = 0
        self._held_until = 0.0
        self._is_stopped = False
        self._changed = Condition()

    @contextmanager
    def turn(self) -> Iterator[int]:
        """Wait until one more request may be in flight, and count it until the block ends.

        Yields:
            The turn, to pass to `refused`.

        Raises:
            StoppedError: The account was stopped.
        """
        with self._changed:
            while self._in_flight >= self.limit or self._held_until > time.monotonic():
                self._wait(self._held_until - time.monotonic())
            self._raise_if_stopped()
            self._in_flight += 1
            turn = self._halvings
        try:
            yield turn
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def answered(self) -> None:
        """Count a request that got a response."""
        with self._changed:
            self.has_answered = True
            self._answered += 1
            if self.limit < self._workers and self._answered >= _ANSWERS_TO_GROW * self.limit:
                self.limit += 1
                self._answered = 0
                self._changed.notify_all()

    def refused(self, turn: int) -> None:
        """Halve the limit, because the API refused a request of that turn as one too many (429)."""
        with self._changed:
            self._answered = 0
            if turn == self._halvings:
                self._halvings += 1
                self.limit = max(1, self.limit // 2)
                logger.info("too many requests (429): at most %d at once from now on", self.limit)

    def hold(self, seconds: float) -> float:
        """Start no request of the account for this many seconds. Returns by how many that is longer than before."""
        with self._changed:
            before = max(self._held_until, time.monotonic())
            self._held_until = max(before, time.monotonic() + seconds)
            return self._held_until - before

    def pause(self, seconds: float) -> None:
        """Wait this many seconds, in one worker.

        Raises:
            StoppedError: The account was stopped; raised at once.
        """
        until = time.monotonic() + seconds
        with self._changed:
            while until > time.monotonic():
                self._wait(until - time.monotonic())
            self._raise_if_stopped()

    def stop(self) -> None:
        """Start no more requests, and end all waiting."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def _wait(self, seconds: float) -> None:
        self._raise_if_stopped()
        self._changed.wait(seconds if seconds > 0 else None)

    def _raise_if_stopped(self) -> None:
        if self._is_stopped:
            raise StoppedError


class Brake:
    """Stops the requests of several accounts at once, also of those that begin later. Usable from any thread."""

    def __init__(self) -> None:
        self._throttles: list[Throttle] = []
        self._is_pulled = False
        self._lock = Lock()

    def holds(self, throttle: Throttle) -> Throttle:
        """Stop this account too, once the brake is pulled. Returns it."""
        with self._lock:
            self._throttles.append(throttle)
            if self._is_pulled:
                throttle.stop()
        return throttle

    def refuse_pulled(self) -> None:
        """Raise StoppedError once the brake is pulled."""
        if self._is_pulled:
            raise StoppedError

    def pull(self) -> None:
        """Stop all accounts."""
        with self._lock:
            self._is_pulled = True
            for throttle in self._throttles:
                throttle.stop()
