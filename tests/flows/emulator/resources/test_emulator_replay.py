import json
from pathlib import Path

import pytest

from flows.emulator import Account, open_replay, serve
from tests.support.servers.emulator_client import basic, fetch_pages, get, list_path, recordings

ME = Account("me", "me-1", "anything")
LIST = "/2010-04-01/Accounts/me-1/Recordings"
# Odd spacing and exponents on purpose: captured pages are served byte for byte.
FIRST = b"""{ "uri":"/api/laml/2010-04-01/Accounts/me-1/Recordings?Page=0\\u0026PageSize=2",
 "next_page_uri":"/api/laml/2010-04-01/Accounts/me-1/Recordings?PageToken=PAx\\u0026Page=1\\u0026PageSize=2",
 "recordings":[{"sid":"r1","account_sid":"me-1","channels":"2","duration":4,"price":-0.0025,"price_unit":"usd",
 "source":"OutBoundApi"}, {"sid":"r2","account_sid":"me-1","channels":2,"duration":"5","price":"0.00250",
 "price_unit":"USD","source":"outboundapi"}] }
"""
SECOND = b"""{"uri":"/2010-04-01/Accounts/me-1/Recordings.json?Page=1\\u0026PageSize=2\\u0026PageToken=PAx",
"next_page_uri":null,"recordings":[{"sid":"r3","account_sid":"me-1","channels":1,"duration":null,"price":null,
"price_unit":null,"source":"StartConferenceRecordingAPI"},{"sid":"r4","channels":1,"price":"free","source":"X"}]}"""
BARE = b"""{
"account_sid": "doc-1", "sid": "r9", "channels": 1, "price": "-0.0025", "price_unit": "USD", "duration": "4",
"source": "DialVerb", "date_created": "Tue, 25 Sept 2018 23:00:00 +0000",
"uri": "/api/laml/2010-04-01/Accounts/doc-1/Calls/c1/Recordings/r9.json"
}
"""
TRANSCRIPTIONS = b'{"uri":"/2010-04-01/Accounts/me-1/Transcriptions?Page=0","transcriptions":[]}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"a.json": FIRST, "b.json": SECOND, "c.json": BARE, "d.json": TRANSCRIPTIONS, "e.json": b"[1]"}
    for name, body in files.items():
        (tmp_path / name).write_bytes(body)
    (tmp_path / "notes.txt").write_text("not a page")
    return tmp_path


def test_replay_serves_pages_byte_for_byte(folder: Path) -> None:
    with serve(open_replay(folder)) as running:
        for path in (
            LIST,
            f"{LIST}.json",
            f"/api/laml{LIST}",
            f"{LIST}?DateCreated%3E=2030-01-01&PageSize=1000",
        ):
            assert get(running, path, ME).body == FIRST
        for query in ("PageToken=PAx&Page=1&PageSize=2", "Page=1&PageSize=2&PageToken=PAx"):
            assert get(running, f"{LIST}?{query}", ME).body == SECOND
        assert get(running, f"{LIST}?Page=1&PageToken=PAother", ME).status == 404


def test_replay_links_every_page(folder: Path) -> None:
    with serve(open_replay(folder)) as running:
        assert [len(page["recordings"]) for page in fetch_pages(running, ME)] == [2, 2]


def test_replay_orders_pages_without_uri_by_name(folder: Path) -> None:
    (folder / "b.json").write_bytes(SECOND.replace(b'"uri"', b'"address"'))
    with serve(open_replay(folder)) as running:
        assert [r["sid"] for r in recordings(running, ME)] == ["r1", "r2", "r3", "r4"]


def test_replay_wraps_a_single_recording_in_a_page(folder: Path) -> None:
    account = Account("doc", "doc-1", "x")
    with serve(open_replay(folder)) as running:
        page = get(running, list_path(account), account)
        assert BARE in page.body
        assert [r["sid"] for r in page.json()["recordings"]] == ["r9"]
        assert page.json()["next_page_uri"] is None
        assert get(running, json.loads(BARE)["uri"], account).body == BARE


def test_replay_serves_other_files_at_their_uri(folder: Path) -> None:
    with serve(open_replay(folder)) as running:
        assert get(running, "/2010-04-01/Accounts/me-1/Transcriptions.json", ME).body == TRANSCRIPTIONS
        assert get(running, "/2010-04-01/Accounts/me-1/Calls", ME).status == 404


def test_replay_requires_the_account_sid_as_user(folder: Path) -> None:
    with serve(open_replay(folder)) as running:
        assert get(running, LIST).status == 401
        assert get(running, LIST, headers=basic("me-1", "")).status == 200
        assert get(running, LIST, headers=basic("doc-1", "x")).status == 401
        assert get(running, LIST, headers=basic("nobody", "x")).status == 401


def test_replay_totals_are_those_of_the_pages(folder: Path) -> None:
    cell = {
        "account_sid": "me-1",
        "channels": 2,
        "currency": "USD",
        "recordings": 2,
        "unpriced_recordings": 0,
    }
    assert open_replay(folder).totals() == {
        "accounts": [
            {"name": "me-1", "account_sid": "me-1", "api_token": "replay"},
            {"name": "doc-1", "account_sid": "doc-1", "api_token": "replay"},
        ],
        "cells": [
            cell
            | {"account_sid": "doc-1", "source": "DialVerb", "channels": 1, "recordings": 1}
            | {"duration_seconds": 4, "cost": "0.0025"},
            cell | {"source": "OutboundAPI", "duration_seconds": 9, "cost": "0.005"},
            cell
            | {"source": "StartConferenceRecording", "channels": 1, "currency": "XXX", "recordings": 1}
            | {"unpriced_recordings": 1, "duration_seconds": 0, "cost": None},
        ],
    }


def test_replay_counts_a_recording_captured_twice_once(folder: Path) -> None:
    once = open_replay(folder).totals()
    (folder / "a-again.json").write_bytes(FIRST)
    assert open_replay(folder).totals() == once


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (TRANSCRIPTIONS, "has no captured page"),
        (b"<html>", "is not valid JSON"),
        (b'{"recordings":[]}', "does not name an account"),
    ],
)
def test_replay_refuses_unusable_files(tmp_path: Path, body: bytes, message: str) -> None:
    (tmp_path / "x.json").write_bytes(body)
    with pytest.raises(ValueError, match=message):
        open_replay(tmp_path)


def test_replay_refuses_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no captured page"):
        open_replay(tmp_path)
