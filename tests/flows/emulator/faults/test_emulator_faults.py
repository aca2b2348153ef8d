import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from email.utils import parsedate_to_datetime
from http.client import HTTPException, IncompleteRead

import pytest

from flows.emulator import (
    FAULTS,
    LEDGER_FAULTS,
    Account,
    Emulator,
    Parameters,
    Source,
    open_ledger,
    open_living,
    serve,
)
from flows.emulator.faults.hostile_faults import HOSTILE_FAULTS
from flows.emulator.faults.transport_faults import (
    MOST_AT_ONCE,
    NOT_FOUND_REQUESTS,
    PAUSE_SECONDS,
    TOKEN_LASTS,
    TOKEN_REFUSALS,
)
from tests.support.servers.emulator_client import (
    Reply,
    fetch_all,
    get,
    list_path,
    recordings,
    recount,
    with_decimals,
)

ENDLESS = {"repeat-cursor", "other-host", "unauthorized", "redirect"}
BESIDE = {name for name in FAULTS if name.startswith("usage-")} | {"odd-accounts"}
UNCONDITIONAL = {
    *ENDLESS,
    *BESIDE,
    "bad-json",
    "no-next-uri",
    "not-found",
    "expired-token",
    "huge-page",
    "throttle-concurrency",
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return open_ledger(Parameters(seed=2, recordings=300, accounts=1), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def account(source: Source) -> Account:
    return source.accounts[0]


def fetch_with_retry(
    running: Emulator, account: Account, fine: Callable[[Reply], bool]
) -> tuple[list[str], list[str]]:
    """Fetch page by page, and repeat each failed request once. Returns the sids, and the errors."""
    target, sids, errors = f"{list_path(account)}?PageSize=3", list[str](), list[str]()
    while target:
        for is_last in (False, True):
            try:
                reply = get(running, target, account)
            except IncompleteRead:
                errors.append("truncated")
            except (ConnectionError, HTTPException):
                errors.append("reset")
            else:
                if fine(reply):
                    break
                errors.append(f"{reply.status} {reply.headers.get('Retry-After', '')}")
            assert not is_last, "the repeated request should succeed"
        sids += [record["sid"] for record in reply.json()["recordings"]]
        target = reply.json()["next_page_uri"]
    return sids, errors


def test_throttle_alternates_forms_of_retry_after(source: Source, account: Account) -> None:
    with serve(source, faults=["throttle"]) as running:
        sids, errors = fetch_with_retry(running, account, lambda reply: reply.status == 200)
    assert len(set(sids)) == len(sids) == 300
    assert 10 <= len(errors) <= 35
    waits = [text.removeprefix("429 ") for text in errors]
    assert set(waits[::3]) == {"1"}
    assert set(waits[2::3]) == {""}
    assert all(parsedate_to_datetime(text) for text in waits[1::3])


def test_throttle_body_has_code_and_status(source: Source, account: Account) -> None:
    with serve(source, faults=["throttle"]) as running:
        replies = [get(running, f"{list_path(account)}?PageSize=1", account) for _ in range(40)]
    bodies = [reply.json() for reply in replies if reply.status == 429]
    assert bodies
    assert all((body["code"], body["status"]) == (20429, 429) for body in bodies)


def test_flaky(source: Source, account: Account) -> None:
    with serve(source, faults=["flaky"]) as running:
        sids, errors = fetch_with_retry(running, account, lambda reply: reply.status == 200)
        statuses = {request.status for request in running.requests}
    assert len(set(sids)) == len(sids) == 300
    assert errors[:6] == ["500 ", "502 ", "reset", "503 ", "truncated", "500 "]
    assert statuses == {0, 200, 500, 502, 503}


def test_flaky_sends_slow_bodies_completely(source: Source, account: Account) -> None:
    def walk_of(running: Emulator) -> tuple[list[float], bytes]:
        """Return how long each answer took, and all successful ones."""
        took, bodies = list[float](), b""
        for _ in range(60):
            began = time.monotonic()
            with suppress(ConnectionError, HTTPException):
                reply = get(running, f"{list_path(account)}?PageSize=300", account)
                bodies += reply.body if reply.status == 200 else b""
                took.append(time.monotonic() - began)
        return took, bodies

    with serve(source, faults=["flaky"]) as running:
        took, bodies = walk_of(running)
    with serve(source) as running:
        whole = get(running, f"{list_path(account)}?PageSize=300", account).body
    slow = [seconds for seconds in took if seconds >= PAUSE_SECONDS]
    assert slow
    assert bodies == whole * (len(bodies) // len(whole))


def test_bad_json(source: Source, account: Account) -> None:
    with serve(source, faults=["bad-json"]) as running:
        first = get(running, list_path(account), account)
        assert (first.status, first.body[:15]) == (200, b"<!DOCTYPE html>")
        assert len(recordings(running, account)) == 300


def statuses_of(running: Emulator, account: Account, count: int) -> list[int]:
    return [get(running, list_path(account), account).status for _ in range(count)]


def test_unauthorized(source: Source, account: Account) -> None:
    with serve(source, faults=["unauthorized"]) as running:
        reply = get(running, list_path(account), account)
        assert (reply.status, reply.json()["code"]) == (401, 20003)
        assert get(running, "/2010-04-01/Accounts", account).status == 200
        assert statuses_of(running, account, 30) == [401] * 30


def test_not_found_stops_after_some_requests() -> None:
    with serve(open_living([], accounts=["one", "two"]), faults=["not-found"]) as running:
        one, two = running.accounts
        reply = get(running, list_path(one), one)
        assert (reply.status, reply.json()["code"]) == (404, 20404)
        assert get(running, "/2010-04-01/Accounts", one).status == 200
        assert statuses_of(running, one, NOT_FOUND_REQUESTS) == [404] * (NOT_FOUND_REQUESTS - 1) + [200]
        assert statuses_of(running, two, NOT_FOUND_REQUESTS + 1) == [404] * NOT_FOUND_REQUESTS + [200]


def test_expired_token() -> None:
    refused = [200] * TOKEN_LASTS + [401] * TOKEN_REFUSALS + [200] * 20
    with serve(open_living([], accounts=["one", "two"]), faults=["expired-token"]) as running:
        for account in running.accounts:
            assert statuses_of(running, account, len(refused)) == refused


def test_throttle_concurrency(source: Source, account: Account) -> None:
    def statuses(at_once: int) -> list[int]:
        with ThreadPoolExecutor(at_once) as pool:
            futures = [pool.submit(get, running, list_path(account), account) for _ in range(3 * at_once)]
            return [each.result().status for each in futures]

    with serve(source, faults=["throttle-concurrency"], latency_ms=100) as running:
        assert statuses(MOST_AT_ONCE) == [200] * 3 * MOST_AT_ONCE
        assert running.most_at_once == {account.account_sid: MOST_AT_ONCE}
        assert set(statuses(MOST_AT_ONCE + 3)) == {200, 429}
        assert running.most_at_once[account.account_sid] > MOST_AT_ONCE
        assert statuses(1) == [200] * 3


def test_throttle_concurrency_counts_by_account() -> None:
    with serve(open_living([], accounts=["one", "two"]), latency_ms=300) as running:
        one, two = running.accounts
        with ThreadPoolExecutor(5) as pool:
            futures = [pool.submit(get, running, list_path(each), each) for each in (one, one, one, two, two)]
        assert [each.result().status for each in futures] == [200] * 5
        get(running, "/2010-04-01/Accounts", one)
        assert running.most_at_once == {"one": 3, "two": 2}


def test_latency_delays_answers_but_not_refusals(source: Source, account: Account) -> None:
    with serve(source, faults=["unauthorized"], latency_ms=5_000) as running:
        began = time.monotonic()
        assert get(running, list_path(account), account).status == 401
        assert time.monotonic() - began < 2


def test_redirect(source: Source, account: Account) -> None:
    with serve(source, faults=["redirect"]) as running:
        reply = get(running, list_path(account), account)
    assert (reply.status, reply.body) == (302, b"")
    assert reply.headers["Location"] == "https://recordings.invalid" + list_path(account)


def test_faults_combine(source: Source, account: Account) -> None:
    with serve(source, faults=["throttle", "other-host"]) as running:
        replies = [get(running, f"{list_path(account)}?PageSize=1", account) for _ in range(30)]
    assert {reply.status for reply in replies} == {200, 429}
    assert all(b"recordings.invalid" in reply.body for reply in replies if reply.status == 200)


def exchange(running: Emulator) -> list[tuple[str, int, bytes]]:
    """Fetch everything twice, with some weeks in between. Returns target, status and body of each request."""
    account, log = running.accounts[0], list[tuple[str, int, bytes]]()
    for _ in range(2):
        target: str | None = f"{list_path(account)}?PageSize=10"
        while target is not None and len(log) < 60:
            try:
                reply = get(running, target, account)
            except (ConnectionError, HTTPException):
                log.append((target, 0, b""))
                continue
            log.append((target, reply.status, reply.body))
            is_page = reply.status == 200 and reply.body.startswith(b"{")
            target = reply.json().get("next_page_uri") if is_page else target if reply.status != 400 else None
            if not target or target.startswith("https:"):
                target = None
        running.ledger.advance(20 * 86_400)
    return log


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - HOSTILE_FAULTS.keys()))
def test_fault_repeats_with_the_same_seed_and_requests(name: str) -> None:
    def log(seed: int) -> list[tuple[str, int, bytes]]:
        source = open_living(Parameters(seed=2, recordings=100, accounts=1))
        with serve(source, faults=[name], seed=seed) as running:
            return exchange(running)

    assert log(1) == log(1)
    if name not in UNCONDITIONAL:
        assert log(1) != log(2)


@pytest.mark.parametrize(
    "name", sorted(FAULTS.keys() - HOSTILE_FAULTS.keys() - ENDLESS - {"skipping-cursor"})
)
def test_robust_client_reads_everything_despite_fault(name: str) -> None:
    source = open_living(Parameters(seed=2, recordings=300, accounts=2))
    with serve(source, faults=[name]) as running:
        found = {a.account_sid: fetch_all(running, a) for a in running.accounts}
    with serve(source) as running:  # for recordings that were inserted in the meantime
        for account in running.accounts:
            found[account.account_sid] |= fetch_all(running, account, "PageSize=1000")
        assert recount(r for each in found.values() for r in each.values()) == with_decimals(
            running.totals()["cells"]
        )
        for account in running.accounts:
            current = {each.recording.sid for each in running.ledger.listed(account.account_sid)}
            gone = {each.recording.sid for each in running.ledger.recordings() if each.deleted_at}
            assert current <= found[account.account_sid].keys() <= current | gone


def test_robust_client_reads_everything_despite_all_faults() -> None:
    names = sorted(FAULTS.keys() - HOSTILE_FAULTS.keys() - ENDLESS - {"skipping-cursor"})
    source = open_living(Parameters(seed=2, recordings=300, accounts=1))
    with serve(source, faults=names) as running:
        found = fetch_all(running, running.accounts[0], "PageSize=3")
    assert len(found) > 250
    with serve(source) as running:
        found |= fetch_all(running, running.accounts[0], "PageSize=1000")
        current = {each.recording.sid for each in running.ledger.recordings() if not each.deleted_at}
        assert current <= found.keys()


def test_serve_refuses_unknown_fault(source: Source) -> None:
    with pytest.raises(ValueError, match=r"'gremlins' is not a fault\. Choose from: bad-json, "):
        serve(source, faults=["gremlins"]).__enter__()


def test_ledger_faults_need_a_living_ledger(source: Source) -> None:
    assert set(LEDGER_FAULTS) == {"late-prices", "corrections", "deletions", "inserts"}
    for name in LEDGER_FAULTS:
        with pytest.raises(ValueError, match=f"The fault {name} changes recordings"):
            serve(source, faults=[name]).__enter__()


def test_totals_are_the_same_with_any_fault(source: Source) -> None:
    for name in FAULTS.keys() - LEDGER_FAULTS.keys():
        with serve(source, faults=[name]) as running:
            assert running.totals() == source.totals()
