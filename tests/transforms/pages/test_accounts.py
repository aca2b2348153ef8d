import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.errors import DataError, NotJsonError
from transforms.pages.accounts import (
    ListedAccount,
    named,
    read_account_envelope,
    read_accounts,
    without_auth_tokens,
)
from transforms.pages.records import Envelope

# The example of Twilio's documentation, shortened. `auth_token` must not be kept.
DOCUMENTED = {
    "first_page_uri": "/2010-04-01/Accounts.json?PageSize=50&Page=0",
    "end": 0,
    "previous_page_uri": None,
    "accounts": [
        {
            "auth_token": "auth_token",
            "date_created": "Thu, 30 Jul 2015 20:00:00 +0000",
            "friendly_name": "friendly_name",
            "owner_account_sid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "sid": "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "status": "active",
            "type": "Full",
        }
    ],
    "next_page_uri": None,
    "page": 0,
    "page_size": 50,
}


def page(*accounts: object) -> bytes:
    return json.dumps({"accounts": accounts, "next_page_uri": None}).encode()


def test_documented_page_is_parsed_without_its_secret() -> None:
    body = json.dumps(DOCUMENTED).encode()
    assert read_account_envelope(body) == Envelope(1, None)
    (account,) = read_accounts(body)
    assert account == ListedAccount(
        "AC" + "a" * 32, "friendly_name", "active", created_at=datetime(2015, 7, 30, 20, tzinfo=UTC)
    )
    assert "auth_token" not in repr(account)


@pytest.mark.parametrize(
    "token", ["7c0fe47d9a8b", "", 'quote " and \\ backslash', "\u00e9t\u00e9", '"auth_token": "nested"']
)
def test_auth_tokens_are_removed_from_a_page(token: str) -> None:
    accounts = [{"sid": f"A{n}", "auth_token": token, "friendly_name": '"auth_token": "x'} for n in (1, 2)]
    for separators in ((",", ":"), (" , ", " : ")):
        body = json.dumps({"accounts": accounts, "next_page_uri": None}, separators=separators).encode()
        cleaned = json.loads(without_auth_tokens(body))["accounts"]
        assert cleaned == [account | {"auth_token": None} for account in accounts]


def test_accounts_need_only_a_sid() -> None:
    assert read_accounts(page({"friendly_name": "x"}, {"sid": None}, {"sid": ""}, {"sid": "A1"})) == [
        ListedAccount("A1", "", "")
    ]


@pytest.mark.parametrize(
    ("written", "created_at"),
    [
        ("Mon, 20 Aug 2018 23:54:10 -0500", datetime(2018, 8, 21, 4, 54, 10, tzinfo=UTC)),
        ("2018-08-20T12:54:10Z", datetime(2018, 8, 20, 12, 54, 10, tzinfo=UTC)),
        ("some time ago", None),
        ("", None),
        (None, None),
    ],
)
def test_account_has_the_instant_of_its_creation(written: str | None, created_at: datetime | None) -> None:
    (account,) = read_accounts(page({"sid": "A1", "date_created": written}))
    assert account.created_at == created_at


def test_lone_surrogate_in_a_name_hides_no_account() -> None:
    body = rb'{"accounts":[{"sid":"A1","friendly_name":"a\ud83d"},{"sid":"A2","friendly_name":"b"}]}'
    assert [account.account_sid for account in read_accounts(body)] == ["A1", "A2"]


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"accounts":[{"sid":"A1"}'])
def test_body_that_is_not_json_has_its_own_error(body: bytes) -> None:
    with pytest.raises(NotJsonError):
        read_account_envelope(body)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"accounts":[{"sid":{"auth_token":"secret"}}]}'])
def test_other_json_is_an_error_without_its_content(body: bytes) -> None:
    with pytest.raises(DataError, match="not a page of accounts") as raised:
        read_account_envelope(body)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "is_open"),
    [("active", True), ("pending", True), ("", True), ("Closed", False), ("SUSPENDED", False)],
)
def test_closed_and_suspended_accounts_are_not_open(status: str, is_open: bool) -> None:
    (account,) = read_accounts(page({"sid": "A1", "status": status}))
    assert account.is_open is is_open


def test_names_and_variables_are_unique() -> None:
    listed = [
        ListedAccount("A1", "main", "active"),
        ListedAccount("A2", "Zürich Süd", "active"),
        ListedAccount("A3", "twice", "active"),
        ListedAccount("A4", "twice", "closed"),
        ListedAccount("A5", "a b", "active"),
        ListedAccount("A6", "a-b", "active"),
        ListedAccount("A7", "東京", "active"),
        ListedAccount("A-8", "", "active"),
        ListedAccount("A1", "main, listed again", "active"),
    ]
    assert [(each.name, each.token_env) for each in named(listed, {"A1": "RECSPEND_API_TOKEN"})] == [
        ("main, listed again", "RECSPEND_API_TOKEN"),
        ("Zürich Süd", "RECSPEND_ACCOUNT_ZURICH_SUD_TOKEN"),
        ("twice", "RECSPEND_ACCOUNT_TWICE_TOKEN"),
        ("twice 2", "RECSPEND_ACCOUNT_TWICE_2_TOKEN"),
        ("a b", "RECSPEND_ACCOUNT_A_B_TOKEN"),
        ("a-b", "RECSPEND_ACCOUNT_A_B_2_TOKEN"),
        ("東京", "RECSPEND_ACCOUNT_A7_TOKEN"),
        ("A-8", "RECSPEND_ACCOUNT_A_8_TOKEN"),
    ]


@given(st.lists(st.text() | st.sampled_from(["a", "a 2", "A", "a-2", ""]), max_size=8))
def test_any_name_gives_one_line_and_a_valid_variable(names: list[str]) -> None:
    body = page(*({"sid": f"A{number}", "friendly_name": name} for number, name in enumerate(names)))
    accounts = named(read_accounts(body), {})
    assert len(accounts) == len(names)
    for account in accounts:
        assert account.name.isprintable()
        assert account.name.strip() == account.name != ""
        assert re.fullmatch(r"RECSPEND_ACCOUNT_[A-Z0-9][A-Z0-9_]*_TOKEN", account.token_env, re.ASCII)
    assert len({account.name for account in accounts}) == len(accounts)
    assert len({account.token_env for account in accounts}) == len(accounts)
