import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flows.emulator import Account, Parameters, Source, open_ledger, open_living, open_replay, serve
from flows.emulator.faults.page_faults import HUGE_FACTOR, REPEATED_ROWS
from tests.support.servers.emulator_client import (
    fetch_all,
    fetch_pages,
    get,
    is_valid,
    list_path,
    recordings,
)

CAPTURED = """{ "uri":"/2010-04-01/Accounts/me-1/Recordings?Page=0\\u0026PageSize=2", "recordings" : [
 {"sid":"r1","account_sid":"me-1","price":0.00250,"date_created":"Tue, 25 Sep 2018 23:00:00 +0000"} ,
 {"sid":"r2","account_sid":"me-1","price":"-1","date_created":"Tue, 25 Sep 2018 23:00:00 +0000"} ],
 "next_page_uri" : null }"""
ME = Account("me", "me-1", "anything")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return open_ledger(Parameters(seed=2, recordings=300, accounts=1), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def account(source: Source) -> Account:
    return source.accounts[0]


@pytest.fixture(scope="module")
def whole(source: Source, account: Account) -> list[str]:
    """Return the sids of all recordings, in order."""
    with serve(source) as running:
        return [record["sid"] for record in recordings(running, account)]


def test_duplicates_repeat_rows_across_and_within_pages(
    source: Source, account: Account, whole: list[str]
) -> None:
    with serve(source, faults=["duplicates"]) as running:
        pages = [
            [r["sid"] for r in page["recordings"]] for page in fetch_pages(running, account, "PageSize=10")
        ]
    across = within = 0
    for number, page in enumerate(pages):
        if number and page[:REPEATED_ROWS] == pages[number - 1][-REPEATED_ROWS:]:
            across += 1
        within += len(set(page)) < len(page)
    assert across >= 2
    assert within >= 2
    times = Counter(sid for page in pages for sid in page)
    assert list(times) == whole
    assert set(times.values()) == {1, 2}


def test_empty_page_is_followed_by_the_missing_rows(
    source: Source, account: Account, whole: list[str]
) -> None:
    with serve(source, faults=["empty-page-with-next"]) as running:
        pages = list(fetch_pages(running, account, "PageSize=10"))
    empty = [page for page in pages if not page["recordings"]]
    assert len(empty) >= 3
    assert all(page["next_page_uri"] for page in empty)
    uris = [page["next_page_uri"] for page in pages]
    assert len(set(uris)) == len(uris)
    assert [record["sid"] for page in pages for record in page["recordings"]] == whole


def test_empty_page_can_be_the_first(source: Source, account: Account) -> None:
    seen = set()
    with serve(source, faults=["empty-page-with-next"]) as running:
        for size in range(1, 20):
            first = get(running, f"{list_path(account)}?PageSize={size}", account).json()
            if not first["recordings"]:
                page = get(running, first["next_page_uri"], account).json()
                assert len(page["recordings"]) == size
            seen.add(bool(first["recordings"]))
        nothing = get(running, f"{list_path(account)}?DateCreated=2030-01-01", account).json()
    assert seen == {True, False}
    assert (nothing["recordings"], nothing["next_page_uri"]) == ([], None)


def test_huge_page_sends_more_rows_than_requested(source: Source, account: Account, whole: list[str]) -> None:
    with serve(source, faults=["huge-page"]) as running:
        pages = list(fetch_pages(running, account, "PageSize=7"))
        back = get(running, pages[2]["previous_page_uri"], account).json()
    assert [len(page["recordings"]) for page in pages] == [7 * HUGE_FACTOR, 7 * HUGE_FACTOR, 20]
    assert {page["page_size"] for page in pages} == {7}
    assert [record["sid"] for page in pages for record in page["recordings"]] == whole
    assert back["recordings"] == pages[1]["recordings"]


def test_bad_records_are_inserted_between_valid_ones(
    source: Source, account: Account, whole: list[str]
) -> None:
    with serve(source, faults=["bad-records"]) as running:
        served = recordings(running, account, "PageSize=5")
        found = fetch_all(running, account)
    bad: list[Any] = [record for record in served if not is_valid(record)]
    assert [record["sid"] for record in served if is_valid(record)] == whole
    assert set(found) == set(whole)
    no_sid, no_date, no_price, no_object = bad[:4]
    assert "sid" not in no_sid
    assert no_date["date_created"] == "the day before yesterday"
    assert no_price["price"] == "a fortune"
    assert no_object == "a recording"
    assert not {record["sid"] for record in (no_date, no_price)} & set(whole)


def test_page_faults_work_on_captured_pages(tmp_path: Path) -> None:
    (tmp_path / "page.json").write_text(CAPTURED)
    path = "/2010-04-01/Accounts/me-1/Recordings"
    with serve(
        open_replay(tmp_path), faults=["bad-records", "duplicates", "empty-page-with-next"]
    ) as running:
        bodies = {get(running, path, ME).body for _ in range(60)}
    assert CAPTURED.encode() in bodies
    pages = [json.loads(body) for body in bodies]
    assert any(page["next_page_uri"] for page in pages if not page["recordings"])
    assert any(page["next_page_uri"] is None for page in pages)
    assert {len(page["recordings"]) for page in pages} >= {0, 2, 3}
    assert all(
        b'"price":0.00250' in body for body, page in zip(bodies, pages, strict=True) if page["recordings"]
    )


def test_request_by_a_fault_does_not_count_as_sent() -> None:
    is_empty = []
    for seed in range(10):
        source = open_living(Parameters(seed=2, recordings=30, accounts=1))
        with serve(source, faults=["empty-page-with-next"], seed=seed) as running:
            page = get(running, f"{list_path(running.accounts[0])}?PageSize=10", running.accounts[0]).json()
            sent = sum(state.listed is not None for state in running.ledger.recordings())
            assert sent == len(page["recordings"])
            is_empty.append(not page["recordings"])
    assert set(is_empty) == {True, False}
