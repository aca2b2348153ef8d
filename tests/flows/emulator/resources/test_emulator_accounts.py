"""The emulator's list of accounts: which accounts see which, and how it is paged."""

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


def fetch_pages(emulator: Emulator, target: str, account: Account = FAMILY[0]) -> list[dict[str, Any]]:
    """Return all pages of the list in order."""
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
def test_account_pages_list_project_and_subprojects(
    emulator: Emulator, path: str, size: int, rows: list[int]
) -> None:
    pages = fetch_pages(emulator, f"{path}?PageSize={size}")
    assert [len(page["accounts"]) for page in pages] == rows
    listed = [each for page in pages for each in page["accounts"]]
    assert [(each["sid"], each["friendly_name"]) for each in listed] == [
        (account.account_sid, account.name) for account in FAMILY
    ]
    assert all(each["uri"].startswith(path.partition("/Accounts")[0] + "/Accounts/") for each in listed)
    tokens = [account.api_token for account in FAMILY]
    assert [each["auth_token"] for each in listed] == (
        tokens if path.startswith("/2010-04-01/") else ["redacted"] * 7
    )


def test_account_page_lists_only_the_subproject_itself(emulator: Emulator) -> None:
    (page,) = fetch_pages(emulator, PATHS[0], FAMILY[3])
    assert [each["sid"] for each in page["accounts"]] == ["sid-0003"]


@pytest.mark.parametrize(
    ("query", "code"),
    [("PageSize=0", 54454), ("PageSize=1001", 54454), ("Page=1", 54453), ("Page=1&PageToken=PAx", 54453)],
)
def test_account_page_refuses_invalid_parameters(emulator: Emulator, query: str, code: int) -> None:
    reply = get(emulator, f"{PATHS[0]}?{query}", FAMILY[0])
    assert (reply.status, reply.json()["code"]) == (400, code)


def test_account_list_filters_by_status_and_name(emulator: Emulator) -> None:
    def sids(query: str) -> list[str]:
        return [
            each["sid"] for page in fetch_pages(emulator, f"{PATHS[0]}?{query}") for each in page["accounts"]
        ]

    assert sids("FriendlyName=name+2") == ["sid-0002"]
    assert len(sids("Status=active&PageSize=2")) == 7
    assert get(emulator, f"{PATHS[0]}?Status=closed", FAMILY[0]).json()["accounts"] == []


def test_odd_accounts_are_listed_for_the_project_only() -> None:
    with serve(open_living([], accounts=FAMILY[:2]), faults=["odd-accounts"]) as running:
        pages = fetch_pages(running, f"{PATHS[0]}?PageSize=4")
        listed = [(each["friendly_name"], each["status"]) for page in pages for each in page["accounts"]]
        assert listed == [("name 0", "active"), ("name 1", "active"), *ODD_ACCOUNTS]
        (page,) = fetch_pages(running, PATHS[0], FAMILY[1])
        assert len(page["accounts"]) == 1
