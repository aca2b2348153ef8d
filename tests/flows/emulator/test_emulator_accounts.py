"""The emulator's list of accounts: who sees which, and how it is paged."""

from collections.abc import Iterator
from typing import Any

import pytest

from flows.emulator import Account, Emulator, open_living, serve
from flows.emulator.resources.account_page import ODD_ACCOUNTS
from tests.support.servers.emulator_client import get

FAMILY = [Account(f"name {number}", f"sid-{number:04}", f"PT{number}") for number in range(7)]
PATHS = ("/2010-04-01/Accounts.json", "/api/laml/2010-04-01/Accounts")


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with serve(open_living([], accounts=FAMILY)) as running:
        yield running


def walk(emulator: Emulator, target: str, account: Account = FAMILY[0]) -> list[dict[str, Any]]:
    """All pages of the list, one after the other."""
    pages, seen = [], 0
    while target:
        reply = get(emulator, target, account)
        assert reply.status == 200, reply.body
        pages.append(page := reply.json())
        assert (page["start"], page["end"]) == (seen, seen + len(page["accounts"]) - 1)
        assert page["page"] == len(pages) - 1
        seen += len(page["accounts"])
        target = page["next_page_uri"]
    return pages


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("size", "rows"), [(50, [7]), (7, [7]), (3, [3, 3, 1]), (1, [1] * 7)])
def test_the_project_sees_itself_and_its_subprojects_page_by_page(
    emulator: Emulator, path: str, size: int, rows: list[int]
) -> None:
    pages = walk(emulator, f"{path}?PageSize={size}")
    assert [len(page["accounts"]) for page in pages] == rows
    listed = [each for page in pages for each in page["accounts"]]
    assert [(each["sid"], each["friendly_name"]) for each in listed] == [
        (account.account_sid, account.name) for account in FAMILY
    ]
    assert all(each["uri"].startswith(path.partition("/Accounts")[0] + "/Accounts/") for each in listed)
    assert {each["auth_token"] for each in listed} == {"redacted"}


def test_a_subproject_sees_itself_only(emulator: Emulator) -> None:
    (page,) = walk(emulator, PATHS[0], FAMILY[3])
    assert [each["sid"] for each in page["accounts"]] == ["sid-0003"]


@pytest.mark.parametrize(
    ("query", "code"),
    [("PageSize=0", 54454), ("PageSize=1001", 54454), ("Page=1", 54453), ("Page=1&PageToken=PAx", 54453)],
)
def test_a_page_that_cannot_be_is_refused(emulator: Emulator, query: str, code: int) -> None:
    reply = get(emulator, f"{PATHS[0]}?{query}", FAMILY[0])
    assert (reply.status, reply.json()["code"]) == (400, code)


def test_the_list_is_narrowed_by_status_and_name(emulator: Emulator) -> None:
    def sids(query: str) -> list[str]:
        return [each["sid"] for page in walk(emulator, f"{PATHS[0]}?{query}") for each in page["accounts"]]

    assert sids("FriendlyName=name+2") == ["sid-0002"]
    assert len(sids("Status=active&PageSize=2")) == 7
    assert get(emulator, f"{PATHS[0]}?Status=closed", FAMILY[0]).json()["accounts"] == []


def test_odd_accounts_are_added_for_the_project_alone() -> None:
    with serve(open_living([], accounts=FAMILY[:2]), faults=["odd-accounts"]) as running:
        pages = walk(running, f"{PATHS[0]}?PageSize=4")
        listed = [(each["friendly_name"], each["status"]) for page in pages for each in page["accounts"]]
        assert listed == [("name 0", "active"), ("name 1", "active"), *ODD_ACCOUNTS]
        (page,) = walk(running, PATHS[0], FAMILY[1])
        assert len(page["accounts"]) == 1
