"""The list of Usage Records, as Twilio serves it, and its faults.

`GET /2010-04-01/Accounts/{sid}/Usage/Records/Daily.json?Category=recordings&StartDate=…&EndDate=…` (documented at
twilio.com/docs/usage/api/usage-record): a record a day and category; days are GMT, both ends included; `count` is how
many recordings, `usage` their minutes, each rounded up (documented for calls), `price` the total, positive. A real
response had `count`, `usage` and `price` as text, and `usage_unit` "recorded-minutes". The order, and whether a day
without usage is listed, are not known: here the newest comes first, and such a day is left out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from typing import Any
from urllib.parse import urlencode

from flows.emulator.http.messages import Answer, HttpRequest, Response, Source, error, json_bytes
from flows.emulator.http.queries import BAD_PAGE_TOKEN, BAD_PARAMETER, MAX_PAGE_SIZE, QueryError
from flows.emulator.http.striking import Fault
from flows.emulator.ledger.ledger import Account
from flows.emulator.ledger.usage import PLANTS, UsageDay, planted

CATEGORY = "recordings"
_EPOCH = date(1970, 1, 1).toordinal()


def usage_page(account: Account, days: Sequence[UsageDay], as_of: int, request: HttpRequest) -> Response:
    """A page of the list: days newest first, as of a moment (epoch seconds, UTC), with what the request plants.

    Raises QueryError for a parameter that is refused.
    """
    query = request.query
    try:
        first, last = _day(query.get("StartDate")), _day(query.get("EndDate"))
        size, page = int(query.get("PageSize", "50")), int(query.get("Page", "0"))
    except ValueError:
        raise QueryError(BAD_PARAMETER, "A date is written as YYYY-MM-DD, a page as a number") from None
    if (
        not 1 <= size <= MAX_PAGE_SIZE
        or page < 0
        or (page and query.get("PageToken") != f"PA{page * size:x}")
    ):
        raise QueryError(BAD_PAGE_TOKEN, "Page must come with the PageToken of a next_page_uri")
    listed = [
        day
        for day in planted(days, request.plants)
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
    """One record in the shape of a real response. Its price is exact: text on even days, a JSON number on odd ones."""
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


def _plant(name: str) -> Fault:
    return lambda answer, rng, source: (
        lambda request: (
            answer(replace(request, plants=(*request.plants, name))) if request.is_usage else answer(request)
        )
    )


def _refused(answer: Answer, rng: Random, source: Source) -> Answer:
    return lambda request: error(403, 20003, "Permission Denied") if request.is_usage else answer(request)


USAGE_FAULTS: Mapping[str, Fault] = {
    **{name: _plant(name) for name in PLANTS},
    "usage-refused": _refused,
}
"""What is wrong with the Usage Records; the recordings and their totals stay as they are."""
