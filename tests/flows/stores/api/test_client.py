import base64
import gzip
import json
import logging
import re
import socket
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn
from urllib.parse import urlsplit

import pytest
import requests
import urllib3.util.retry

from flows.emulator import (
    Account,
    Emulator,
    Parameters,
    Recording,
    Source,
    open_ledger,
    open_recordings,
    serve,
)
from flows.settings.account_settings import Provider
from flows.stores.api.access import AccountAccess
from flows.stores.api.client import USAGE, RecordingsApi
from flows.stores.api.responses import SINGLE
from flows.stores.api.retries import RetryPolicy
from flows.stores.api.throttle import Throttle
from tests.support.samples.stores import ACCOUNT, HASTE, OTHER_ACCOUNT, TOKEN, TOKEN_HINT, access, utc
from tests.support.servers.scripted_server import Reply, ScriptedServer, page, refusal, scripted
from transforms.errors import ApiError, DataError, RequestRefusedError
from transforms.values.windows import Window

NOW = 1_800_000_000.0
WHOLE = page({"sid": "R"})


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return open_ledger(Parameters(seed=3, recordings=2400, accounts=2), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def emulator(source: Source) -> Iterator[Emulator]:
    with serve(source) as running:
        yield running


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collect the waits between attempts without waiting; for Retry-After, the time is always NOW."""
    waited: list[float] = []
    monkeypatch.setattr(urllib3.util.retry, "time", SimpleNamespace(time=lambda: NOW))

    def wait(_: Throttle, seconds: float) -> float:
        waited.append(seconds)
        return seconds

    for way in ("pause", "hold"):
        monkeypatch.setattr(Throttle, way, wait)
    return waited


def to(
    emulator: Emulator, account: Account, provider: Provider = "signalwire", retry_policy: RetryPolicy = HASTE
) -> RecordingsApi:
    found = access(emulator.base_url, account_sid=account.account_sid, token=account.api_token)
    return RecordingsApi(replace(found, provider=provider), retry_policy)


def fetch_all(
    api: RecordingsApi, page_size: int = 1000, parameters: dict[str, str] | None = None
) -> list[str]:
    """Fetch the sids of a list, from the first page to the last."""
    pager = api.pager(parameters or {}, page_size)
    sids = []
    while (url := pager.url) is not None:
        body, envelope = api.fetch(url)
        found = [recording["sid"] for recording in json.loads(body)["recordings"]]
        assert len(found) == envelope.rows
        sids += found
        pager.advance(envelope.next_page_uri)
    return sids


def fetch_first(server: ScriptedServer, retry_policy: RetryPolicy = HASTE) -> RecordingsApi:
    """Fetch the first page; return the client."""
    api = RecordingsApi(access(server.base_url), retry_policy)
    api.fetch(api.pager({}).url or "")
    return api


def failing(server: ScriptedServer, retry_policy: RetryPolicy = HASTE) -> tuple[RecordingsApi, ApiError]:
    """Fetch the first page, which must fail; return the client and the error."""
    api = RecordingsApi(access(server.base_url), retry_policy)
    with pytest.raises(ApiError) as raised:
        api.fetch(api.pager({}).url or "")
    return api, raised.value


def count(emulator: Emulator, account: Account) -> int:
    cells = emulator.totals()["cells"]
    return sum(cell["recordings"] for cell in cells if cell["account_sid"] == account.account_sid)


# Requests


@pytest.mark.parametrize(("user", "token"), [(ACCOUNT, TOKEN), ("SKkey", "se:cret"), ("ü€", "naïve €")])
def test_requests_use_http_basic(user: str, token: str) -> None:
    with scripted(Reply(body=page(next_page_uri="/next")), Reply(body=page())) as server:
        fetch_all(RecordingsApi(access(server.base_url, user=user, token=token), HASTE))
    expected = "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()
    assert [asked.headers["Authorization"] for asked in server.asked] == [expected, expected]


def test_requests_accept_json_and_name_the_client() -> None:
    with scripted(Reply(body=WHOLE)) as server:
        fetch_first(server)
    assert (server.asked[0].headers["Accept"], server.asked[0].headers["User-Agent"]) == (
        "application/json",
        "recspend",
    )


@pytest.mark.parametrize(
    ("provider", "root"), [("signalwire", "/api/laml/2010-04-01"), ("twilio", "/2010-04-01")]
)
def test_pager_uses_the_providers_path_and_largest_page(
    source: Source, provider: Provider, root: str
) -> None:
    with serve(source) as running:
        account = running.accounts[0]
        sids = fetch_all(to(running, account, provider))
        asked = [request.target for request in running.requests]
        assert len(sids) == len(set(sids)) == count(running, account) == 1200
    path = f"{root}/Accounts/{account.account_sid}/Recordings.json"
    parameters = "IncludeSoftDeleted=true&" if provider == "twilio" else ""
    assert asked[0] == f"{path}?{parameters}PageSize=1000"
    assert len(asked) == 2
    assert asked[1].startswith(f"{path}?{parameters}Page=1&PageSize=1000&PageToken=PA")


def test_only_twilio_is_asked_for_deleted_recordings() -> None:
    known = access("https://api.twilio.com")
    asked = {
        provider: RecordingsApi(replace(known, provider=provider), HASTE).pager({}, page_size=1).url or ""
        for provider in ("signalwire", "twilio")
    }
    assert asked["twilio"].endswith("/Recordings.json?IncludeSoftDeleted=true&PageSize=1")
    assert asked["signalwire"].endswith("/Recordings.json?PageSize=1")


@pytest.mark.parametrize(("provider", "query"), [("signalwire", ""), ("twilio", "?IncludeSoftDeleted=true")])
def test_single_recording_has_an_address_with_json(provider: Provider, query: str) -> None:
    api = RecordingsApi(replace(access("https://example.com"), provider=provider), HASTE)
    assert api.recording_url("RE/1").endswith(f"/Accounts/{ACCOUNT}/Recordings/RE%2F1.json{query}")


def test_missing_single_recording_is_a_refused_request() -> None:
    with scripted(Reply(404, refusal(20404, "not found", 404))) as server:
        api = RecordingsApi(access(server.base_url), HASTE)
        with pytest.raises(RequestRefusedError, match=r"refuses the request \(404\).*not found"):
            api.fetch(api.recording_url("RE1"), SINGLE)


def test_base_url_may_end_with_a_slash() -> None:
    api = RecordingsApi(access("https://example.signalwire.com/"), HASTE)
    url = (
        f"https://example.signalwire.com/api/laml/2010-04-01/Accounts/{ACCOUNT}/Recordings.json?PageSize=1000"
    )
    assert api.pager({}).url == url


def test_date_operator_is_part_of_the_parameter_name(source: Source) -> None:
    with serve(source) as running:
        fetch_all(to(running, running.accounts[0]), parameters={"DateCreated>": "2026-09-30T00:00:00Z"})
        assert "?DateCreated%3E=2026-09-30T00%3A00%3A00Z&PageSize=1000" in running.requests[0].target


def test_fetch_returns_the_exact_bytes() -> None:
    body = WHOLE.replace(b'"sid": "R"', b'"sid":  "R\\u0026\xc3\xbc", "price": 0.0024999999') + b"\r\n "
    with scripted(Reply(body=body)) as server:
        api = RecordingsApi(access(server.base_url), HASTE)
        fetched, envelope = api.fetch(api.pager({}).url or "")
    assert fetched == body
    assert (envelope.rows, envelope.next_page_uri) == (1, None)


def test_requests_are_counted(emulator: Emulator) -> None:
    account = emulator.accounts[1]
    before = len(emulator.requests)
    api = to(emulator, account)
    assert len(fetch_all(api, page_size=200)) == 1200
    assert (api.requests, api.retries) == (6, 0) == (len(emulator.requests) - before, 0)


def test_requests_to_this_machine_bypass_proxies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with scripted(Reply(body=WHOLE)) as server, scripted(Reply(body=WHOLE)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.base_url)
        monkeypatch.setenv("all_proxy", proxy.base_url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        fetch_first(server)
    assert len(server.asked) == 1
    assert (proxy.connections, proxy.asked) == (0, [])


# Hosts that must not get the credentials


@pytest.mark.parametrize(
    "uri",
    [
        "http://{other}/next",
        "HTTP://{other}/next",
        "//{other}/next",
        "/\t/{other}/next",
        "http://{own}@{other}/next",
        "//{own}@{other}/next",
        "//user:word@{other}/next",
        "http://{own}\\@{other}/next",
        "//{own}\\@{other}/next",
        "http:\\\\{other}/next",
        "\\\\{other}\\next",
        "/\\{other}/next",
        "http://{other}\\@{own}/next",
        "http://{other}#@{own}/next",
        "http://{other}?@{own}/next",
        "http://localhost:{own_port}/next",
        "http://127.0.0.1:{other_port}/next",
        "//127.0.0.1/next",
        "https://{own}/next",
        "ftp://{other}/next",
        "http://[{other}/next",
    ],
)
def test_next_page_on_another_host_is_never_requested(uri: str) -> None:
    with scripted(Reply(body=WHOLE)) as other, scripted() as own:
        next_page_uri = uri.format(
            own=own.netloc,
            other=other.netloc,
            own_port=own.server_address[1],
            other_port=other.server_address[1],
        )
        own.replies = [Reply(body=page({"sid": "R"}, next_page_uri=next_page_uri)), Reply(body=WHOLE)]
        with pytest.raises(ApiError, match="leads to another host and is not followed") as raised:
            fetch_all(RecordingsApi(access(own.base_url), HASTE))
        assert (other.connections, other.asked) == (0, [])
        assert len(own.asked) == 1
    assert not raised.value.retryable
    assert other.netloc not in str(raised.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    ["http://{other}/next", "//{other}/next", "/elsewhere", "http://[", "http://{other}:port/", "ü"],
)
def test_redirect_is_an_error_and_not_followed(status: int, location: str) -> None:
    with scripted(Reply(body=WHOLE)) as other, scripted() as own:
        headers = {"Location": location.format(other=other.netloc)}
        own.replies = [Reply(status, headers=headers), Reply(body=WHOLE)]
        api, error = failing(own)
        assert (other.connections, other.asked) == (0, [])
        assert len(own.asked) == 1
    assert str(error) == (
        f"Account support: the API redirects ({status}). Redirects are not followed, so that the credentials go "
        "nowhere else. Check the base URL."
    )
    assert not error.retryable
    assert (api.requests, api.retries) == (1, 0)


def test_location_of_a_transient_error_is_ignored() -> None:
    with scripted(Reply(body=WHOLE)) as other, scripted() as own:
        headers = {"Location": f"{other.base_url}/next"}
        own.replies = [Reply(503, headers=headers), Reply(429, headers=headers), Reply(body=WHOLE)]
        api = fetch_first(own)
        assert (other.connections, len(own.asked)) == (0, 3)
    assert (api.requests, api.retries) == (3, 2)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("other-host", r"leads to another host"),
        ("redirect", r"redirects \(302\)"),
        ("repeat-cursor", r"was already fetched, so pagination would never end"),
        ("not-found", r"has no list of recordings for account .* \(404\)"),
        ("unauthorized", r"refuses the credentials \(401\)\. Check RECSPEND_API_TOKEN"),
    ],
)
def test_permanent_fault_ends_pagination_with_a_message(source: Source, fault: str, words: str) -> None:
    with serve(source, faults=[fault]) as running:
        api = to(running, running.accounts[0])
        with pytest.raises(ApiError, match=words):
            fetch_all(api, page_size=500)
        assert len(running.requests) == api.requests <= 2
    assert api.retries == 0


# Retries


@pytest.mark.parametrize("seed", [0, 1])
def test_pagination_survives_throttling_and_broken_responses(
    source: Source, waits: list[float], seed: int
) -> None:
    retry_policy = RetryPolicy(attempts=7, backoff=0)
    with serve(source, faults=["throttle", "flaky"], seed=seed) as running:
        account = running.accounts[0]
        api = to(running, account, retry_policy=retry_policy)
        sids = fetch_all(api, page_size=20)
        statuses = [asked.status for asked in running.requests]
        assert len(sids) == len(set(sids)) == count(running, account) == 1200
    assert {0, 200, 429, 500, 502, 503} == {*statuses}
    assert (api.requests, api.retries) == (len(statuses), sum(status != 200 for status in statuses))
    assert api.retries > 10
    assert 1.0 in waits


def test_html_response_is_retried(source: Source) -> None:
    with serve(source, faults=["bad-json"]) as running:
        api = to(running, running.accounts[0])
        assert len(fetch_all(api)) == 1200
    assert (api.requests, api.retries) == (3, 1)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("body", [b"", b"<html>Try again later</html>", refusal(20500, "Failed", 500)])
def test_transient_status_is_retried(status: int, body: bytes) -> None:
    with scripted(Reply(status, body), Reply(status, body), Reply(body=WHOLE)) as server:
        api = fetch_first(server)
    assert (api.requests, api.retries, len(server.asked)) == (3, 2, 3)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_lasting_status_is_an_error_after_the_last_attempt(status: int) -> None:
    with scripted(Reply(status, b"trouble")) as server:
        api, error = failing(server)
    assert str(error) == (
        f"Account support: the API still returns {status} after 3 attempts. Run again later; what has landed is kept."
    )
    assert error.retryable
    assert (api.requests, api.retries, len(server.asked)) == (3, 2, 3)


def test_one_attempt_means_one_request() -> None:
    with scripted(Reply(503), Reply(body=WHOLE)) as server:
        api, error = failing(server, replace(HASTE, attempts=1))
    assert error.retryable
    assert (api.requests, api.retries, len(server.asked)) == (1, 0, 1)


def test_retry_after_in_seconds_is_honoured(waits: list[float]) -> None:
    with scripted(Reply(429, headers={"Retry-After": "17"}), Reply(body=WHOLE)) as server:
        api = fetch_first(server)
    assert waits == [17]
    assert api.retries == 1


def test_retry_after_as_a_date_is_honoured(waits: list[float]) -> None:
    header = {"Retry-After": formatdate(NOW + 42, usegmt=True)}
    with scripted(Reply(503, headers=header), Reply(body=WHOLE)) as server:
        fetch_first(server)
    assert waits == [42]


def test_long_wait_says_when_it_ends(waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with scripted(Reply(429, headers={"Retry-After": "17"}), Reply(body=WHOLE)) as server:
        fetch_first(server)
        assert "asks to wait" not in caplog.text
        server.replies = [Reply(429, headers={"Retry-After": "300"}), Reply(body=WHOLE)]
        before = datetime.now(UTC)
        fetch_first(server)
        after = datetime.now(UTC)
    (line,) = [record.getMessage() for record in caplog.records if "asks to wait" in record.getMessage()]
    until = line.removeprefix("support: the API asks to wait (Retry-After). The next request is sent at ")
    times = [
        f"{moment + timedelta(seconds=300 + late):%H:%M:%S} UTC."
        for moment in (before, after)
        for late in (0, 1)
    ]
    assert until in times


def test_wait_beyond_the_limit_is_said_in_the_error(waits: list[float]) -> None:
    with scripted(Reply(429, headers={"Retry-After": "7200"})) as server:
        _, error = failing(server)
    assert waits == [900, 900, 900]
    assert re.search(
        r"still returns 429 after 3 attempts\. Run again after .* UTC, as the API asks; what has landed",
        str(error),
    )


def test_retry_after_has_a_limit(waits: list[float]) -> None:
    headers = [{"Retry-After": "86400"}, {"Retry-After": formatdate(NOW + 86400, usegmt=True)}]
    with scripted(*(Reply(429, headers=each) for each in headers), Reply(body=WHOLE)) as server:
        fetch_first(server, replace(HASTE, longest_retry_after=30))
    assert waits == [30, 30]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "soon",
            "-5",
            "1.5",
            "",
            "0",
            "NaN",
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "Mon, 01 Jan 99999 00:00:00 GMT",
        ),
        *("9" * 5000, "Mon, 01 Jan 0 00:00:00 GMT", "Fri, 31 Feb 2026 00:00:00 +99999999999999999999"),
    ],
)
def test_invalid_retry_after_is_ignored(waits: list[float], text: str) -> None:
    with scripted(Reply(429, headers={"Retry-After": text}), Reply(body=WHOLE)) as server:
        api = fetch_first(server)
    assert (api.requests, api.retries) == (2, 1)
    assert waits == [0]  # the first pause of HASTE


@pytest.mark.parametrize("fault", [Reply(503), Reply(429), Reply(body=b"<html>"), Reply(breaks="reset")])
def test_pauses_without_retry_after_grow_up_to_a_limit(waits: list[float], fault: Reply) -> None:
    retry_policy = replace(HASTE, attempts=6, backoff=1, longest_backoff=6)
    with scripted(*[fault] * 5, Reply(body=WHOLE)) as server:
        fetch_first(server, retry_policy)
    assert [int(wait) for wait in waits] == [1, 2, 4, 6, 6]


@pytest.mark.parametrize(
    "broken",
    [
        Reply(breaks="reset"),
        Reply(body=WHOLE[:-20], missing=20),
        Reply(body=WHOLE, missing=1),
        Reply(body=b"", missing=1),
        Reply(body=WHOLE[:-1]),
        Reply(body=b""),
        Reply(body=b"<!DOCTYPE html><title>Maintenance</title>", headers={"Content-Type": "text/html"}),
        Reply(body=b'{"recordings": [], "next_page_uri": nul'),
        Reply(body=WHOLE, headers={"Content-Encoding": "gzip"}),
    ],
)
def test_broken_response_is_retried(broken: Reply) -> None:
    with scripted(broken, broken, Reply(body=WHOLE)) as server:
        api = fetch_first(server)
    assert (api.requests, api.retries, len(server.asked)) == (3, 2, 3)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (
            Reply(breaks="reset"),
            r"cannot be reached \(ConnectionError\)\. Check the base URL and the network",
        ),
        (Reply(body=WHOLE[:-20], missing=20), r"sent no complete page in 3 attempts\. Run again later"),
        (Reply(body=b"<html>"), r"sent no complete page in 3 attempts\. Run again later"),
    ],
)
def test_lasting_broken_response_is_an_error_after_retries(broken: Reply, words: str) -> None:
    with scripted(broken) as server:
        api, error = failing(server)
    assert error.retryable
    assert str(error).startswith("Account support: ")
    assert str(error).endswith("what has landed is kept.")
    with pytest.raises(ApiError, match=words):
        raise error
    assert (api.requests, api.retries, len(server.asked)) == (3, 2, 3)


def test_refused_connection_is_retried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with scripted(Reply(body=WHOLE), listening=False) as server:
        monkeypatch.setattr(Throttle, "pause", lambda *_: server.listen())
        api = fetch_first(server)
    assert (api.requests, api.retries, len(server.asked)) == (2, 1, 1)


def test_lasting_refused_connection_is_an_error() -> None:
    with scripted(Reply(body=WHOLE), listening=False) as server:
        api, error = failing(server)
    assert (
        f"Account support: {server.base_url} refuses the connection. Check the base URL and its port"
        in str(error)
    )
    assert error.retryable
    assert (api.requests, api.retries) == (3, 2)


def test_connect_timeout_is_an_error_after_retries() -> None:
    with (
        closing(socket.socket()) as listener,
        closing(socket.socket()) as first,
        closing(socket.socket()) as second,
    ):
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for waiting in (first, second):  # no server accepts them, so the queue is full
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        host, port = listener.getsockname()
        api = RecordingsApi(access(f"http://{host}:{port}"), replace(HASTE, connect_timeout=0.05, attempts=2))
        with pytest.raises(ApiError, match=r"cannot be reached \(ConnectTimeout\)") as raised:
            api.newest()
    assert raised.value.retryable
    assert (api.requests, api.retries) == (2, 1)


def test_connecting_and_reading_have_separate_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts = []

    def send(_: object, request: requests.PreparedRequest, *, timeout: object, **__: object) -> NoReturn:
        timeouts.append(timeout)
        raise requests.ConnectionError

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    api = RecordingsApi(
        access("https://example.signalwire.com"), replace(HASTE, connect_timeout=3, read_timeout=4)
    )
    with pytest.raises(ApiError, match="cannot be reached"):
        api.newest()
    assert set(timeouts) == {(3, 4)}


def test_read_timeout_is_an_error_after_retries() -> None:
    with scripted(Reply(breaks="silent")) as server:
        api, error = failing(server, replace(HASTE, read_timeout=0.05))
    assert "cannot be reached (ReadTimeout)" in str(error)
    assert error.retryable
    assert (api.requests, api.retries, len(server.asked)) == (3, 2, 3)


def test_read_timeout_is_retried() -> None:
    with scripted(Reply(breaks="silent"), Reply(body=WHOLE)) as server:
        api = fetch_first(server, replace(HASTE, read_timeout=0.2))
    assert (api.requests, api.retries, len(server.asked)) == (2, 1, 2)


def test_stalled_body_is_retried() -> None:
    with scripted(Reply(body=WHOLE[:-9], missing=9, breaks="stalls"), Reply(body=WHOLE)) as server:
        api = fetch_first(server, replace(HASTE, read_timeout=0.2))
    assert (api.requests, api.retries, len(server.asked)) == (2, 1, 2)


def test_body_over_the_page_timeout_is_retried() -> None:
    trickling = Reply(body=WHOLE, breaks="trickles")
    with scripted(trickling, Reply(body=WHOLE)) as server:
        api = fetch_first(server, replace(HASTE, read_timeout=1, page_timeout=0.1))
    assert (api.requests, api.retries, len(server.asked)) == (2, 1, 2)


def test_compressed_body_is_decompressed() -> None:
    whole = page(*({"sid": f"R{number}"} for number in range(5000)))
    with scripted(Reply(body=gzip.compress(whole), headers={"Content-Encoding": "gzip"})) as server:
        api = RecordingsApi(access(server.base_url), HASTE)
        body, envelope = api.fetch(api.pager({}).url or "")
    assert (body, envelope.rows) == (whole, 5000)


@pytest.mark.parametrize(
    "host", ["a..b", "a" * 64 + ".example", "127.0.0.1:port", "127.0.0.1:99999", "exa mple"]
)
def test_invalid_host_is_an_error_with_a_message(host: str) -> None:
    api = RecordingsApi(access(f"https://{host}"), HASTE)
    with pytest.raises(
        ApiError, match=r"^Account support: https://.* cannot be reached .*Check the base URL"
    ):
        api.newest()


# Responses that no retry resolves


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b'"page"',
        b'{"next_page_uri": null}',
        b'{"recordings": null, "next_page_uri": null}',
        b'{"recordings": {}, "next_page_uri": null}',
        b'{"recordings": [], "next_page_uri": 7}',
        b'{"code": 20003, "message": "Authenticate", "status": 200}',
        page(next_page_uri=["/next"]),
    ],
)
def test_json_that_is_not_a_page_is_not_retried(body: bytes) -> None:
    with scripted(Reply(body=body)) as server:
        api = RecordingsApi(access(server.base_url), HASTE)
        with pytest.raises(
            DataError, match=r"^Account support: the API returned something other than recordings: "
        ):
            api.fetch(api.pager({}).url or "")
    assert (api.requests, api.retries, len(server.asked)) == (1, 0, 1)


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_name_account_and_token_source(status: int) -> None:
    with scripted(Reply(status, refusal(20003, f"Wrong token {TOKEN}", status))) as server:
        api, error = failing(server)
    assert str(error).startswith(f"Account support: the API refuses the credentials ({status}).")
    assert (f"Check {TOKEN_HINT} and the account sid" in str(error)) == (status == 401)
    # A message with the token is left out.
    assert str(error).endswith("needs the scope to read voice recordings. The API says: code 20003.")
    assert not error.retryable
    assert not isinstance(error, RequestRefusedError)
    assert (api.requests, api.retries, len(server.asked)) == (1, 0, 1)


def test_not_found_is_an_error_and_not_an_empty_list() -> None:
    with scripted(Reply(404, refusal(20404, "not found", 404))) as server:
        api, error = failing(server)
    assert str(error) == (
        f"Account support: the API has no list of recordings for account {ACCOUNT} (404). Check the account sid, "
        "the base URL and the provider."
    )
    assert not error.retryable
    assert not isinstance(error, RequestRefusedError)
    assert (api.requests, len(server.asked)) == (1, 1)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, refusal(20007, "Page size too large", 400), " The API says: Page size too large (code 20007)."),
        (
            422,
            refusal(54453, "Page without PageToken", 422),
            " The API says: Page without PageToken (code 54453).",
        ),
        (400, b"", ""),
        (400, b"<html>secret words</html>", ""),
        (400, b'{"code": "secret words"}', ""),
        (400, b'{"message": "secret words"}', ""),
        (400, b'{"code": 20007, "message": 7}', " The API says: code 20007."),
        (410, b'["secret words"]', ""),
        (406, refusal(0, "secret words", 406), ""),
    ],
)
def test_refused_request_shows_only_what_the_vendor_says(status: int, body: bytes, words: str) -> None:
    with scripted(Reply(status, body)) as server:
        api, error = failing(server)
    assert isinstance(error, RequestRefusedError)
    assert str(error) == f"Account support: the API refuses the request ({status}).{words}"
    assert not error.retryable
    assert (api.requests, api.retries, len(server.asked)) == (1, 0, 1)


def test_refused_request_with_a_cut_off_body_is_an_error() -> None:
    with scripted(Reply(400, refusal(20007, "Page size too large", 400)[:-5], missing=5)) as server:
        _, error = failing(server)
    assert isinstance(error, RequestRefusedError)
    assert "(400)" in str(error)


@pytest.mark.parametrize("status", [204, 206, 300, 304, 501, 505])
def test_other_status_is_not_a_refused_request(status: int) -> None:
    with scripted(Reply(status)) as server:
        api, error = failing(server)
    assert f"({status})" in str(error)
    assert not isinstance(error, RequestRefusedError)
    assert (api.requests, len(server.asked)) == (1, 1)


# Secrets

SECRETS = [TOKEN, base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode(), "Authorization", "Basic "]
ECHO = f"Authorization: Basic {SECRETS[1]} {TOKEN}".encode()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=WHOLE),
        *(
            Reply(status, refusal(20003, ECHO.decode(), status))
            for status in (400, 401, 403, 404, 418, 429, 500, 503)
        ),
        *(Reply(status, ECHO) for status in (400, 401, 403, 404, 429, 500)),
        Reply(302, ECHO, {"Location": "http://other.invalid/"}),
        Reply(429, ECHO, {"Retry-After": "never"}),
        Reply(body=ECHO),
        Reply(body=json.dumps({"recordings": ECHO.decode(), "next_page_uri": None}).encode()),
        Reply(body=json.dumps({"recordings": [], "next_page_uri": [ECHO.decode()]}).encode()),
        Reply(body=json.dumps(ECHO.decode()).encode()),
        Reply(body=page(next_page_uri=f"http://{TOKEN}@other.invalid/{TOKEN}")),
        Reply(body=ECHO, missing=7),
        Reply(body=ECHO, headers={"Content-Encoding": "gzip"}),
        Reply(breaks="reset"),
        Reply(breaks="silent"),
    ],
)
def test_errors_and_logs_contain_no_token_and_no_header(
    reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with scripted(reply) as server:
        api = RecordingsApi(access(server.base_url), replace(HASTE, read_timeout=0.05))
        try:
            fetch_all(api)
            shown = "fine"
        except (ApiError, DataError) as error:
            shown = "".join(traceback.format_exception(error)) + repr(error)
        shown += repr(api.access)
    assert shown.startswith("fine") == (reply == Reply(body=WHOLE))
    assert "urllib3" in caplog.text  # logging is on
    for secret in SECRETS:
        assert secret not in shown
        assert secret not in caplog.text


def test_connection_error_contains_no_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with scripted(Reply(), listening=False) as server:
        _, error = failing(server)
    shown = "".join(traceback.format_exception(error)) + caplog.text
    assert "refuses the connection" in shown
    assert not [secret for secret in SECRETS if secret in shown]


def test_access_hides_its_token() -> None:
    shown: list[Callable[[AccountAccess], str]] = [repr, str, "{}".format, lambda found: f"{found!r:>200}"]
    found = access("https://example.signalwire.com", user="somebody")
    for show in shown:
        assert TOKEN not in show(found)
        assert "support" in show(found)


# The first day and the last


def recording(sequence: int, created: str, account_sid: str = ACCOUNT) -> Recording:
    year, month, day = (int(part) for part in created.split("-"))
    created_at = int(utc(year, month, day, 23, 59).timestamp())
    return Recording(
        account_sid=account_sid,
        sequence=sequence,
        created_at=created_at,
        updated_at=created_at,
        started_at=created_at,
        ended_at=created_at,
        call_sid=None,
        conference_sid=None,
        duration_seconds=1,
        source="DialVerb",
        channels=1,
        status="completed",
        price=Decimal(0),
        currency="USD",
    )


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    made = [recording(0, "2026-03-10"), recording(1, "2026-07-05"), recording(0, "2026-05-01", OTHER_ACCOUNT)]
    with serve(open_recordings(made, tmp_path_factory.mktemp("few") / "ledger")) as running:
        yield running


def of_account(emulator: Emulator, account_sid: str) -> RecordingsApi:
    return to(emulator, next(each for each in emulator.accounts if each.account_sid == account_sid))


@pytest.mark.parametrize("provider", ["signalwire", "twilio"])
def test_exists_before_requests_one_row(few: Emulator, provider: Provider) -> None:
    api = of_account(few, ACCOUNT)
    api = RecordingsApi(replace(api.access, provider=provider), HASTE)
    assert [api.exists_before(date(2026, month, 1)) for month in (1, 3, 4, 7, 12)] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert (api.requests, api.retries) == (5, 0)
    asked = urlsplit(few.requests[-1].target).query
    assert asked.startswith("DateCreated%3C=2026-12-01T00%3A00%3A00Z&")
    assert asked.endswith("&PageSize=1")


def test_newest_returns_the_first_row(few: Emulator) -> None:
    api = of_account(few, ACCOUNT)
    assert api.newest() == utc(2026, 7, 5, 23, 59)
    assert of_account(few, OTHER_ACCOUNT).newest() == utc(2026, 5, 1, 23, 59)
    assert api.requests == 1
    assert few.requests[-1].target.endswith("/Recordings.json?PageSize=1")


def test_newest_returns_none_without_recordings() -> None:
    with scripted(Reply(body=page())) as server:
        api = RecordingsApi(access(server.base_url), HASTE)
        assert api.newest() is None
        assert not api.exists_before(date(2026, 7, 1))


@pytest.mark.parametrize("created", [None, "some day", 7, {}])
def test_exists_before_counts_a_recording_with_a_bad_date(created: object) -> None:
    with scripted(Reply(body=page({"sid": "R", "date_created": created}))) as server:
        assert RecordingsApi(access(server.base_url), HASTE).exists_before(date(2026, 7, 1))


@pytest.mark.parametrize(
    "day", ["Thu, 02 Jul 2026 00:00:00 +0000", "2026-06-30T23:59:59Z", "Wed, 1 Jul 2026 00:00:00 GMT"]
)
def test_exists_before_accepts_an_inclusive_bound(day: str) -> None:
    with scripted(Reply(body=page({"sid": "R", "date_created": day}))) as server:
        assert RecordingsApi(access(server.base_url), HASTE).exists_before(date(2026, 7, 1))


def test_exists_before_rejects_an_api_that_does_not_filter() -> None:
    body = page({"sid": "R", "date_created": "Fri, 03 Jul 2026 00:00:00 +0000"})
    with scripted(Reply(body=body)) as server:
        api = RecordingsApi(access(server.base_url), HASTE)
        with pytest.raises(
            ApiError,
            match=r"^Account support: asked for recordings before 2026-07-01, the API listed one of 2026-07-03, "
            r"so the first day cannot be found\. Pass the first of its month with --from\.$",
        ):
            api.exists_before(date(2026, 7, 1))


def test_client_writes_nothing_to_the_working_directory(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    to(emulator, emulator.accounts[0]).newest()
    assert list(tmp_path.iterdir()) == []


USAGE_PAGE = Reply(body=b'{"usage_records":[{}],"next_page_uri":null}')


def test_usage_is_fetched_with_retries(waits: list[float]) -> None:
    replies = (Reply(429, headers={"Retry-After": "3"}), Reply(503), Reply(body=b"<html>"), USAGE_PAGE)
    with scripted(*replies) as server:
        found = access(server.base_url, account_sid="AC1", provider="twilio")
        api = RecordingsApi(found, replace(HASTE, attempts=4))
        pager = api.usage_pager(Window(date(2026, 9, 1), date(2026, 9, 30)))
        body, envelope = api.fetch(pager.url or "", USAGE)
    assert (body, envelope.rows, envelope.next_page_uri) == (USAGE_PAGE.body, 1, None)
    assert (api.requests, api.retries, waits[0]) == (4, 3, 3)
    assert {asked.target for asked in server.asked} == {
        "/2010-04-01/Accounts/AC1/Usage/Records/Daily.json?Category=recordings&StartDate=2026-09-01"
        "&EndDate=2026-09-30&IncludeSubaccounts=false&PageSize=1000"
    }


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(403), r"needs to be allowed to read usage\."),
        (Reply(404), r"has no list of Usage Records for account AC1 \(404\)"),
        (Reply(body=b'{"recordings":[]}'), r"something other than Usage Records: not a page of usage"),
    ],
)
def test_refused_usage_request_names_usage(reply: Reply, words: str) -> None:
    with scripted(reply) as server:
        api = RecordingsApi(access(server.base_url, account_sid="AC1", provider="twilio"), HASTE)
        with pytest.raises((ApiError, DataError), match=words):
            api.fetch(api.usage_pager(Window(date(2026, 9, 1), date(2026, 9, 1))).url or "", USAGE)
