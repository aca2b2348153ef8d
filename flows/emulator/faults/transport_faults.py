"""Faults of the way to the API and of its door: it refuses, breaks off, answers late or something else."""

import time
from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate
from random import Random

from flows.emulator.http.in_flight import InFlight
from flows.emulator.http.messages import Answer, HttpRequest, Response, Source, error, not_found
from flows.emulator.http.messages import unauthorized as refusal
from flows.emulator.http.striking import Fault, account_of, always, from_to, now_and_then

MOST_AT_ONCE = 3
"""How many page requests of one account `throttle-concurrency` answers at once."""
NOT_FOUND_REQUESTS = 5
"""How many page requests of each account `not-found` refuses at the beginning."""
TOKEN_LASTS = 3
"""After how many page requests of an account `expired-token` refuses its credentials."""
TOKEN_RENEWED_AFTER = 3
"""How many page requests of an account `expired-token` refuses until they are accepted again."""
PAUSE_SECONDS = 0.2
"""How long a slow body of `flaky` pauses."""
OTHER_HOST = "https://recordings.invalid"
"""A name that can never be reached (RFC 2606), so that a client that follows it harms nobody."""
_HTML = (
    b"<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>Try again later</h1></body></html>\n"
)


def _too_many(headers: Mapping[str, str] | None = None) -> Response:
    return error(429, 20429, "Too Many Requests", headers)


def _throttle(answer: Answer, rng: Random, source: Source) -> Answer:
    """429, not processed and safe to repeat; Retry-After comes in seconds, as a date, or not at all."""
    return now_and_then(
        answer,
        rng,
        (
            lambda _: _too_many({"Retry-After": "1"}),
            lambda _: _too_many({"Retry-After": formatdate(time.time() + 1, usegmt=True)}),
            lambda _: _too_many(),
        ),
    )


def _throttle_concurrency(answer: Answer, rng: Random, source: Source) -> Answer:
    """429 without Retry-After, not processed, for a page request above MOST_AT_ONCE in flight of its account."""
    in_flight = InFlight()

    def wrapped(request: HttpRequest) -> Response:
        if not request.is_page:
            return answer(request)
        if not in_flight.enter(account_of(request), MOST_AT_ONCE):
            return _too_many()
        try:
            return answer(request)
        finally:
            in_flight.leave(account_of(request))

    return wrapped


def _flaky(answer: Answer, rng: Random, source: Source) -> Answer:
    """A 5xx whose body is HTML or empty, a connection that breaks before or within the answer, a slow body."""
    return now_and_then(
        answer,
        rng,
        (
            lambda _: Response(500, (_HTML,), content_type="text/html"),
            lambda _: Response(502),
            lambda _: Response(200, breaks="before"),
            lambda _: Response(503, (_HTML,), content_type="text/html"),
            lambda request: replace(answer(request), breaks="within"),
            lambda request: replace(answer(request), pause_seconds=PAUSE_SECONDS),
        ),
    )


def _bad_json(answer: Answer, rng: Random, source: Source) -> Answer:
    """The first page request of all gets 200 with an HTML body."""
    is_first = iter((True,))  # next() on it is atomic

    def wrapped(request: HttpRequest) -> Response:
        if request.is_page and next(is_first, False):
            return Response(200, (_HTML,), content_type="text/html")
        return answer(request)

    return wrapped


def _not_found(answer: Answer, rng: Random, source: Source) -> Answer:
    """404 for the first NOT_FOUND_REQUESTS page requests of each account, then all is fine."""
    return from_to(1, NOT_FOUND_REQUESTS, lambda request: not_found(request.path))(answer, rng, source)


def _expired_token(answer: Answer, rng: Random, source: Source) -> Answer:
    """401 for some page requests of each account, after TOKEN_LASTS good ones; then the token is renewed."""
    last = TOKEN_LASTS + TOKEN_RENEWED_AFTER
    return from_to(TOKEN_LASTS + 1, last, lambda _: refusal())(answer, rng, source)


TRANSPORT_FAULTS: Mapping[str, Fault] = {
    "throttle": _throttle,
    "throttle-concurrency": _throttle_concurrency,
    "flaky": _flaky,
    "bad-json": _bad_json,
    "not-found": _not_found,
    "expired-token": _expired_token,
    # 401, for ever.
    "unauthorized": always(lambda _: refusal()),
    # 302 to another host, where the credentials must not be sent.
    "redirect": always(lambda request: Response(302, headers={"Location": OTHER_HOST + request.target})),
}
