import http.client
import logging
import math
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from flows.emulator import (
    Account,
    Emulator,
    LoggedRequest,
    Parameters,
    Source,
    open_ledger,
    serve,
    serve_until_stopped,
)
from flows.emulator.http.queries import created_between
from tests.support.servers.emulator_client import (
    basic,
    fetch_pages,
    get,
    list_path,
    recordings,
    recount,
    with_decimals,
)

ENVELOPE = ["uri", "first_page_uri", "next_page_uri", "previous_page_uri", "page", "page_size", "recordings"]
SEED = 5


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return open_ledger(Parameters(seed=SEED, recordings=2003, accounts=3), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def emulator(source: Source) -> Iterator[Emulator]:
    with serve(source) as running:
        yield running


@pytest.fixture(scope="module")
def account(emulator: Emulator) -> Account:
    return emulator.accounts[0]


def test_date_header_shows_the_servers_clock(source: Source) -> None:
    for ahead in (0, 3600, -90):
        with serve(source, clock_ahead_seconds=ahead) as server:
            reply = get(server, list_path(server.accounts[0]), server.accounts[0])
        told = parsedate_to_datetime(reply.headers["Date"])
        assert abs((told - datetime.now(UTC)).total_seconds() - ahead) < 5


def test_concurrency_header_is_sent_for_twilio_only(emulator: Emulator, account: Account) -> None:
    sid, name = account.account_sid, "Twilio-Concurrent-Requests"
    for path in (f"Accounts/{sid}/Recordings.json", f"Accounts/{sid}/Usage/Records/Daily.json"):
        assert get(emulator, f"/2010-04-01/{path}", account).headers[name] == "1"
    reply = get(emulator, f"/api/laml/2010-04-01/Accounts/{sid}/Recordings.json", account)
    assert (reply.status, reply.headers.get(name)) == (200, None)


def test_page_has_exactly_the_real_envelope(emulator: Emulator, account: Account) -> None:
    reply = get(emulator, list_path(account), account)
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Content-Length"] == str(len(reply.body))
    parsedate_to_datetime(reply.headers["Date"])
    page = reply.json()
    assert list(page) == ENVELOPE
    assert (page["page"], page["page_size"], len(page["recordings"])) == (0, 50, 50)
    assert page["uri"] == page["first_page_uri"] == f"{list_path(account)}?Page=0&PageSize=50"
    assert b"&" not in reply.body
    assert b"?Page=0\\u0026PageSize=50" in reply.body
    assert page["previous_page_uri"] is None


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_pages_list_every_recording_once_newest_first(emulator: Emulator, size: int) -> None:
    account = emulator.accounts[-1]
    pages = list(fetch_pages(emulator, account, f"PageSize={size}"))
    served = [record for page in pages for record in page["recordings"]]
    expected = sum(
        cell["recordings"]
        for cell in emulator.totals()["cells"]
        if cell["account_sid"] == account.account_sid
    )
    assert len(served) == len({record["sid"] for record in served}) == expected
    assert [len(page["recordings"]) for page in pages[:-1]] == [size] * (len(pages) - 1)
    assert [page["page"] for page in pages] == list(range(len(pages)))
    dates = [
        datetime.strptime(r["date_created"], "%a, %d %b %Y %H:%M:%S %z") for r in served if _is_common(r)
    ]
    assert all(newer >= older for newer, older in pairwise(dates))


def _is_common(record: dict[str, Any]) -> bool:
    date = record["date_created"]
    return (
        len(date) == len("Tue, 25 Sep 2018 23:00:00 +0000") and date.endswith("+0000") and "Sept " not in date
    )


def test_totals_match_a_recount_of_served_recordings(emulator: Emulator) -> None:
    served = [record for account in emulator.accounts for record in recordings(emulator, account)]
    assert len(served) == 2003
    totals = emulator.totals()
    assert recount(served) == with_decimals(totals["cells"])
    assert [a["name"] for a in totals["accounts"]] == ["support", "sales", "billing"]
    assert [a["api_token"] for a in totals["accounts"]] == [a.api_token for a in emulator.accounts]


def test_previous_page_uri_leads_back(emulator: Emulator, account: Account) -> None:
    pages = list(fetch_pages(emulator, account, "PageSize=100"))
    for earlier, later in pairwise(pages):
        back = get(emulator, later["previous_page_uri"], account).json()
        assert back["recordings"] == earlier["recordings"]
        assert back["page"] == earlier["page"]


@pytest.mark.parametrize("root", ["/2010-04-01", "/api/laml/2010-04-01"])
@pytest.mark.parametrize("suffix", ["", ".json"])
def test_list_is_served_at_both_roots_and_suffixes(
    emulator: Emulator, account: Account, root: str, suffix: str
) -> None:
    path = list_path(account, root, suffix)
    page = get(emulator, f"{path}?PageSize=2", account).json()
    uris = [page["uri"], page["first_page_uri"], page["next_page_uri"]]
    assert [urlsplit(uri).path for uri in uris] == [path] * 3
    record = page["recordings"][0]
    single = get(
        emulator, f"{root}/Accounts/{account.account_sid}/Recordings/{record['sid']}{suffix}", account
    )
    assert single.json() == record
    assert get(emulator, record["uri"], account).json() == record


def test_unknown_resources_are_not_found(emulator: Emulator, account: Account) -> None:
    home = f"/2010-04-01/Accounts/{account.account_sid}"
    other = recordings(emulator, emulator.accounts[1])[0]["sid"]
    for path in (
        "/",
        "/2011-01-01/Accounts",
        f"{home}/Calls",
        f"{home}/Recordings/{other}",
        f"{home}/Recordings/x",
    ):
        reply = get(emulator, path, account)
        assert (reply.status, reply.json()["code"], reply.json()["status"]) == (404, 20404, 404), path


def test_wrong_credentials_are_unauthorized(emulator: Emulator, account: Account) -> None:
    path, sid = list_path(account), account.account_sid
    wrong = [{}, basic(sid, "wrong"), basic("x", account.api_token), {"Authorization": "Basic ?"}]
    wrong += [{"Authorization": f"Bearer {account.api_token}"}, {"Authorization": "Basic /w=="}]
    for headers in wrong:
        reply = get(emulator, path, headers=headers)
        assert reply.status == 401
        assert set(reply.json()) == {"code", "message", "more_info", "status"}
        assert (reply.json()["code"], reply.json()["status"]) == (20003, 401)
    assert get(emulator, path, emulator.accounts[1]).status == 401
    assert get(emulator, "/2010-04-01/Accounts").status == 401


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("PageSize=0", 54454),
        ("PageSize=1001", 54454),
        ("PageSize=many", 54454),
        ("PageSize=", 54454),
        ("PageSize=-1", 54454),
        ("Page=1", 54453),
        ("Page=x", 54453),
        ("Page=1&PageToken=", 54453),
        ("Page=1&PageToken=PA" + "0" * 32, 54453),
        ("Page=0&PageToken=PA-" + "0" * 31, 54453),
        ("Page=1&PageToken=RE" + "0" * 32, 54453),
        ("DateCreated=yesterday", 20001),
        ("DateCreated%3E=2026-02-30", 20001),
        ("DateCreated%3C=2026-09-30T00:00:00", 20001),
        ("DateCreated%3C=Tue,%2025%20Sept%202018%2023:00:00%20%2B0000", 20001),
        ("DateCreated=Tue,%2015%20Sep%202026%2010:00:00", 20001),
        ("DateCreated=Tue,%2015%20Sep%202026%2010:00:00%20CEST", 20001),
        ("DateCreated=", 20001),
        ("CallSid=x", 20001),
    ],
)
def test_list_refuses_invalid_parameters(emulator: Emulator, account: Account, query: str, code: int) -> None:
    reply = get(emulator, f"{list_path(account)}?{query}", account)
    assert (reply.status, reply.json()["code"], reply.json()["status"]) == (400, code, 400)


