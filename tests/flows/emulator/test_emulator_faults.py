from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http.client import HTTPException, IncompleteRead
from itertools import islice
from urllib.parse import urlsplit

import pytest
from emulator_client import Reply, get, list_path, recordings, walk

from flows.emulator import FAULTS, Account, Emulator, Parameters, Source, open_ledger, serve


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return open_ledger(Parameters(seed=2, recordings=300, accounts=1), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def account(source: Source) -> Account:
    return source.accounts[0]


def patient_walk(
    running: Emulator, account: Account, fine: Callable[[Reply], bool]
) -> tuple[list[str], list[str]]:
    """Walk page by page, asking once more whenever something goes wrong; the sids, and what went wrong."""
    target, sids, trouble = f"{list_path(account)}?PageSize=3", list[str](), list[str]()
    while target:
        for is_last in (False, True):
            try:
                reply = get(running, target, account)
            except IncompleteRead:
                trouble.append("truncated")
            except (ConnectionError, HTTPException):
                trouble.append("reset")
            else:
                if fine(reply):
                    break
                trouble.append(f"{reply.status} {reply.headers.get('Retry-After', '')}")
            assert not is_last, "the second time it works"
        sids += [record["sid"] for record in reply.json()["recordings"]]
        target = reply.json()["next_page_uri"]
    return sids, trouble


def test_throttle(source: Source, account: Account) -> None:
    with serve(source, faults=["throttle"]) as running:
        sids, trouble = patient_walk(running, account, lambda reply: reply.status == 200)
    assert len(set(sids)) == len(sids) == 300
    assert 10 <= len(trouble) <= 35
    waits = [text.removeprefix("429 ") for text in trouble]
    assert set(waits[::3]) == {"1"}
    assert set(waits[2::3]) == {""}
    assert all(parsedate_to_datetime(text) for text in waits[1::3])


def test_throttle_says_so(source: Source, account: Account) -> None:
    with serve(source, faults=["throttle"]) as running:
        replies = [get(running, f"{list_path(account)}?PageSize=1", account) for _ in range(40)]
    bodies = [reply.json() for reply in replies if reply.status == 429]
    assert bodies
    assert all((body["code"], body["status"]) == (20429, 429) for body in bodies)


def test_flaky(source: Source, account: Account) -> None:
    with serve(source, faults=["flaky"]) as running:
        sids, trouble = patient_walk(running, account, lambda reply: reply.status == 200)
        statuses = {asked.status for asked in running.requests}
    assert len(set(sids)) == len(sids) == 300
    assert trouble[:5] == ["500 ", "502 ", "reset", "503 ", "truncated"]
    assert statuses == {0, 200, 500, 502, 503}


def test_bad_json(source: Source, account: Account) -> None:
    with serve(source, faults=["bad-json"]) as running:
        first = get(running, list_path(account), account)
        assert (first.status, first.body[:15]) == (200, b"<!DOCTYPE html>")
        assert len(recordings(running, account)) == 300


def test_repeat_cursor(source: Source, account: Account) -> None:
    with serve(source, faults=["repeat-cursor"]) as running:
        pages = list(islice(walk(running, account, "PageSize=100"), 5))
    assert [page["page"] for page in pages] == [0, 1, 1, 1, 1]
    assert pages[1] == pages[2] == pages[4]


def test_other_host(source: Source, account: Account) -> None:
    with serve(source, faults=["other-host"]) as running:
        first = get(running, f"{list_path(account)}?PageSize=200", account).json()
        parts = urlsplit(first["next_page_uri"])
        assert (parts.scheme, parts.hostname, parts.path) == (
            "https",
            "recordings.invalid",
            list_path(account),
        )
        assert get(running, f"{list_path(account)}?PageSize=1000", account).json()["next_page_uri"] is None


@pytest.mark.parametrize(
    ("name", "status", "code"), [("not-found", 404, 20404), ("unauthorized", 401, 20003)]
)
def test_refusals(source: Source, account: Account, name: str, status: int, code: int) -> None:
    with serve(source, faults=[name]) as running:
        reply = get(running, list_path(account), account)
        assert (reply.status, reply.json()["code"]) == (status, code)
        assert get(running, "/2010-04-01/Accounts", account).status == 200


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


@pytest.mark.parametrize("name", ["throttle", "flaky"])
def test_the_same_seed_and_requests_meet_the_same_trouble(
    source: Source, account: Account, name: str
) -> None:
    def statuses(seed: int) -> list[int]:
        with serve(source, faults=[name], seed=seed) as running:
            patient_walk(running, account, lambda reply: reply.status == 200)
            return [asked.status for asked in running.requests]

    assert statuses(1) == statuses(1)
    assert statuses(1) != statuses(2)


def test_an_unknown_fault_is_refused(source: Source) -> None:
    with pytest.raises(ValueError, match=r"There is no fault 'gremlins'\. Choose from: bad-json, "):
        serve(source, faults=["gremlins"]).__enter__()


def test_the_totals_are_the_truth_whatever_the_fault(source: Source) -> None:
    for name in FAULTS:
        with serve(source, faults=[name]) as running:
            assert running.totals() == source.totals()
