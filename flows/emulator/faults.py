"""Ways in which an API misbehaves. Each one wraps what answers, so that they combine.

A fault is deterministic: when it strikes depends on the seed and on the order of the requests, never on the
clock. All of them strike requests for a page of recordings only.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import formatdate
from itertools import cycle
from random import Random
from threading import Lock

from flows.emulator.messages import Answer, FileSlice, Request, Response, error, json_bytes, not_found
from flows.emulator.messages import unauthorized as refusal

Fault = Callable[[Answer, Random], Answer]
# A name that can never be reached (RFC 2606), so that a client that follows it harms nobody.
_OTHER_HOST = "https://recordings.invalid"
_HTML = (
    b"<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>Try again later</h1></body></html>\n"
)
_NEXT_PAGE_URI = re.compile(rb'("next_page_uri"\s*:\s*)(null|"[^"]*")')


def with_faults(answer: Answer, names: Sequence[str], seed: int) -> Answer:
    """Wrap an answer in faults, the first name outermost. Raises ValueError for a name not in FAULTS."""
    for name in reversed(names):
        if name not in FAULTS:
            raise ValueError(f"There is no fault {name!r}. Choose from: {', '.join(sorted(FAULTS))}.")
        answer = FAULTS[name](answer, Random(f"{seed}/{name}"))  # noqa: S311 - mischief, not secrets
    return answer


def _now_and_then(answer: Answer, rng: Random, strike: Callable[[Request], Response]) -> Answer:
    """Strike about one request in five; the same request asked again is answered."""
    lock, owed = Lock(), set[str]()

    def wrapped(request: Request) -> Response:
        if not request.is_page:
            return answer(request)
        with lock:
            if request.target in owed:
                owed.remove(request.target)
            elif rng.random() < 0.2:
                owed.add(request.target)
                return strike(request)
        return answer(request)

    return wrapped


def _instead(response: Callable[[Request], Response]) -> Fault:
    """Every page request is answered with something else."""
    return lambda answer, rng: lambda request: response(request) if request.is_page else answer(request)


def _throttle(answer: Answer, rng: Random) -> Answer:
    """429, not processed and safe to repeat; Retry-After comes in seconds, as a date, or not at all."""
    kinds = cycle(("seconds", "date", "none"))

    def strike(_: Request) -> Response:
        in_a_second = {"seconds": "1", "date": formatdate(time.time() + 1, usegmt=True)}.get(next(kinds))
        headers = {} if in_a_second is None else {"Retry-After": in_a_second}
        return error(429, 20429, "Too Many Requests", headers)

    return _now_and_then(answer, rng, strike)


def _flaky(answer: Answer, rng: Random) -> Answer:
    """A 5xx whose body is HTML or empty, a connection that breaks before or within the answer."""

    def within(request: Request) -> Response:
        whole = answer(request)
        return Response(whole.status, whole.body, whole.headers, whole.content_type, breaks="within")

    accidents: cycle[Callable[[Request], Response]] = cycle(
        (
            lambda _: Response(500, (_HTML,), content_type="text/html"),
            lambda _: Response(502),
            lambda _: Response(200, breaks="before"),
            lambda _: Response(503, (_HTML,), content_type="text/html"),
            within,
        )
    )

    def strike(request: Request) -> Response:
        accident = next(accidents)
        return accident(request)

    return _now_and_then(answer, rng, strike)


def _bad_json(answer: Answer, rng: Random) -> Answer:
    """The first page request of all gets 200 with an HTML body."""
    is_first = iter((True,))  # next() on it is atomic

    def wrapped(request: Request) -> Response:
        if request.is_page and next(is_first, False):
            return Response(200, (_HTML,), content_type="text/html")
        return answer(request)

    return wrapped


def _with_next_page(response: Response, change: Callable[[bytes], bytes]) -> Response:
    """Change the JSON value of next_page_uri, which stands in the first part of the body."""
    head, *rest = response.body or (b"",)
    if response.status != 200 or isinstance(head, FileSlice):
        return response
    changed = _NEXT_PAGE_URI.sub(lambda match: match[1] + change(match[2]), head, count=1)
    return Response(
        response.status, (changed, *rest), response.headers, response.content_type, response.breaks
    )


def _repeat_cursor(answer: Answer, rng: Random) -> Answer:
    """From the second page on the next page is the same page again: who follows it never ends."""

    def wrapped(request: Request) -> Response:
        response = answer(request)
        is_later = request.is_page and request.query.get("Page", "0") != "0"
        return _with_next_page(response, lambda _: json_bytes(request.target)) if is_later else response

    return wrapped


def _other_host(answer: Answer, rng: Random) -> Answer:
    """The next page is said to be on another host, where the credentials must not be sent."""

    def change(value: bytes) -> bytes:
        return value if value == b"null" else b'"' + _OTHER_HOST.encode() + value[1:]

    return lambda request: _with_next_page(answer(request), change) if request.is_page else answer(request)


FAULTS: Mapping[str, Fault] = {
    "throttle": _throttle,
    "flaky": _flaky,
    "bad-json": _bad_json,
    "repeat-cursor": _repeat_cursor,
    "other-host": _other_host,
    "not-found": _instead(lambda request: not_found(request.path)),
    "unauthorized": _instead(lambda _: refusal()),
    "redirect": _instead(lambda request: Response(302, headers={"Location": _OTHER_HOST + request.target})),
}