def test_page_token_is_valid_for_its_account_only(emulator: Emulator, account: Account) -> None:
    page = get(emulator, f"{list_path(account)}?PageSize=1", account).json()
    token = parse_qs(urlsplit(page["next_page_uri"]).query)["PageToken"][0]
    assert len(token) == 34
    assert token.startswith("PA")
    other = emulator.accounts[1]
    reply = get(emulator, f"{list_path(other)}?Page=1&PageToken={token}", other)
    assert (reply.status, reply.json()["code"]) == (400, 54453)


def test_filters_limit_the_list_and_stay_in_its_uris(emulator: Emulator, account: Account) -> None:
    day = "2026-09-15"
    whole = recordings(emulator, account, f"DateCreated={day}")
    bounds = f"DateCreated%3E={day}&DateCreated%3C={day}T23:59:59Z"
    pages = list(fetch_pages(emulator, account, f"{bounds}&PageSize=2"))
    assert [record for page in pages for record in page["recordings"]] == whole
    assert len(pages) > 2
    for page in pages:
        for name in ("uri", "first_page_uri", "next_page_uri"):
            if page[name] is not None:
                query = parse_qs(urlsplit(page[name]).query)
                assert query["DateCreated>"] == [day]
                assert query["DateCreated<"] == [f"{day}T23:59:59Z"]
                assert query["PageSize"] == ["2"]
    plain = recordings(emulator, account, f"DateCreated>={day}&DateCreated<={day}T23:59:59Z")
    assert plain == whole
    # Every recording is on one side of a moment, or on both if it was created in exactly that second.
    moment = f"{day}T12:00:00Z"
    before = recordings(emulator, account, f"DateCreated%3C={moment}&PageSize=1000")
    after = recordings(emulator, account, f"DateCreated%3E={moment}&PageSize=1000")
    assert {r["sid"] for r in before} | {r["sid"] for r in after} == {
        r["sid"] for r in recordings(emulator, account)
    }
    assert before
    assert after
    assert recordings(emulator, account, "DateCreated=2030-01-01") == []


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ({}, None, None),
        ({"DateCreated>": "2026-09-15"}, "2026-09-15T00:00:00", None),
        ({"DateCreated<": "2026-09-15"}, None, "2026-09-15T00:00:00"),
        ({"DateCreated": "2026-09-15"}, "2026-09-15T00:00:00", "2026-09-15T23:59:59"),
        ({"DateCreated": "2026-09-15T10:00:00Z"}, "2026-09-15T10:00:00", "2026-09-15T10:00:00"),
        ({"DateCreated>": "2026-09-15T10:00:00+02:00"}, "2026-09-15T08:00:00", None),
        ({"DateCreated>": "Tue, 15 Sep 2026 10:00:00 +0200"}, "2026-09-15T08:00:00", None),
        ({"DateCreated<": "Tue, 15 Sep 2026 10:00:00 -0000"}, None, "2026-09-15T10:00:00"),
        (
            {"DateCreated": "2026-09-15", "DateCreated>": "2026-09-15T10:00:00Z"},
            "2026-09-15T10:00:00",
            "2026-09-15T23:59:59",
        ),
    ],
)
def test_created_between_interprets_date_parameters(
    query: dict[str, str], first: str | None, last: str | None
) -> None:
    def epoch(text: str | None, otherwise: float) -> float:
        return otherwise if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()

    assert created_between(query) == (epoch(first, -math.inf), epoch(last, math.inf))


