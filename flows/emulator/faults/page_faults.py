"""Faults of a page's content: repeated, missing, far too many or invalid records."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b
from random import Random

from flows.emulator.faults.page_parts import PageParts, split_page
from flows.emulator.http.fault_timing import Fault, now_and_then
from flows.emulator.http.messages import Answer, HttpRequest, Response, Source

HUGE_FACTOR = 20
"""`huge-page` sends this many times the requested rows."""
REPEATED_ROWS = 2
"""`duplicates` repeats this many rows of the previous page."""
_SHARE = 0.3  # of the page requests


def _duplicates(answer: Answer, rng: Random, source: Source) -> Answer:
    """Start some pages with the last REPEATED_ROWS of the previous page, or send one of their own rows twice."""

    def across(request: HttpRequest) -> Response:
        response = answer(request)
        parts = split_page(response)
        uri = parts.uri("previous_page_uri") if parts else None
        before = split_page(answer(replace(request, target=uri, by_client=False))) if uri else None
        return parts.with_rows((*before.rows[-REPEATED_ROWS:], *parts.rows)) if parts and before else response

    def within(request: HttpRequest) -> Response:
        response = answer(request)
        parts = split_page(response)
        return parts.with_rows((*parts.rows, *parts.rows[:1])) if parts else response

    return now_and_then(answer, rng, (across, within), _SHARE)


def _empty_page(answer: Answer, rng: Random, source: Source) -> Answer:
    """Send some pages without rows, but with a made-up cursor to a next page that has the missing rows."""
    targets: dict[str, str] = {}  # made-up cursor → the request that got the empty page

    def empty(request: HttpRequest) -> Response:
        parts = split_page(answer(replace(request, by_client=False)))
        if parts is None or not parts.rows:
            return answer(request)
        token = "PA" + blake2b(request.target.encode(), digest_size=16).hexdigest()
        targets[token] = request.target
        page = str(int(request.query.get("Page", "0")) + 1)
        return parts.with_next(request.asking(Page=page, PageToken=token).target).with_rows(())

    sometimes_empty = now_and_then(answer, rng, (empty,), _SHARE)

    def wrapped(request: HttpRequest) -> Response:
        target = targets.get(request.query.get("PageToken", ""))
        return sometimes_empty(request) if target is None else answer(replace(request, target=target))

    return wrapped


def _huge_page(answer: Answer, rng: Random, source: Source) -> Answer:
    """Send HUGE_FACTOR times the requested rows in every page. Captured pages are not changed."""

    def wrapped(request: HttpRequest) -> Response:
        if not request.is_page:
            return answer(request)
        return answer(replace(request, dialect=replace(request.dialect, page_size_factor=HUGE_FACTOR)))

    return wrapped


def _without(record: dict[str, object], name: str) -> object:
    return {key: value for key, value in record.items() if key != name}


# Each turns a valid record, whose sid was replaced, into an invalid one.
_JUNK: Mapping[str, Callable[[dict[str, object]], object]] = {
    "no sid": lambda record: _without(record, "sid"),
    "no date": lambda record: record | {"date_created": "the day before yesterday"},
    "no price": lambda record: record | {"price": "a fortune"},
    "no object": lambda record: "a recording",
}


def _bad_records(answer: Answer, rng: Random, source: Source) -> Answer:
    """Insert an invalid record into some pages.

    It has no sid, an unreadable creation date or price, or is not an object. It is always an extra record, so it
    counts towards none of the totals.
    """

    def inserting(junk: Callable[[dict[str, object]], object]) -> Callable[[HttpRequest], Response]:
        def with_junk(request: HttpRequest) -> Response:
            response = answer(request)
            parts = split_page(response)
            return _with_junk(parts, junk) if parts and parts.rows else response

        return with_junk

    return now_and_then(answer, rng, [inserting(junk) for junk in _JUNK.values()], _SHARE)


def _with_junk(parts: PageParts, junk: Callable[[dict[str, object]], object]) -> Response:
    middle = len(parts.rows) // 2
    record = json.loads(parts.rows[middle])
    record |= {"sid": f"bad{str(record.get('sid'))[3:]}"}
    text = json.dumps(junk(record), separators=(",", ":"))
    return parts.with_rows((*parts.rows[:middle], text, *parts.rows[middle:]))


PAGE_FAULTS: Mapping[str, Fault] = {
    "duplicates": _duplicates,
    "empty-page-with-next": _empty_page,
    "huge-page": _huge_page,
    "bad-records": _bad_records,
}
