"""The list of Usage Records, as Twilio serves it, and its faults.

`GET /2010-04-01/Accounts/{sid}/Usage/Records/Daily.json?Category=recordings&StartDate=…&EndDate=…` (documented at
twilio.com/docs/usage/api/usage-record) lists one record per day and category. Days are GMT, and both dates are
inclusive. `count` is the number of recordings, `usage` their minutes, rounded up per recording (documented for calls),
`price` the positive total. A real response had `count`, `usage` and `price` as text, and the `usage_unit`
"recorded-minutes". It is not known in which order days are listed, and whether a day without usage is. Here the newest
day comes first, and days without usage are left out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from typing import Any
from urllib.parse import urlencode

from flows.emulator.http.fault_timing import Fault
from flows.emulator.http.messages import Answer, HttpRequest, Response, Source, error, json_bytes
from flows.emulator.http.queries import BAD_PAGE_TOKEN, BAD_PARAMETER, QueryError, read_query
from flows.emulator.ledger.ledger import Account
from flows.emulator.ledger.usage import USAGE_DEFECTS, UsageDay, with_defects

CATEGORY = "recordings"
_EPOCH = date(1970, 1, 1).toordinal()


def usage_page(account: Account, days: Sequence[UsageDay], as_of: int, request: HttpRequest) -> Response:
    """Return a page of the list, newest day first, as of a moment (epoch seconds, UTC), with the request's defects.

    Raises:
        QueryError: a parameter is not valid.
    """
    checked, query = read_query(request.query), request.query
    size, page = checked.page_size, checked.page
    try:
        first, last = _day(query.get("StartDate")), _day(query.get("EndDate"))
    except ValueError:
        raise QueryError(BAD_PARAMETER, "Dates must be YYYY-MM-DD") from None
    if page and checked.page_token != f"PA{page * size:x}":
        raise QueryError(BAD_PAGE_TOKEN, "Page must come with the PageToken of a next_page_uri")
    listed = [
        day
        for day in with_defects(days, request.defects)
        if (first is None or first <= day.day)
        and (last is None or day.day <= last)
        and query.get("Category", CATEGORY) == CATEGORY
    ]
    start, stop = page * size, min((page + 1) * size, len(listed))
    kept: dict[str, str] = {
        name: query[name]
        for name in ("Category", "StartDate", "EndDate", "IncludeSubaccounts")
        if name in query
    }

    def uri(number: int) -> str:
        parameters: dict[str, object] = {**kept, "Page": number, "PageSize": size}
        if number:
            parameters["PageToken"] = f"PA{number * size:x}"
        return f"{request.path}?{urlencode(parameters)}"

    head = json_bytes(
        {
            "first_page_uri": uri(0),
            "end": max(start, stop - 1),
            "previous_page_uri": uri(page - 1) if page else None,
            "uri": uri(page),
            "page_size": size,
            "start": start,
            "next_page_uri": uri(page + 1) if stop < len(listed) else None,
            "page": page,
            "usage_records": [],
        }
    )
    rows = b",".join(_record(account, day, as_of) for day in listed[start:stop])
    return Response(200, (head.removesuffix(b"]}"), rows, b"]}"))


def _record(account: Account, day: UsageDay, as_of: int) -> bytes:
    """Return a record in the form of a real response. Its exact price is text on even days, a number on odd ones."""
    written = date.fromordinal(_EPOCH + day.day).isoformat()
    record: dict[str, Any] = {
        "category": CATEGORY,
        "description": "Recordings",
        "account_sid": account.account_sid,
        "start_date": written,
        "end_date": written,
        "as_of": f"{datetime.fromtimestamp(as_of, UTC):%Y-%m-%dT%H:%M:%S}+00:00",
        "count": str(day.count),
        "count_unit": "recordings",
        "usage": str(day.minutes),
        "usage_unit": "minutes",
        "price": "",
        "price_unit": day.currency.lower(),
        "api_version": "2010-04-01",
        "uri": f"/2010-04-01/Accounts/{account.account_sid}/Usage/Records/Daily.json?Category={CATEGORY}"
        f"&StartDate={written}&EndDate={written}",
        "subresource_uris": {},
    }
    price = f"{day.price:f}"
    text = json_bytes(record)
    return text.replace(b'"price":""', f'"price":{price if day.day % 2 else json.dumps(price)}'.encode())


def _day(text: str | None) -> int | None:
    return None if text is None else date.fromisoformat(text).toordinal() - _EPOCH


def _with_defect(name: str) -> Fault:
    return lambda answer, rng, source: (
        lambda request: (
            answer(replace(request, defects=(*request.defects, name)))
            if request.is_usage
            else answer(request)
        )
    )


def _refused(answer: Answer, rng: Random, source: Source) -> Answer:
    return lambda request: error(403, 20003, "Permission Denied") if request.is_usage else answer(request)


USAGE_FAULTS: Mapping[str, Fault] = {
    **{name: _with_defect(name) for name in USAGE_DEFECTS},
    "usage-refused": _refused,
}
"""Faults of the Usage Records. Recordings and totals are not affected."""
