"""What a fault is, and when it occurs.

The seed and the order of the requests decide when a fault occurs, never the machine's clock. Faults affect only a
client's requests for recordings: a page of them, or a single one.
"""

from collections.abc import Callable, Sequence
from itertools import cycle
from random import Random
from threading import Lock

from flows.emulator.http.messages import Answer, HttpRequest, Response, Source

Fault = Callable[[Answer, Random, Source], Answer]
"""Wraps the function that answers requests, so that faults can be combined. The source is what is served."""

Failure = Callable[[HttpRequest], Response]


def now_and_then(answer: Answer, rng: Random, failures: Sequence[Failure], share: float = 0.2) -> Answer:
    """Answer a share of the requests with the failures in turn. Repeating the same request succeeds."""
    lock, failed, turns = Lock(), set[str](), cycle(failures)

    def wrapped(request: HttpRequest) -> Response:
        failure = answer
        if request.is_read:
            with lock:
                if request.target in failed:
                    failed.remove(request.target)
                elif rng.random() < share:
                    failed.add(request.target)
                    failure = next(turns)
        return failure(request)

    return wrapped


def always(failure: Failure) -> Fault:
    """Replace the answer to every request for recordings."""
    return lambda answer, rng, source: (
        lambda request: failure(request) if request.is_read else answer(request)
    )


def from_to(first: int, last: int, failure: Failure) -> Fault:
    """Replace the answers to each account's requests for recordings from the `first` to the `last`, counted from 1."""

    def fault(answer: Answer, rng: Random, source: Source) -> Answer:
        lock, counts = Lock(), dict[str, int]()

        def wrapped(request: HttpRequest) -> Response:
            if not request.is_read:
                return answer(request)
            with lock:
                number = counts[account_of(request)] = counts.get(account_of(request), 0) + 1
            return failure(request) if first <= number <= last else answer(request)

        return wrapped

    return fault


def account_of(request: HttpRequest) -> str:
    """Return the sid of the account whose list is requested."""
    return request.route.account_sid if request.route else ""
