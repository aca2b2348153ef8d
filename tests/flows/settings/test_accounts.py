import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from flows.settings.accounts import accesses, account_increments, account_names, account_providers, with_usage
from flows.settings.loading import load
from flows.stores.api.access import AccountAccess
from transforms.errors import ConfigError

pytestmark = pytest.mark.usefixtures("no_settings")

TOKEN = "PT0f1e2d3c4b5a69788796a5b4c3d2e1f0"
ONE = {
    "RECSPEND_BASE_URL": "https://example.signalwire.com",
    "RECSPEND_ACCOUNT_SID": "720796a0-8ee9-4350-83bd-2d07a3121f1e",
    "RECSPEND_API_TOKEN": TOKEN,
}
SID = ONE["RECSPEND_ACCOUNT_SID"]


@pytest.fixture
def one(monkeypatch: pytest.MonkeyPatch, no_settings: None) -> None:
    """Set one account in the environment."""
    for name, value in ONE.items():
        monkeypatch.setenv(name, value)


TWILIO = "https://api.twilio.com"


def entry(name: str, account_sid: str, **more: str) -> str:
    """Return an `[[accounts]]` entry of recspend.toml."""
    values = {
        "name": name,
        "base_url": f"https://{name}.signalwire.com",
        "account_sid": account_sid,
        "token_env": f"{name.upper()}_TOKEN",
    } | more
    return "[[accounts]]\n" + "".join(f"{key} = '{value}'\n" for key, value in values.items())


def write(*entries: str) -> None:
    Path("recspend.toml").write_text("\n".join(entries), encoding="utf-8")


def refused(only: str | None = None) -> str:
    """Return the error message for accounts that cannot be used."""
    with pytest.raises(ConfigError) as raised:
        accesses(load(), only)
    return str(raised.value)


def token_of(access: AccountAccess) -> str:
    return access.token


@pytest.mark.usefixtures("one")
def test_environment_describes_one_account() -> None:
    (found,) = accesses(load())
    assert found == AccountAccess(
        name=SID,
        account_sid=SID,
        base_url="https://example.signalwire.com",
        user=SID,
        token=TOKEN,
        provider="signalwire",
        token_hint="RECSPEND_API_TOKEN",
    )


@pytest.mark.usefixtures("one")
def test_account_can_have_name_user_and_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_ACCOUNT_NAME", "support")
    monkeypatch.setenv("RECSPEND_API_USER", "SKkey")
    monkeypatch.setenv("RECSPEND_PROVIDER", "twilio")
    monkeypatch.setenv("RECSPEND_BASE_URL", "https://api.twilio.com")
    (found,) = accesses(load())
    assert (found.name, found.account_sid, found.user, found.provider) == ("support", SID, "SKkey", "twilio")


