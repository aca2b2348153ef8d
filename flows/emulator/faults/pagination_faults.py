"""Faults of pagination: wrong next pages and lost cursors."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import cycle
from random import Random
from threading import Lock
from urllib.parse import parse_qs, urlsplit

from flows.emulator.faults.page_parts import split_page
from flows.emulator.faults.transport_faults import OTHER_HOST
from flows.emulator.http.fault_timing import Fault
from flows.emulator.http.messages import Answer, FileSlice, HttpRequest, Response, Source, error, json_bytes
from flows.emulator.http.queries import BAD_PAGE_TOKEN
from flows.emulator.resources.api import LivingSource

SKIPPED_ROWS = 3
"""`skipping-cursor` leaves out this many rows."""
_SHARE = 0.3  # of the requests for a further page of a window; each window is affected once
_LAST_PAGE = b'"next_page_uri":null,'
_NEXT_PAGE_URI = re.compile(rb'("next_page_uri"\s*:\s*)(null|"[^"]*")')


def _with_next_page(response: Response, change: Callable[[bytes], bytes]) -> Response:
    """Change the JSON value of next_page_uri, which is in the first part of the body."""
    head, *rest = response.body or (b"",)
    if response.status != 200 or isinstance(head, FileSlice):
        return response
    changed = _NEXT_PAGE_URI.sub(lambda match: match[1] + change(match[2]), head, count=1)
    return replace(response, body=(changed, *rest))


def _repeat_cursor(answer: Answer, rng: Random, source: Source) -> Answer:
    """From the second page on, name the same page as the next one: a client that follows it never finishes."""

    def wrapped(request: HttpRequest) -> Response:
        response = answer(request)
        is_later = request.is_page and request.query.get("Page", "0") != "0"
        return _with_next_page(response, lambda _: json_bytes(request.target)) if is_later else response

    return wrapped


def _other_host(answer: Answer, rng: Random, source: Source) -> Answer:
    """Name a next page on another host, to which the credentials must not be sent."""

    def change(value: bytes) -> bytes:
        return value if value == b"null" else b'"' + OTHER_HOST.encode() + value[1:]

    return lambda request: _with_next_page(answer(request), change) if request.is_page else answer(request)


def _no_next_uri(answer: Answer, rng: Random, source: Source) -> Answer:
    """End each list with a page whose next_page_uri is absent or empty in turn, and not null."""
    lock, turns = Lock(), cycle([b"", b'"next_page_uri":"",'])

    def wrapped(request: HttpRequest) -> Response:
        response = answer(request)
        if not request.is_page:
            return response
        head, *rest = response.body or (b"",)
        if response.status != 200 or isinstance(head, FileSlice) or _LAST_PAGE not in head:
            return response
        with lock:
            return replace(response, body=(head.replace(_LAST_PAGE, next(turns)), *rest))

    return wrapped


def _is_gone(source: Source, request: HttpRequest) -> bool:
    """Return whether the recording that the cursor names was actually deleted or moved."""
    return isinstance(source, LivingSource) and not source.has_cursor(request)


def _once_a_window(rng: Random) -> Callable[[HttpRequest], bool]:
    """Return a function that says whether a request's cursor is lost.

    At some point one cursor of each window (path and filters) is lost. It stays lost until the window is requested
    again from its first page; no other cursor of the window is lost after that.
    """
    lock, dead = Lock(), dict[tuple[object, ...], str]()

    def is_dead(request: HttpRequest) -> bool:
        query = request.query
        token = query.get("PageToken", "")
        filters = {name: value for name, value in query.items() if name.startswith("DateCreated")}
        window = (request.path, *sorted(filters.items()))
        with lock:
            if not token and window in dead:
                dead[window] = ""
            elif token and window not in dead and rng.random() < _SHARE:
                dead[window] = token
            return bool(token) and dead.get(window) == token

    return is_dead


def _lost_cursor(answer: Answer, rng: Random, source: Source) -> Answer:
    """Answer 400 with code 54453: the cursor's row is gone, or is treated as gone once per window.

    Requesting the window again from its first page works.
    """
    is_dead = _once_a_window(rng)

    def wrapped(request: HttpRequest) -> Response:
        if request.is_page and (is_dead(request) or _is_gone(source, request)):
            return error(400, BAD_PAGE_TOKEN, "PageToken names a recording that does not exist")
        return answer(request)

    return wrapped


def _skipping_cursor(answer: Answer, rng: Random, source: Source) -> Answer:
    """Silently leave out SKIPPED_ROWS rows where the cursor's row is gone, or is treated as gone as in lost-cursor."""
    is_dead = _once_a_window(rng)

    def further(request: HttpRequest) -> HttpRequest:
        ahead = replace(request.asking(PageSize=str(SKIPPED_ROWS)), by_client=False)
        parts = split_page(answer(ahead))
        uri = parts.uri("next_page_uri") if parts else None
        # Without a further page, fewer rows are left than would be skipped, so none is.
        token = parse_qs(urlsplit(uri or "").query).get("PageToken")
        return request.asking(PageToken=token[0]) if token else request

    def wrapped(request: HttpRequest) -> Response:
        is_affected = request.is_page and (is_dead(request) or _is_gone(source, request))
        return answer(further(request) if is_affected else request)

    return wrapped


PAGINATION_FAULTS: Mapping[str, Fault] = {
    "repeat-cursor": _repeat_cursor,
    "other-host": _other_host,
    "no-next-uri": _no_next_uri,
    "lost-cursor": _lost_cursor,
    "skipping-cursor": _skipping_cursor,
}