def test_credentials_see_their_own_account_only(emulator: Emulator) -> None:
    account = emulator.accounts[1]
    for path in ("/2010-04-01/Accounts", "/api/laml/2010-04-01/Accounts.json"):
        page = get(emulator, path, account).json()
        assert [each["sid"] for each in page["accounts"]] == [account.account_sid]
        assert page["accounts"][0]["friendly_name"] == "sales"
        assert page["next_page_uri"] is None
    single = get(emulator, f"/2010-04-01/Accounts/{account.account_sid}.json", account).json()
    assert single["sid"] == account.account_sid
    others = [each.api_token for each in emulator.accounts if each != account]
    assert [token for token in others if token in str(single)] == []


def test_connection_is_kept_unless_client_closes_it(emulator: Emulator, account: Account) -> None:
    headers = basic(account.account_sid, account.api_token)
    connection = http.client.HTTPConnection(urlsplit(emulator.base_url).netloc, timeout=10)
    try:
        for _ in range(3):
            connection.request("GET", list_path(account), headers=headers)
            response = connection.getresponse()
            assert response.getheader("Connection") is None
            response.read()
            assert connection.sock is not None
        connection.request("GET", list_path(account), headers={**headers, "Connection": "close"})
        response = connection.getresponse()
        assert response.getheader("Connection") == "close"
        response.read()
        assert connection.sock is None
    finally:
        connection.close()