@pytest.mark.parametrize("missing", [each for count in (1, 2, 3) for each in combinations(ONE, count)])
@pytest.mark.parametrize("is_empty", [False, True])
def test_missing_variables_are_named(
    missing: tuple[str, ...], is_empty: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ONE.items():
        if name not in missing:
            monkeypatch.setenv(name, value)
        elif is_empty:
            monkeypatch.setenv(name, "")
    said = refused()
    are, them = ("is", "it") if len(missing) == 1 else ("are", "them")
    assert said == (
        f"{' and '.join(missing)} {are} not set. Set {them}, add accounts to recspend.toml, or try "
        "`recspend demo`, which needs no account."
    )


def test_token_env_gives_each_account_its_own_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SUPPORT_TOKEN", "one")
    monkeypatch.setenv("SALES_TOKEN", "two")
    write(entry("support", "A1"), entry("sales", "AC2", api_user="SK2", provider="twilio", base_url=TWILIO))
    support, sales = accesses(load())
    assert support == AccountAccess(
        "support", "A1", "https://support.signalwire.com", "A1", "one", "signalwire", "SUPPORT_TOKEN"
    )
    assert sales == AccountAccess("sales", "AC2", TWILIO, "SK2", "two", "twilio", "SALES_TOKEN")


@pytest.mark.usefixtures("one")
def test_environment_account_comes_before_file_accounts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SALES_TOKEN", "two")
    write(entry("sales", "AC2"))
    assert [found.account_sid for found in accesses(load())] == [SID, "AC2"]


def test_file_accounts_need_no_account_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALES_TOKEN", "two")
    monkeypatch.setenv("RECSPEND_API_TOKEN", "for nobody")
    write(entry("sales", "AC2"))
    assert [(found.account_sid, token_of(found)) for found in accesses(load())] == [("AC2", "two")]


@pytest.mark.parametrize("value", [None, ""])
def test_missing_token_names_the_account_and_variable(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("SALES_TOKEN", value)
    write(entry("sales", "AC2"))
    assert refused() == "Account sales: the variable SALES_TOKEN is not set. It must hold the token."


@pytest.mark.parametrize("token", [TOKEN, "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "s3cret-Words", ""])
def test_token_given_as_variable_name_is_not_shown(token: str) -> None:
    write(entry("sales", "AC2", token_env=token))
    said = refused()
    assert said == "Account sales: the variable that token_env names is not set. It must hold the token."


def test_only_picks_an_account_by_name_or_sid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPPORT_TOKEN", "one")
    monkeypatch.setenv("SALES_TOKEN", "two")
    write(entry("support", "A1"), entry("sales", "AC2"))
    assert [found.name for found in accesses(load(), "sales")] == ["sales"]
    assert [found.name for found in accesses(load(), "A1")] == ["support"]
    assert refused("billing") == "There is no account billing. There are sales, support."
    assert "Did you mean support?" in refused("suport")


def test_accesses_picks_the_sid_before_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPPORT_TOKEN", "one")
    write(entry("support", "sales"), entry("sales", "AC2", token_env="SALES_TOKEN"))
    assert [found.name for found in accesses(load(), "sales")] == ["support"]


@pytest.mark.usefixtures("no_settings")
def test_accesses_of_no_account_at_all() -> None:
    assert refused("sales") == "There is no account sales. No accounts are set up yet; run `recspend init`."


@pytest.mark.parametrize(
    ("sids", "names", "words"),
    [
        (("A1", "A2"), ("sales", "sales"), "Two accounts have the same name, sales. Make them different."),
        (
            ("A1", "A1"),
            ("sales", "support"),
            "Two accounts have the same account_sid, A1. Make them different.",
        ),
        (
            ("A1", "a1"),
            ("sales", "support"),
            "Two accounts have the same account_sid, A1. Make them different.",
        ),
    ],
)
def test_duplicate_account_names_and_sids_are_refused(
    sids: tuple[str, str], names: tuple[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPPORT_TOKEN", "one")
    monkeypatch.setenv("SALES_TOKEN", "two")
    write(*(entry(name, sid) for name, sid in zip(names, sids, strict=True)))
    assert refused() == words


@pytest.mark.usefixtures("one")
def test_account_in_file_and_environment_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SALES_TOKEN", "two")
    write(entry("sales", SID))
    assert refused() == f"Two accounts have the same account_sid, {SID}. Make them different."


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.signalwire.com/", "https://example.signalwire.com"),
        ("https://example.signalwire.com:8443", "https://example.signalwire.com:8443"),
        ("HTTPS://Example.SignalWire.com", "https://Example.SignalWire.com"),
        (" https://example.signalwire.com\n", "https://example.signalwire.com"),
        ("https://10.0.0.1", "https://10.0.0.1"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.1.2.3", "http://127.1.2.3"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://LOCALHOST", "http://LOCALHOST"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
@pytest.mark.usefixtures("one")
def test_base_url_is_scheme_and_host(url: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_BASE_URL", url)
    assert accesses(load())[0].base_url == expected


BAD_URLS = [
    *(
        "example.signalwire.com",
        "//example.signalwire.com",
        "https:",
        "https://",
        "https:///",
        "ftp://example.com",
    ),
    *(
        "https://example.com/api/laml",
        "https://example.com/?x=1",
        "https://example.com#x",
        "https://example.com?x",
    ),
    *("https://user@example.com", f"https://user:{TOKEN}@example.com", f"https://:{TOKEN}@example.com"),
    *(
        f"https://{TOKEN}@example.com",
        "https://@example.com",
        "https://exa mple.com",
        "https://example.com\\@other.com",
    ),
    *(
        "https://[::1",
        "https://[other]:1",
        "https://example.com:port",
        "https://example.com:1:2",
        "javascript:alert(1)",
    ),
]


@pytest.mark.parametrize(
    ("provider", "url", "words"),
    [
        (
            "signalwire",
            "https://api.twilio.com",
            "is Twilio's, but the provider is signalwire. Set provider to twilio.",
        ),
        (
            "twilio",
            "https://a.signalwire.com",
            "is SignalWire's, but the provider is twilio. Set provider to signalwire.",
        ),
        *(
            ("twilio", f"https://{host}.com", "must be https://api.twilio.com, or that of a region")
            for host in ("twilio", "www.twilio", "api.ie1.twilio", "console.twilio", "api.dublin.twilio")
        ),
        ("twilio", "api.twilio.com", "must be a scheme and a host, such as https://api.twilio.com."),
    ],
)
@pytest.mark.usefixtures("one")
def test_base_url_of_another_provider_is_refused(
    provider: str, url: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSPEND_PROVIDER", provider)
    monkeypatch.setenv("RECSPEND_BASE_URL", url)
    assert refused().startswith(f"RECSPEND_BASE_URL {words}")


@pytest.mark.parametrize("host", ["api", "api.dublin.ie1", "api.sydney.au1", "api.sao-paulo.us1"])
@pytest.mark.usefixtures("one")
def test_base_url_may_be_that_of_a_region(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_PROVIDER", "twilio")
    monkeypatch.setenv("RECSPEND_BASE_URL", f"https://{host}.twilio.com")
    assert accesses(load())[0].base_url == f"https://{host}.twilio.com"


@pytest.mark.parametrize("url", BAD_URLS)
@pytest.mark.usefixtures("one")
def test_invalid_base_url_is_refused_and_not_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_BASE_URL", url)
    assert (
        refused() == "RECSPEND_BASE_URL must be a scheme and a host, such as https://example.signalwire.com."
    )


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://example.signalwire.com",
            "HTTP://example.signalwire.com",
            "http://10.0.0.1",
            "http://0.0.0.0",
        ),
        *(
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://example-localhost",
            "http://[::2]",
        ),
    ],
)
@pytest.mark.usefixtures("one")
def test_http_is_refused_except_for_loopback(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_BASE_URL", url)
    assert refused() == "RECSPEND_BASE_URL would send the token unencrypted. Use https."


@pytest.mark.parametrize(
    "sid",
    ["../up", "a/b", "a b", ".hidden", "-x", "a?b", "a#b", "a%2fb", "\u00e4", "a\n", "a" * 101, "a=b", "a:b"],
)
@pytest.mark.usefixtures("one")
def test_sid_that_is_not_safe_in_a_path_is_refused(sid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_ACCOUNT_SID", sid)
    assert (
        refused() == "RECSPEND_ACCOUNT_SID is not a valid account sid. Copy it from the provider's console."
    )


@pytest.mark.parametrize("sid", [SID, "AC" + "0f" * 16, "xyz123-xyz123-xyz123", "a" * 100, "A_1.b"])
@pytest.mark.usefixtures("one")
def test_sids_of_both_providers_are_accepted(sid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_ACCOUNT_SID", sid)
    assert accesses(load())[0].account_sid == sid


def test_invalid_entry_is_named_by_its_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALES_TOKEN", TOKEN)
    write(entry("sales", "../up"))
    assert (
        refused()
        == "account_sid of account sales is not a valid account sid. Copy it from the provider's console."
    )
    write(entry("sales", "AC2", base_url=f"https://:{TOKEN}@example.com"))
    assert refused().startswith("base_url of account sales must be a scheme and a host")
    write(entry("sales", "AC2", base_url="http://example.com"))
    assert refused() == "base_url of account sales would send the token unencrypted. Use https."


def in_file(token: str, name: str = "token") -> str:
    """Write a token to a file that only its owner can read; return the file's name."""
    Path(name).write_text(f"{token}\n")
    Path(name).chmod(0o600)
    return name


def without_variable(name: str, account_sid: str, **more: str) -> str:
    """Return an entry whose token is not in a variable."""
    return entry(name, account_sid, **{"token_env": "", **more}).replace("token_env = ''\n", "")


def test_token_file_of_an_entry_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUPPORT_TOKEN", "one")
    write(entry("support", "A1"), without_variable("sales", "AC2", token_file=in_file(TOKEN)))
    support, sales = accesses(load())
    assert (token_of(support), support.token_hint) == ("one", "SUPPORT_TOKEN")
    assert (token_of(sales), sales.token_hint) == (TOKEN, "the file token")


@pytest.mark.usefixtures("one")
def test_token_file_of_the_single_account_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECSPEND_API_TOKEN")
    monkeypatch.setenv("RECSPEND_TOKEN_FILE", in_file(TOKEN))
    (found,) = accesses(load())
    assert (token_of(found), found.token_hint) == (TOKEN, "the file token")
    Path("token").chmod(0o644)
    assert refused().startswith(
        "The file that RECSPEND_TOKEN_FILE names is readable by its group or by others."
    )


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"token_file": TOKEN}, "Account sales: the file that token_file names does not exist (in "),
        ({}, "Account sales: there is no token. Set one of token_env, token_file and token_block."),
        (
            {"token_file": "token", "token_block": TOKEN},
            "Account sales: token_file and token_block are both set. Keep only one.",
        ),
        (
            {"token_file": "token", "token_env": "SALES_TOKEN"},
            "Account sales: token_env and token_file are both set. Keep only one.",
        ),
    ],
)
def test_token_in_no_place_or_two_names_its_account(
    place: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALES_TOKEN", TOKEN)
    in_file(TOKEN)
    write(without_variable("sales", "AC2", **place))
    said = refused()
    assert said.startswith(words)
    assert TOKEN not in said


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (["API_TOKEN", "TOKEN_FILE"], "RECSPEND_API_TOKEN and RECSPEND_TOKEN_FILE are both"),
        (["TOKEN_FILE", "TOKEN_BLOCK"], "RECSPEND_TOKEN_FILE and RECSPEND_TOKEN_BLOCK are both"),
        (
            ["API_TOKEN", "TOKEN_FILE", "TOKEN_BLOCK"],
            "RECSPEND_API_TOKEN and RECSPEND_TOKEN_FILE and RECSPEND_TOKEN_BLOCK are all",
        ),
    ],
)
@pytest.mark.usefixtures("one")
def test_token_of_the_single_account_is_in_one_place(
    places: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RECSPEND_API_TOKEN")
    for name in places:
        monkeypatch.setenv(f"RECSPEND_{name}", TOKEN)
    assert refused() == f"{words} set. Keep only one."


@pytest.mark.parametrize("text", [f"{TOKEN}\nother", f"{TOKEN}\udcff"])
def test_variable_that_holds_more_than_a_token_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALES_TOKEN", text)
    write(entry("sales", "AC2"))
    said = refused()
    assert said.startswith("Account sales: the variable SALES_TOKEN has ")
    assert TOKEN not in said


def test_prefect_is_imported_only_for_token_blocks() -> None:
    in_file(TOKEN)
    write(without_variable("sales", "AC2", token_file="token"))
    script = "import sys; from flows.settings import accounts, loading; accounts.accesses(loading.load())"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; sys.exit('prefect' in sys.modules)"], check=False
    )
    assert done.returncode == 0


@pytest.mark.usefixtures("one")
def test_account_names_need_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    write(entry("sales", "AC2"), entry("support", "A1"))
    assert account_names(load()) == {SID: SID, "AC2": "sales", "A1": "support"}
    monkeypatch.setenv("RECSPEND_ACCOUNT_NAME", "billing")
    monkeypatch.delenv("RECSPEND_API_TOKEN")
    assert account_names(load())[SID] == "billing"


def test_account_names_are_empty_without_accounts() -> None:
    assert account_names(load()) == account_providers(load()) == {}


@pytest.mark.usefixtures("one")
def test_account_providers_need_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECSPEND_API_TOKEN")
    monkeypatch.setenv("RECSPEND_PROVIDER", "twilio")
    write(entry("sales", "AC2"), entry("support", "A1", provider="twilio"))
    assert account_providers(load()) == {SID: "twilio", "AC2": "signalwire", "A1": "twilio"}


@pytest.mark.usefixtures("one")
def test_token_is_not_in_the_repr_of_an_account() -> None:
    (found,) = accesses(load())
    assert token_of(found) == TOKEN
    assert [text for text in (repr(found), str(found), f"{[found]}") if TOKEN in text] == []


def test_account_that_is_not_picked_needs_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    write(entry("support", "sid-1"), entry("sales", "sid-2"))
    monkeypatch.setenv("SALES_TOKEN", TOKEN)
    assert [access.name for access in accesses(load(), "sales")] == ["sales"]
    assert "SUPPORT_TOKEN" in refused()


def test_usage_records_are_for_twilio_and_can_be_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(entry("support", "A1"), entry("sales", "AC2", provider="twilio"))
    assert with_usage(load()) == {"AC2"}
    monkeypatch.setenv("RECSPEND_ACCOUNT_SID", "AC3")
    assert with_usage(load()) == {"AC2"}
    monkeypatch.setenv("RECSPEND_PROVIDER", "twilio")
    assert with_usage(load()) == {"AC2", "AC3"}
    assert with_usage(load(usage_records=False)) == frozenset()


@pytest.mark.usefixtures("no_settings")
def test_account_increments_are_its_own_or_the_usual() -> None:
    Path("recspend.toml").write_text(
        "billing_increment_seconds = 30\naccount_sid = 'C'\n"
        + entry("support", "A")
        + entry("sales", "B")
        + "billing_increment_seconds = 1\n"
    )
    assert account_increments(load()) == {"A": 30, "B": 1, "C": 30}
