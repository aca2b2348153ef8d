"""Faults of an API that is broken in earnest or hostile: lists without an end, and responses that nobody could hold."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from urllib.parse import urlencode

from flows.emulator.faults.page_parts import PageParts, split_page
from flows.emulator.http.fault_timing import Failure, Fault, account_of
from flows.emulator.http.messages import Answer, HttpRequest, Response, Source

DEEP_LEVELS = 100_000
"""`deep-json` nests a value this deep."""
LONG_CHARACTERS = 10_000_000
"""`long-text` sends a text of this many characters."""
MANY_RECORDS = 60_000
"""`many-records` sends this many records in a page."""
ENDLESS_BYTES = 1 << 30
"""`endless-body` sends a body of this size."""
_OTHER_YEAR = "1999"
_YEAR = re.compile(r"(?<!\d)20\d\d(?!\d)")
_CURSOR = "PAendless"
_DECEIT = "\x1b[2J\x1b]0;title\x07\x00\x9b1A\u202egnp.exe\u2028\x7f"


def _endless(rows: Callable[[Sequence[str], int], Sequence[str]]) -> Fault:
    """From the second page on, every page has these rows and names a page with a new cursor.

    rows: makes the rows of a page, given those of the first page and the page's number.
    """

    def fault(answer: Answer, rng: Random, source: Source) -> Answer:
        def wrapped(request: HttpRequest) -> Response:
            parts = _first_page(answer, request)
            if parts is None or not parts.rows:
                return answer(request)
            token = request.query.get("PageToken", "")
            page = int(token.removeprefix(_CURSOR) or 0) if token.startswith(_CURSOR) else 0
            following = request.asking(Page=str(page + 1), PageToken=f"{_CURSOR}{page + 1}").target
            return parts.with_next(following).with_rows(rows(parts.rows, page) if page else parts.rows)

        return wrapped

    return fault


def _first_page(answer: Answer, request: HttpRequest) -> PageParts | None:
    if not request.is_page:
        return None
    query = {name: value for name, value in request.query.items() if name not in ("Page", "PageToken")}
    return split_page(answer(replace(request, target=f"{request.path}?{urlencode(query)}")))


def _renamed(row: str, page: int, year: str = "") -> str:
    record = json.loads(row)
    record["sid"] = f"{page:08x}{record['sid'][8:]}"
    if year:
        record["date_created"] = _YEAR.sub(year, str(record["date_created"]))
    return json.dumps(record, separators=(",", ":"))


def _first_of_each(change: Callable[[PageParts], Response]) -> Fault:
    """Change the first page of each account that has more than one row."""

    def fault(answer: Answer, rng: Random, source: Source) -> Answer:
        done = set[str]()

        def wrapped(request: HttpRequest) -> Response:
            response = answer(request)
            parts = split_page(response) if request.is_page and account_of(request) not in done else None
            if parts is None or len(parts.rows) < 2:
                return response
            done.add(account_of(request))
            return change(parts)

        return wrapped

    return fault


def _deep_json(parts: PageParts) -> Response:
    """Give the first record another field, nested far too deeply. The recording itself is right."""
    deep = "[" * DEEP_LEVELS + "]" * DEEP_LEVELS
    return parts.with_rows((f'{parts.rows[0].rstrip()[:-1]},"extra":{deep}}}', *parts.rows[1:]))


def _extra(parts: PageParts, **changes: object) -> Response:
    """Add a record that is like the first one but for its sid and these changes."""
    record = json.loads(parts.rows[0])
    record |= {"sid": f"bad{record['sid'][3:]}", **changes}
    return parts.with_rows((*parts.rows, json.dumps(record)))


def _many_records(parts: PageParts) -> Response:
    """Repeat the rows of the page very often."""
    return parts.with_rows(parts.rows * -(-MANY_RECORDS // len(parts.rows)))


def _always(change: Callable[[Answer, HttpRequest], Response]) -> Fault:
    return lambda answer, rng, source: (
        lambda request: change(answer, request) if request.is_read else answer(request)
    )


def _repeated_token(answer: Answer, request: HttpRequest) -> Response:
    _, token = request.credentials() or ("", "")
    return replace(answer(request), headers={"X-RateLimit-Key": token, "X-RateLimit-Limit": "600"})


_TOO_LARGE: Failure = lambda request: Response(200, (b" " * (1 << 20),) * (ENDLESS_BYTES >> 20))  # noqa: E731

HOSTILE_FAULTS: Mapping[str, Fault] = {
    "endless-empty": _endless(lambda rows, page: ()),
    "endless-repeat": _endless(lambda rows, page: rows),
    "endless-outside": _endless(lambda rows, page: [_renamed(row, page, _OTHER_YEAR) for row in rows]),
    "endless-rows": _endless(lambda rows, page: [_renamed(row, page) for row in rows]),
    "endless-body": _always(lambda answer, request: _TOO_LARGE(request)),
    "trickle": _always(lambda answer, request: replace(answer(request), trickles="body")),
    "trickle-head": _always(lambda answer, request: replace(answer(request), trickles="head")),
    "deep-json": _first_of_each(_deep_json),
    "long-text": _first_of_each(lambda parts: _extra(parts, source="x" * LONG_CHARACTERS)),
    "many-records": _first_of_each(_many_records),
    "control-characters": _first_of_each(lambda parts: _extra(parts, date_created=_DECEIT, status=_DECEIT)),
    "token-in-header": _always(_repeated_token),
}
"""What no API does on purpose. Where recordings can be read anyway, the totals do not change."""
