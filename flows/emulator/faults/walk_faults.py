"""Faults of the walk from page to page: where the next page is, and what became of a cursor."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from threading import Lock
from urllib.parse import parse_qs, urlsplit

from flows.emulator.faults.sheets import read_sheet
from flows.emulator.faults.transport_faults import OTHER_HOST
from flows.emulator.http.messages import Answer, FileSlice, HttpRequest, Response, Source, error, json_bytes
from flows.emulator.http.queries import BAD_PAGE_TOKEN
from flows.emulator.http.striking import Fault
from flows.emulator.resources.api import LivingSource

SKIPPED_ROWS = 3
"""How many rows `skipping-cursor` leaves out."""
_SHARE = 0.3  # of the requests for a further page of a window; each window is struck once
_NEXT_PAGE_URI = re.compile(rb'("next_page_uri"\s*:\s*)(null|"[^"]*")')


def _with_next_page(response: Response, change: Callable[[bytes], bytes]) -> Response:
    """Change the JSON value of next_page_uri, which stands in the first part of the body."""
    head, *rest = response.body or (b"",)
    if response.status != 200 or isinstance(head, FileSlice):
        return response
    changed = _NEXT_PAGE_URI.sub(lambda match: match[1] + change(match[2]), head, count=1)
    return replace(response, body=(changed, *rest))


def _repeat_cursor(answer: Answer, rng: Random, source: Source) -> Answer:
    """From the second page on the next page is the same page again: who follows it never ends."""

    def wrapped(request: HttpRequest) -> Response:
        response = answer(request)
        is_later = request.is_page and request.query.get("Page", "0") != "0"
        return _with_next_page(response, lambda _: json_bytes(request.target)) if is_later else response

    return wrapped


def _other_host(answer: Answer, rng: Random, source: Source) -> Answer:
    """The next page is said to be on another host, where the credentials must not be sent."""

    def change(value: bytes) -> bytes:
        return value if value == b"null" else b'"' + OTHER_HOST.encode() + value[1:]

    return lambda request: _with_next_page(answer(request), change) if request.is_page else answer(request)


def _is_gone(source: Source, request: HttpRequest) -> bool:
    """Whether the recording that the cursor names was really deleted, or moved."""
    return isinstance(source, LivingSource) and not source.has_cursor(request)


def _once_a_window(rng: Random) -> Callable[[HttpRequest], bool]:
    """Tells of a request whether its cursor is dead.

    Now and then a cursor dies, once in each window (path and filters), and stays dead until the window is asked
    anew from its first page on. From then on the window's cursors live.
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
    """400 with 54453: the cursor's row is gone (really, or once in a window by accident); asking anew works."""
    is_dead = _once_a_window(rng)

    def wrapped(request: HttpRequest) -> Response:
        if request.is_page and (is_dead(request) or _is_gone(source, request)):
            return error(400, BAD_PAGE_TOKEN, "PageToken names a recording that does not exist")
        return answer(request)

    return wrapped


def _skipping_cursor(answer: Answer, rng: Random, source: Source) -> Answer:
    """The walk silently leaves SKIPPED_ROWS rows out where the cursor's row is gone, really or as in lost-cursor."""
    is_dead = _once_a_window(rng)

    def further(request: HttpRequest) -> HttpRequest:
        ahead = replace(request.asking(PageSize=str(SKIPPED_ROWS)), by_client=False)
        sheet = read_sheet(answer(ahead))
        uri = sheet.uri("next_page_uri") if sheet else None
        # When there is no further page, so few rows are left that nothing is skipped.
        token = parse_qs(urlsplit(uri or "").query).get("PageToken")
        return request.asking(PageToken=token[0]) if token else request

    def wrapped(request: HttpRequest) -> Response:
        is_struck = request.is_page and (is_dead(request) or _is_gone(source, request))
        return answer(further(request) if is_struck else request)

    return wrapped


WALK_FAULTS: Mapping[str, Fault] = {
    "repeat-cursor": _repeat_cursor,
    "other-host": _other_host,
    "lost-cursor": _lost_cursor,
    "skipping-cursor": _skipping_cursor,
}
