"""What can happen to requests to a bucket: faults at random, and the death of a process at one of them."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any
from unittest.mock import patch

from flows.stores.bucket.objects import Bucket
from tests.support.servers.bucket_server import Answer

_WORKERS = ("account", "fetch ", "save ", "normalize", "bucket")
"""How the names of threads begin that the death of a process would end."""

_ANSWERS: list[Answer] = ["unavailable", "conflict", "refused", "lost", "slow"]


def sprinkled(chance: random.Random, share: float) -> Callable[[str, str], Answer]:
    """Return a fault: this share of all requests gets one of the wrong answers. A 409 or 412 is only for writers."""
    lock = threading.Lock()

    def fault(method: str, path: str) -> Answer:
        with lock:
            if chance.random() >= share:
                return "as asked"
            answer = chance.choice(_ANSWERS)
        return answer if method == "PUT" or answer in {"unavailable", "lost", "slow"} else "as asked"

    return fault


class Died(BaseException):
    """Stands in for the death of the process."""


@contextmanager
def dying_at(number: int, *, is_done: bool, how: type[BaseException] = Died) -> Iterator[Callable[[], int]]:
    """Die at the nth request to a bucket (from 1), which is done before or not at all. Yields how many there were.

    From then on no request to a bucket is sent, also none that lets a lease go.
    """
    dead, numbered, asked = threading.Event(), count(1), Bucket._asked
    sent: list[int] = []

    def asked_or_dead(bucket: Bucket, ask: Callable[[], Any], name: str) -> Any:
        if dead.is_set():
            raise how
        sent.append(found := next(numbered))
        if found < number:
            return asked(bucket, ask, name)
        if is_done and found == number:
            asked(bucket, ask, name)
        dead.set()
        raise how

    with patch.object(Bucket, "_asked", asked_or_dead):
        try:
            yield lambda: len(sent)
        finally:
            while working := [each for each in threading.enumerate() if each.name.startswith(_WORKERS)]:
                for thread in working:
                    with suppress(RuntimeError):  # it does not run yet
                        thread.join()
