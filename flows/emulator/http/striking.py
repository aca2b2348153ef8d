"""What the faults have in common: what a fault is, and when it strikes.

When a fault strikes depends on the seed and on the order of the requests, never on the machine's clock. Faults
strike requests of a client for a page of recordings only.
"""

from collections.abc import Callable, Sequence
from itertools import cycle
from random import Random
from threading import Lock

from flows.emulator.http.messages import Answer, HttpRequest, Response, Source

Fault = Callable[[Answer, Random, Source], Answer]
"""Wraps what answers, so that faults combine; the source is what is served."""

Accident = Callable[[HttpRequest], Response]


def now_and_then(answer: Answer, rng: Random, accidents: Sequence[Accident], share: float = 0.2) -> Answer:
    """Let the accidents happen in turn to a share of the requests; the same request asked again is answered."""
    lock, owed, turns = Lock(), set[str](), cycle(accidents)

    def wrapped(request: HttpRequest) -> Response:
        accident = answer
        if request.is_page:
            with lock:
                if request.target in owed:
                    owed.remove(request.target)
                elif rng.random() < share:
                    owed.add(request.target)
                    accident = next(turns)
        return accident(request)

    return wrapped


def always(accident: Accident) -> Fault:
    """Every page request is answered with something else."""
    return lambda answer, rng, source: (
        lambda request: accident(request) if request.is_page else answer(request)
    )


def from_to(first: int, last: int, accident: Accident) -> Fault:
    """Each account's page requests from the `first` to the `last`, counted from 1, are answered with something else."""

    def fault(answer: Answer, rng: Random, source: Source) -> Answer:
        lock, asked = Lock(), dict[str, int]()

        def wrapped(request: HttpRequest) -> Response:
            if not request.is_page:
                return answer(request)
            with lock:
                number = asked[account_of(request)] = asked.get(account_of(request), 0) + 1
            return accident(request) if first <= number <= last else answer(request)

        return wrapped

    return fault


def account_of(request: HttpRequest) -> str:
    """The sid of the account whose list is asked for."""
    return request.route.account_sid if request.route else ""
