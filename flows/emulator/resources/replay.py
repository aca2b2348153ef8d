"""Serve captured pages again, byte for byte.

The `*.json` files of a folder that have a top-level array `recordings` are pages, in the order of their names. A file
that is a single recording (an example from documentation) is wrapped in a page that contains its exact bytes. Any other
JSON object with a `uri` is served at that path.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flows.emulator.http.messages import HttpRequest, Response, Source, json_bytes, not_found, unauthorized
from flows.emulator.ledger.forms import round_nine
from flows.emulator.ledger.ledger import ROOT, SOURCES, Account, waits_for_price
from flows.emulator.ledger.totals import Totals, TotalsObject

_ACCOUNT = re.compile(r"/Accounts/([^/?]+?)(?:\.json)?(?:[/?]|$)")
_SOURCES = {name.lower(): name for name in SOURCES} | {
    "startconferencerecordingapi": "StartConferenceRecording"  # documented too
}


@dataclass(frozen=True, slots=True)
class _CapturedPage:
    account_sid: str
    uri: str
    next_page_uri: str
    recordings: Sequence[Mapping[str, Any]]
    body: bytes


def open_replay(folder: Path) -> Source:
    """Open the captured pages of a folder, in the order of their names.

    The credentials of an account are its sid and any password. Date filters are ignored, because it is not known what
    the real API would have answered.

    Raises:
        ValueError: the folder has no page, or a `*.json` file is not JSON or does not name an account.
    """
    pages: list[_CapturedPage] = []
    others: dict[str, bytes] = {}
    for path in sorted(folder.glob("*.json")):
        body = path.read_bytes()
        try:
            content = json.loads(body, parse_float=Decimal)
        except ValueError as reason:
            raise ValueError(f"{path} is not valid JSON. Remove it from the folder.") from reason
        if isinstance(content, dict):
            if isinstance(content.get("uri"), str):
                others[_key(content["uri"])[0]] = body
            if isinstance(content.get("recordings"), list):
                pages.append(_captured(path, content, body))
            elif {"sid", "account_sid"} <= content.keys() and "recording_sid" not in content:
                pages.append(_wrapped(content, body))
    if not pages:
        raise ValueError(f"{folder} has no captured page: no *.json file has a `recordings` array.")
    accounts = tuple(Account(sid, sid, "replay") for sid in dict.fromkeys(page.account_sid for page in pages))
    return Source(accounts, lambda: _totals(pages, accounts), lambda request: _answer(pages, others, request))


def _captured(path: Path, content: Mapping[str, Any], body: bytes) -> _CapturedPage:
    recordings = [recording for recording in content["recordings"] if isinstance(recording, dict)]
    uri = content.get("uri") or ""
    match = _ACCOUNT.search(uri)
    account_sid = (
        match[1] if match else next((str(r["account_sid"]) for r in recordings if "account_sid" in r), "")
    )
    if not account_sid:
        raise ValueError(f"{path} does not name an account. Remove it from the folder.")
    return _CapturedPage(account_sid, uri, content.get("next_page_uri") or "", recordings, body)


def _wrapped(recording: Mapping[str, Any], body: bytes) -> _CapturedPage:
    """Wrap a recording in a page that contains its exact bytes."""
    account_sid = str(recording["account_sid"])
    uri = f"{ROOT}/Accounts/{account_sid}/Recordings?Page=0&PageSize=50"
    envelope: dict[str, object] = {
        "uri": uri,
        "first_page_uri": uri,
        "next_page_uri": None,
        "previous_page_uri": None,
        "page": 0,
        "page_size": 50,
        "recordings": [],
    }
    head = json_bytes(envelope).removesuffix(b"]}")
    return _CapturedPage(account_sid, uri, "", [recording], head + body + b"]}")


def _key(uri: str) -> tuple[str, frozenset[tuple[str, str]]]:
    """Normalize a uri: without the root's prefix and `.json`, with its parameters in any order."""
    parts = urlsplit(uri)
    path = parts.path.removeprefix("/api/laml").removesuffix(".json")
    return path, frozenset(parse_qsl(parts.query, keep_blank_values=True))


def _answer(pages: Sequence[_CapturedPage], others: Mapping[str, bytes], request: HttpRequest) -> Response:
    user, _ = request.credentials() or ("", "")
    own = [page for page in pages if page.account_sid == user]
    match = _ACCOUNT.search(request.path)
    if not own or (match is not None and match[1] != user):
        return unauthorized()
    body = _requested_page(own, request) if request.is_list else others.get(_key(request.path)[0])
    return not_found(request.path) if body is None else Response(200, (body,))


def _requested_page(own: Sequence[_CapturedPage], request: HttpRequest) -> bytes | None:
    requested = _key(request.target)
    for page in own:
        if _key(page.uri) == requested:
            return page.body
    for page, following in pairwise(own):
        if _key(page.next_page_uri) == requested:
            return following.body
    return None if "PageToken" in request.query else own[0].body


def _totals(pages: Sequence[_CapturedPage], accounts: Sequence[Account]) -> TotalsObject:
    """Return the totals of the pages. A sid that was captured twice counts once, as in the last page.

    A recording without a sid, or with a price that is not a number, can't be counted and is left out.
    """
    latest = {
        recording["sid"]: {"account_sid": page.account_sid} | dict(recording)
        for page in pages
        for recording in page.recordings
        if recording.get("sid")
    }
    totals = Totals()
    for recording in latest.values():
        try:
            price = None if recording.get("price") is None else round_nine(Decimal(str(recording["price"])))
        except InvalidOperation:
            continue
        source = str(recording.get("source"))
        currency = recording.get("price_unit")
        if price is None or price.is_finite():  # "NaN" is a Decimal too
            totals.add(
                account_sid=str(recording["account_sid"]),
                source=_SOURCES.get(source.lower(), source),
                channels=_whole(recording.get("channels", recording.get("channel"))),
                currency=str(currency).upper() if currency else None,
                duration_seconds=_whole(recording.get("duration")),
                price=price,
                is_awaiting_price=waits_for_price(price, str(recording.get("status"))),
            )
    return totals.to_object(accounts)


def _whole(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (ValueError, TypeError):
        return None
