"""Faults of HTTP and access: refused requests, broken connections, slow bodies and bodies that are not JSON."""

import time
from collections.abc import Mapping
from dataclasses import replace
from email.utils import formatdate
from random import Random

from flows.emulator.http.fault_timing import Fault, account_of, always, from_to, now_and_then
from flows.emulator.http.in_flight import InFlight
from flows.emulator.http.messages import Answer, HttpRequest, Response, Source, error, not_found
from flows.emulator.http.messages import unauthorized as refusal

MOST_AT_ONCE = 3
"""`throttle-concurrency` answers this many page requests of one account at once."""
NOT_FOUND_REQUESTS = 5
"""`not-found` refuses this many page requests of each account at the beginning."""
TOKEN_LASTS = 3
"""`expired-token` accepts this many page requests of an account before it refuses the credentials."""
TOKEN_REFUSALS = 3
"""`expired-token` refuses this many page requests of an account before it accepts the credentials again."""
PAUSE_SECONDS = 0.2
"""`flaky` pauses this long in the middle of a slow body."""
OTHER_HOST = "https://recordings.invalid"
"""A host name that can never resolve (RFC 2606), so a client that follows it does no harm."""
_HTML = (
    b"<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>Try again later</h1></body></html>\n"
)


def _too_many(headers: Mapping[str, str] | None = None) -> Response:
    return error(429, 20429, "Too Many Requests", headers)


def _throttle(answer: Answer, rng: Random, source: Source) -> Answer:
    """Answer some requests with 429 and don't process them. Retry-After is in seconds, a date, or missing."""
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
    """Answer 429 without Retry-After while MOST_AT_ONCE page requests of the account are in flight."""
    in_flight = InFlight()

    def wrapped(request: HttpRequest) -> Response:
        if not request.is_read:
            return answer(request)
        if not in_flight.enter(account_of(request), MOST_AT_ONCE):
            return _too_many()
        try:
            return answer(request)
        finally:
            in_flight.leave(account_of(request))

    return wrapped


def _flaky(answer: Answer, rng: Random, source: Source) -> Answer:
    """Fail some requests: a 5xx with an HTML or empty body, a connection that breaks, or a slow body.

    The connection breaks before the answer or in the middle of its body.
    """
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
    """Answer the very first page request with 200 and an HTML body."""
    is_first = iter((True,))  # next() on it is atomic

    def wrapped(request: HttpRequest) -> Response:
        if request.is_read and next(is_first, False):
            return Response(200, (_HTML,), content_type="text/html")
        return answer(request)

    return wrapped


def _not_found(answer: Answer, rng: Random, source: Source) -> Answer:
    """Answer the first NOT_FOUND_REQUESTS page requests of each account with 404."""
    return from_to(1, NOT_FOUND_REQUESTS, lambda request: not_found(request.path))(answer, rng, source)


def _expired_token(answer: Answer, rng: Random, source: Source) -> Answer:
    """Answer TOKEN_REFUSALS page requests of each account with 401, after TOKEN_LASTS successful ones."""
    last = TOKEN_LASTS + TOKEN_REFUSALS
    return from_to(TOKEN_LASTS + 1, last, lambda _: refusal())(answer, rng, source)


TRANSPORT_FAULTS: Mapping[str, Fault] = {
    "throttle": _throttle,
    "throttle-concurrency": _throttle_concurrency,
    "flaky": _flaky,
    "bad-json": _bad_json,
    "not-found": _not_found,
    "expired-token": _expired_token,
    # 401, always.
    "unauthorized": always(lambda _: refusal()),
    # 302 to another host, where the credentials must not be sent.
    "redirect": always(lambda request: Response(302, headers={"Location": OTHER_HOST + request.target})),
}
