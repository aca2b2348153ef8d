import re

import pytest

from transforms.errors import ConfigError
from transforms.values.names import find_account, find_mart_name

ACCOUNTS = [("AC-1", "support"), ("AC-2", "AC-1"), ("AC-3", "sales"), ("AC-4", "sales"), ("AC-1", "support")]


@pytest.mark.parametrize(
    ("called", "expected"),
    [
        ("AC-1", ("AC-1", "support")),  # a sid before a name
        ("support", ("AC-1", "support")),
        ("AC-2", ("AC-2", "AC-1")),
        ("AC-4", ("AC-4", "sales")),
    ],
)
def test_find_account_by_sid_then_by_name(called: str, expected: tuple[str, str]) -> None:
    assert find_account(ACCOUNTS, called, "None.") == expected


@pytest.mark.parametrize(
    ("accounts", "called", "words"),
    [
        (ACCOUNTS, "sales", "2 accounts are called sales. Name one by its sid: AC-3 and AC-4."),
        (
            [("AC-1", "support"), ("AC-3", "sales")],
            "suport",
            "There is no account suport. Did you mean support? There are sales, support.",
        ),
        ([("AC-1", "support")], "x", "There is no account x. There are support."),
        ([], "support", "There is no account support. Run it first."),
    ],
)
def test_find_account_says_what_there_is(accounts: list[tuple[str, str]], called: str, words: str) -> None:
    with pytest.raises(ConfigError, match=f"^{re.escape(words)}$"):
        find_account(accounts, called, "Run it first.")


def test_find_account_lists_twelve_names() -> None:
    with pytest.raises(ConfigError, match=r"There are account 00, .*, account 11, 8 more\.$"):
        find_account([(f"AC-{n}", f"account {n:02}") for n in range(20)], "x", "")


@pytest.mark.parametrize("called", ["waste", "marts.waste"])
def test_find_mart_name_with_and_without_schema(called: str) -> None:
    assert find_mart_name(["budgets", "waste"], called) == "waste"


@pytest.mark.parametrize("called", ["wast", "marts.wast"])
def test_find_mart_name_suggests_the_closest(called: str) -> None:
    words = f"There is no mart {called}. Did you mean waste? There are budgets, waste."
    with pytest.raises(ConfigError, match=f"^{re.escape(words)}$"):
        find_mart_name(["waste", "budgets"], called)