def test_methods_other_than_get_are_refused(emulator: Emulator, account: Account) -> None:
    assert get(emulator, list_path(account), account, method="DELETE").status == 405


def test_requests_are_logged(source: Source) -> None:
    account = source.accounts[0]
    with serve(source) as running:
        get(running, f"{list_path(account)}?PageSize=1", account)
        get(running, "/nothing")
        assert running.requests == [
            LoggedRequest("GET", f"{list_path(account)}?PageSize=1", 200),
            LoggedRequest("GET", "/nothing", 404),
        ]


def test_latency_delays_pages(source: Source) -> None:
    account = source.accounts[0]
    with serve(source, latency_ms=80) as running:
        began = time.monotonic()
        get(running, list_path(account), account)
        assert time.monotonic() - began >= 0.08


def test_client_that_disconnects_is_not_logged(
    source: Source, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    account = source.accounts[0]
    with serve(source) as running, caplog.at_level(logging.INFO):
        address = urlsplit(running.base_url)
        for _ in range(5):
            with socket.create_connection((address.hostname or "", address.port or 0)) as client:
                credentials = basic(account.account_sid, account.api_token)["Authorization"]
                target = f"{list_path(account)}?PageSize=1000"
                client.sendall(f"GET {target} HTTP/1.1\r\nAuthorization: {credentials}\r\n\r\n".encode())
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert get(running, target, account).status == 200
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_stop_closes_kept_connections(source: Source) -> None:
    before = threading.active_count()
    with serve(source) as running:
        address = urlsplit(running.base_url)
        client = socket.create_connection((address.hostname or "", address.port or 0), timeout=10)
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 404")
    with client:
        while client.recv(4096):
            pass
    for _ in range(100):
        if threading.active_count() == before:
            break
        time.sleep(0.01)
    assert threading.active_count() == before


def test_serve_fails_if_the_port_is_in_use(source: Source, emulator: Emulator) -> None:
    with pytest.raises(OSError, match="in use"), serve(source, port=urlsplit(emulator.base_url).port or 0):
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_serve_until_stopped(source: Source, number: signal.Signals) -> None:
    handler = signal.getsignal(number)
    urls: list[str] = []

    def ready(running: Emulator) -> None:
        urls.append(running.base_url)
        os.kill(os.getpid(), number)

    serve_until_stopped(source, ready)
    assert urls
    assert signal.getsignal(number) == handler


def test_path_may_be_percent_encoded(emulator: Emulator, account: Account) -> None:
    path = quote(list_path(account), safe="/").replace("Recordings", "%52ecordings")
    assert get(emulator, path, account).status == 200


def test_server_listens_on_this_machine_only(emulator: Emulator) -> None:
    assert urlsplit(emulator.base_url).hostname == "127.0.0.1"


def test_empty_ledger_serves_an_empty_page(tmp_path: Path) -> None:
    with serve(open_ledger(Parameters(seed=1, recordings=0, accounts=1), tmp_path)) as running:
        page = get(running, list_path(running.accounts[0]), running.accounts[0]).json()
        assert (page["recordings"], page["next_page_uri"]) == ([], None)
        assert running.totals()["cells"] == []
