"""How many requests of one account are under way at once: at most as asked for, and no more than the API tolerates."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

logger = logging.getLogger(__name__)

_ANSWERS_TO_GROW = 5


class StoppedError(Exception):
    """The account's requests were stopped, because one of them failed for good or the run was broken off."""


class Throttle:
    """Shared by all lanes of an account.

    Refused as one too many (429), the limit is halved, once for all requests that were under way together; it grows
    back by one each time five times as many requests as the limit were answered. What the API says about when to come
    back holds every lane.
    """

    def __init__(self, lanes: int = 1) -> None:
        self.limit = lanes
        self._lanes = lanes
        self._under_way = 0
        self._answered = 0
        self._halvings = 0
        self._held_until = 0.0
        self._is_stopped = False
        self._changed = Condition()

    @contextmanager
    def turn(self) -> Iterator[int]:
        """Wait until one more request may be under way, and count it for the block.

        Gives what `refused` wants to know. Raises StoppedError once the account is stopped.
        """
        with self._changed:
            while self._under_way >= self.limit or self._held_until > time.monotonic():
                self._wait(self._held_until - time.monotonic())
            self._go_on()
            self._under_way += 1
            turn = self._halvings
        try:
            yield turn
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def answered(self) -> None:
        """A request got its answer."""
        with self._changed:
            self._answered += 1
            if self.limit < self._lanes and self._answered >= _ANSWERS_TO_GROW * self.limit:
                self.limit += 1
                self._answered = 0
                self._changed.notify_all()

    def refused(self, turn: int) -> None:
        """A request of that turn was one too many for the API."""
        with self._changed:
            self._answered = 0
            if turn == self._halvings:
                self._halvings += 1
                self.limit = max(1, self.limit // 2)
                logger.info("too many requests (429): %d at once from now on", self.limit)

    def hold(self, seconds: float) -> None:
        """Let no request of the account begin for so long."""
        with self._changed:
            self._held_until = max(self._held_until, time.monotonic() + seconds)

    def pause(self, seconds: float) -> None:
        """Wait, in one lane. Raises StoppedError as soon as the account is stopped."""
        until = time.monotonic() + seconds
        with self._changed:
            while until > time.monotonic():
                self._wait(until - time.monotonic())
            self._go_on()

    def stop(self) -> None:
        """Let no request begin any more, and end all waiting."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def _wait(self, seconds: float) -> None:
        self._go_on()
        self._changed.wait(seconds if seconds > 0 else None)

    def _go_on(self) -> None:
        if self._is_stopped:
            raise StoppedError
