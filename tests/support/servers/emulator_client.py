"""A client of the emulator that uses the standard library only, an independent recount, and a sample recording."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from flows.emulator import SOURCES, Account, Emulator, Recording

ACCOUNT = "5b1f2a52-6a3e-4b3f-a0c1-3f2a1b0c9d8e"
RECORDING = Recording(
    account_sid=ACCOUNT,
    sequence=7,
    created_at=1537916400,
    updated_at=1537916404,
    started_at=1537916400,
    ended_at=1537916420,
    call_sid="43bb71ee-0000-4000-a000-2e7647cce000",
    conference_sid=None,
    duration_seconds=14,
    source="DialVerb",
    channels=1,
    status="completed",
    price=Decimal("0.0025"),
    currency="USD",
)
SPELLINGS = {name.lower(): name for name in SOURCES} | {
    "startconferencerecordingapi": "StartConferenceRecording"
}


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body, parse_float=Decimal)


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def get(
    emulator: Emulator,
    target: str,
    account: Account | None = None,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
) -> Reply:
    credentials = {} if account is None else basic(account.account_sid, account.api_token)
    connection = HTTPConnection(urlsplit(emulator.base_url).netloc, timeout=10)
    try:
        connection.request(method, target, headers={**credentials, **(headers or {})})
        response = connection.getresponse()
        return Reply(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def list_path(account: Account, root: str = "/2010-04-01", suffix: str = ".json") -> str:
    return f"{root}/Accounts/{account.account_sid}/Recordings{suffix}"


def fetch_pages(
    emulator: Emulator, account: Account, query: str = "PageSize=100"
) -> Iterator[dict[str, Any]]:
    """Yield the envelopes of a list, from the first page to the last."""
    target: str | None = f"{list_path(account)}?{query}"
    while target is not None:
        reply = get(emulator, target, account)
        assert reply.status == 200, reply.body
        page = reply.json()
        yield page
        target = page["next_page_uri"]


def recordings(emulator: Emulator, account: Account, query: str = "PageSize=1000") -> list[dict[str, Any]]:
    return [recording for page in fetch_pages(emulator, account, query) for recording in page["recordings"]]


def is_valid(record: object) -> bool:
    """Return whether a row of a page is valid enough to be counted."""
    if not isinstance(record, dict) or not record.get("sid"):
        return False
    try:
        Decimal(str(record["price"] or 0))
    except InvalidOperation:
        return False
    return re.search(r"\d\d:\d\d", record["date_created"]) is not None


def fetch_all(emulator: Emulator, account: Account, query: str = "PageSize=20") -> dict[str, dict[str, Any]]:
    """Return every recording that reading all pages lists, by sid, as it was listed last.

    It is simple but robust: it repeats failed requests, restarts a window whose cursor is lost, counts a recording
    that is listed twice once, and skips invalid records.
    """
    first = f"{list_path(account)}?{query}"
    target, found = first, dict[str, dict[str, Any]]()
    for _ in range(2000):
        try:
            reply = get(emulator, target, account)
        except (ConnectionError, HTTPException):
            continue
        if reply.status == 400:
            assert reply.json()["code"] == 54453
            target = first
        elif reply.status == 200 and reply.body.startswith(b"{"):
            page = reply.json()
            found |= {record["sid"]: record for record in page["recordings"] if is_valid(record)}
            if not page.get("next_page_uri"):  # absent or empty with the fault no-next-uri
                return found
            target = page["next_page_uri"]
    raise AssertionError("the pages never end")


def control(emulator: Emulator, target: str, method: str = "POST") -> Any:
    """Send a control request to the emulator and return its answer."""
    reply = get(emulator, target, method=method)
    assert reply.status == 200, reply.body
    return reply.json()


def recount(served: Iterable[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Compute the cells of the totals from nothing but the served recordings."""
    cells: dict[tuple[str, str, int, str], list[Mapping[str, Any]]] = {}
    for r in served:
        currency = (r["price_unit"] or "XXX").upper()
        key = (r["account_sid"], SPELLINGS[r["source"].lower()], int(r["channels"]), currency)
        cells.setdefault(key, []).append(r)
    return [
        {
            "account_sid": key[0],
            "source": key[1],
            "channels": key[2],
            "currency": key[3],
            "recordings": len(group),
            "unpriced_recordings": sum(
                r["price"] is None and r["status"].lower() not in ("absent", "failed") for r in group
            ),
            "duration_seconds": sum(int(r["duration"]) for r in group if r["duration"] is not None),
            "cost": _cost([r["price"] for r in group if r["price"] is not None]),
        }
        for key, group in sorted(cells.items())
    ]


def _cost(prices: list[Any]) -> Decimal | None:
    sizes = [abs(Decimal(str(price))).quantize(Decimal("0.000000001")) for price in prices]
    return sum(sizes, Decimal(0)) if sizes else None


def with_decimals(cells: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    """Return cells with a numeric cost, for comparison."""
    return [{**c, "cost": None if c["cost"] is None else Decimal(str(c["cost"]))} for c in cells]
