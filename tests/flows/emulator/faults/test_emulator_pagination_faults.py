from itertools import islice
from urllib.parse import parse_qs, urlsplit

import pytest

from flows.emulator import Account, Emulator, Parameters, Source, open_ledger, open_living, serve
from flows.emulator.faults.pagination_faults import SKIPPED_ROWS
from tests.support.servers.emulator_client import fetch_all, fetch_pages, get, list_path, recordings


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return open_ledger(Parameters(seed=2, recordings=300, accounts=1), tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def account(source: Source) -> Account:
    return source.accounts[0]


def sids_until_refused(running: Emulator, account: Account, query: str) -> tuple[list[str], str | None]:
    """Return the sids listed until a page is refused, and the target of that page."""
    target, sids = f"{list_path(account)}?{query}", list[str]()
    while target:
        reply = get(running, target, account)
        if reply.status != 200:
            assert (reply.status, reply.json()["code"], reply.json()["status"]) == (400, 54453, 400)
            return sids, target
        sids += [record["sid"] for record in reply.json()["recordings"]]
        target = reply.json()["next_page_uri"]
    return sids, None


def test_repeat_cursor(source: Source, account: Account) -> None:
    with serve(source, faults=["repeat-cursor"]) as running:
        pages = list(islice(fetch_pages(running, account, "PageSize=100"), 5))
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


def test_no_next_uri_is_absent_and_empty_in_turn(source: Source, account: Account) -> None:
    with serve(source, faults=["no-next-uri"]) as running:
        targets = [f"{list_path(account)}?PageSize={size}" for size in (1000, 1000, 1000, 100)]
        ends = [get(running, target, account).json().get("next_page_uri", "absent") for target in targets]
    assert ends[:3] == ["absent", "", "absent"]
    assert ends[3].startswith("/2010-04-01/")


def test_lost_cursor_stays_lost_until_the_window_restarts(source: Source, account: Account) -> None:
    with serve(source, faults=["lost-cursor"]) as running:
        for query in ("PageSize=10", "PageSize=10&DateCreated%3E=2026-08-01"):
            sids, lost = sids_until_refused(running, account, query)
            assert lost is not None
            assert 0 < len(sids) < 200
            assert [get(running, lost, account).status for _ in range(3)] == [400] * 3
            whole, lost = sids_until_refused(running, account, query)
            assert lost is None
            assert whole[: len(sids)] == sids
        assert len(recordings(running, account, "PageSize=7")) == 300


def test_lost_cursor_when_its_row_is_deleted_or_moved() -> None:
    source = open_living(Parameters(seed=2, recordings=300, accounts=1))
    account, ledger = source.accounts[0], source.ledger
    with serve(source, faults=["lost-cursor"]) as running:
        fetch_all(running, account, "PageSize=10")  # lost-cursor has already affected this window
        first = get(running, f"{list_path(account)}?PageSize=100", account).json()
        sid = first["recordings"][-1]["sid"]
        created_at = ledger.get(sid).recording.created_at
        ledger.delete(sid)
        assert get(running, first["next_page_uri"], account).status == 400
        ledger.restore(sid)
        assert get(running, first["next_page_uri"], account).status == 200
        ledger.change(sid, created_at=created_at - 86_400)
        assert get(running, first["next_page_uri"], account).status == 400
        assert len(fetch_all(running, account, "PageSize=100")) == 300


def test_cursor_works_without_its_row_by_default() -> None:
    source = open_living(Parameters(seed=2, recordings=300, accounts=1))
    account = source.accounts[0]
    with serve(source) as running:
        pages = fetch_pages(running, account, "PageSize=100")
        first = next(pages)
        source.ledger.delete(first["recordings"][-1]["sid"])
        assert sum(len(page["recordings"]) for page in pages) == 200


def test_skipping_cursor_silently_leaves_out_rows(source: Source, account: Account) -> None:
    with serve(source) as running:
        whole = [record["sid"] for record in recordings(running, account)]
    with serve(source, faults=["skipping-cursor"]) as running:
        pages = list(fetch_pages(running, account, "PageSize=10"))
        found = [record["sid"] for page in pages for record in page["recordings"]]
        assert len(found) == 300 - SKIPPED_ROWS
        assert [len(page["recordings"]) for page in pages[:-1]] == [10] * (len(pages) - 1)
        missing = [n for n, sid in enumerate(whole) if sid not in found]
        assert missing == list(range(missing[0], missing[0] + SKIPPED_ROWS))
        assert missing[0] % 10 == 0
        # Reading the window again lists them.
        assert [record["sid"] for record in recordings(running, account, "PageSize=10")] == whole


def test_skipping_cursor_continues_after_skipped_rows() -> None:
    source = open_living(Parameters(seed=2, recordings=300, accounts=1))
    account = source.accounts[0]
    with serve(source, faults=["skipping-cursor"]) as running:
        fetch_all(running, account, "PageSize=10")  # skipping-cursor has already affected this window
        whole = list(fetch_all(running, account, "PageSize=100"))
        assert len(whole) == 300
        pages = fetch_pages(running, account, "PageSize=100")
        source.ledger.delete(next(pages)["recordings"][-1]["sid"])
        rest = [record["sid"] for page in pages for record in page["recordings"]]
        assert rest == whole[100 + SKIPPED_ROWS :]


def test_skipping_cursor_never_sends_skipped_rows() -> None:
    source = open_living(Parameters(seed=2, recordings=300, accounts=1))
    with serve(source, faults=["skipping-cursor"]) as running:
        fetch_all(running, running.accounts[0], "PageSize=10")
        assert sum(state.listed is None for state in running.ledger.recordings()) == SKIPPED_ROWS


def test_skipping_cursor_skips_nothing_near_the_end(source: Source, account: Account) -> None:
    with serve(source, faults=["skipping-cursor"]) as running:
        for _ in range(5):
            pages = list(fetch_pages(running, account, "PageSize=298"))
            assert [len(page["recordings"]) for page in pages] == [298, 2]
            assert parse_qs(urlsplit(pages[1]["uri"]).query)["Page"] == ["1"]
