"""Faults of a page's content: what is in it once too often, not at all, far too much, or not to be understood."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b
from random import Random

from flows.emulator.faults.sheets import Sheet, read_sheet
from flows.emulator.http.messages import Answer, HttpRequest, Response, Source
from flows.emulator.http.striking import Fault, now_and_then

HUGE_FACTOR = 20
"""How many times the rows asked for `huge-page` sends."""
REPEATED_ROWS = 2
"""How many rows of the page before `duplicates` repeats."""
_SHARE = 0.3  # of the page requests


def _duplicates(answer: Answer, rng: Random, source: Source) -> Answer:
    """Now and then a page begins with the last REPEATED_ROWS of the page before, or has a row of its own twice."""

    def across(request: HttpRequest) -> Response:
        response = answer(request)
        sheet = read_sheet(response)
        uri = sheet.uri("previous_page_uri") if sheet else None
        before = read_sheet(answer(replace(request, target=uri, by_client=False))) if uri else None
        return sheet.with_rows((*before.rows[-REPEATED_ROWS:], *sheet.rows)) if sheet and before else response

    def within(request: HttpRequest) -> Response:
        response = answer(request)
        sheet = read_sheet(response)
        return sheet.with_rows((*sheet.rows, *sheet.rows[:1])) if sheet else response

    return now_and_then(answer, rng, (across, within), _SHARE)


def _empty_page(answer: Answer, rng: Random, source: Source) -> Answer:
    """Now and then a page has no rows, but a next page, with a cursor of its own, that has what was missing."""
    meant: dict[str, str] = {}  # what was asked at first, by the cursor that was made up

    def empty(request: HttpRequest) -> Response:
        sheet = read_sheet(answer(replace(request, by_client=False)))
        if sheet is None or not sheet.rows:
            return answer(request)
        token = "PA" + blake2b(request.target.encode(), digest_size=16).hexdigest()
        meant[token] = request.target
        page = str(int(request.query.get("Page", "0")) + 1)
        return sheet.with_next(request.asking(Page=page, PageToken=token).target).with_rows(())

    struck = now_and_then(answer, rng, (empty,), _SHARE)

    def wrapped(request: HttpRequest) -> Response:
        target = meant.get(request.query.get("PageToken", ""))
        return struck(request) if target is None else answer(replace(request, target=target))

    return wrapped


def _huge_page(answer: Answer, rng: Random, source: Source) -> Answer:
    """Every page has HUGE_FACTOR times the rows that were asked for; captured pages stay as they are."""

    def wrapped(request: HttpRequest) -> Response:
        if not request.is_page:
            return answer(request)
        return answer(replace(request, dialect=replace(request.dialect, page_size_factor=HUGE_FACTOR)))

    return wrapped


def _without(record: dict[str, object], name: str) -> object:
    return {key: value for key, value in record.items() if key != name}


# What cannot be understood, made of a record that can, whose sid has been replaced.
_JUNK: Mapping[str, Callable[[dict[str, object]], object]] = {
    "no sid": lambda record: _without(record, "sid"),
    "no date": lambda record: record | {"date_created": "the day before yesterday"},
    "no price": lambda record: record | {"price": "a fortune"},
    "no object": lambda record: "a recording",
}


def _bad_records(answer: Answer, rng: Random, source: Source) -> Answer:
    """Now and then a broken record stands between the good ones of a page: without sid, with a creation date or a
    price that cannot be read, or no object at all. It is always one more, which is in no total."""

    def inserting(junk: Callable[[dict[str, object]], object]) -> Callable[[HttpRequest], Response]:
        def accident(request: HttpRequest) -> Response:
            response = answer(request)
            sheet = read_sheet(response)
            return _with_junk(sheet, junk) if sheet and sheet.rows else response

        return accident

    return now_and_then(answer, rng, [inserting(junk) for junk in _JUNK.values()], _SHARE)


def _with_junk(sheet: Sheet, junk: Callable[[dict[str, object]], object]) -> Response:
    middle = len(sheet.rows) // 2
    record = json.loads(sheet.rows[middle])
    record |= {"sid": f"bad{str(record.get('sid'))[3:]}"}
    text = json.dumps(junk(record), separators=(",", ":"))
    return sheet.with_rows((*sheet.rows[:middle], text, *sheet.rows[middle:]))


PAGE_FAULTS: Mapping[str, Fault] = {
    "duplicates": _duplicates,
    "empty-page-with-next": _empty_page,
    "huge-page": _huge_page,
    "bad-records": _bad_records,
}
