"""`recspend init`: the files it writes, and that it never harms what is there."""

import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import pytest

from flows.command import main as cli
from flows.emulator import Account, Emulator, open_living, serve
from flows.emulator.resources.account_page import ODD_ACCOUNTS
from flows.settings.accounts import accesses
from flows.settings.loading import load
from flows.stores.api.client import RecordingsApi
from flows.stores.api.retries import RetryPolicy
from tests.support.leaks import leaks

pytestmark = pytest.mark.usefixtures("no_settings")

FAMILY = [
    Account("main office", "A-main", "PTmain0123456789"),
    Account("sales", "A-sales", "PTsales01234567"),
]
TWILIO = ("--provider", "twilio", "--base-url", "https://api.twilio.com")
PLACE = ("--base-url", "https://example.signalwire.com", "--account-sid", "A1")
FILES = ("recspend.toml", ".env.example", ".gitignore")
Init = Callable[..., tuple[int, str, str]]


@pytest.fixture
def init(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Init:
    """Run the command without a terminal: exit code, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["recspend", "init", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        output = capsys.readouterr()
        return ended.value.code or 0, output.out, output.err  # type: ignore[return-value]

    return call


def contents() -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().iterdir()}


def environment_of(emulator: Emulator, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSPEND_BASE_URL", emulator.base_url)
    monkeypatch.setenv("RECSPEND_API_TOKEN", account.api_token)
    monkeypatch.setenv("RECSPEND_BACKOFF", "0")


def test_init_writes_three_files_with_the_values_given(init: Init) -> None:
    flags = (*PLACE, "--timezone", "Europe/Berlin", "--data-dir", "var/spend")
    code, out, said = init(*flags)
    assert (code, out) == (0, "")
    assert said.splitlines()[-1] == "Next: set RECSPEND_API_TOKEN, then run `recspend doctor`."
    assert tomllib.loads(Path("recspend.toml").read_text("utf-8")) == {
        "base_url": "https://example.signalwire.com",
        "account_sid": "A1",
        "reporting_timezone": "Europe/Berlin",
        "data_dir": "var/spend",
    }
    assert "\nRECSPEND_API_TOKEN=\n" in Path(".env.example").read_text("utf-8")
    assert Path(".gitignore").read_text("utf-8") == "var/spend/\n.env\n"
    assert sorted(contents()) == sorted(FILES)


@pytest.mark.parametrize(
    "flags",
    [
        (),
        PLACE,
        (*TWILIO, "--account-sid", "A1", "--yes"),
    ],
)
def test_init_again_changes_nothing_and_says_so(init: Init, flags: tuple[str, ...]) -> None:
    assert init(*flags)[0] == 0
    before = contents()
    for again in (flags, ()):
        code, out, said = init(*again)
        assert (code, out) == (0, "")
        assert "Nothing was changed." in said
        assert contents() == before


def test_init_keeps_an_existing_file_and_prints_the_new_one(init: Init) -> None:
    Path("recspend.toml").write_text("# mine\nlookback_days = 9\n")
    Path(".env.example").write_text("# mine too")
    Path(".gitignore").write_bytes(b"\xff*.log\n/data/\n")
    code, out, said = init(*PLACE)
    assert code == 0
    assert contents() == {
        "recspend.toml": b"# mine\nlookback_days = 9\n",
        ".env.example": b"# mine too",
        ".gitignore": b"\xff*.log\n/data/\n.env\n",
    }
    assert "recspend.toml exists and is left unchanged." in said
    assert "Nothing was changed." not in said
    would_be = tomllib.loads(out)
    assert would_be == {
        "base_url": "https://example.signalwire.com",
        "account_sid": "A1",
        "lookback_days": 9,
    }
    assert "Nothing was changed." in init(*PLACE)[2]


def test_init_does_not_replace_a_dangling_link(init: Init) -> None:
    Path("recspend.toml").symlink_to("elsewhere.toml")
    code, _, said = init()
    assert Path("recspend.toml").is_symlink()
    assert code == 2
    assert said.startswith("Error: recspend.toml: ")


def test_init_writes_variables_but_not_the_token(init: Init, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("BASE_URL", "https://api.twilio.com"),
        ("ACCOUNT_SID", "AC1"),
        ("PROVIDER", "twilio"),
        ("API_TOKEN", "a-secret-token"),
        ("ATTEMPTS", "3"),
    ):
        monkeypatch.setenv(f"RECSPEND_{name}", value)
    code, _, said = init()
    assert code == 0
    assert "Next: run `recspend doctor`." in said
    assert tomllib.loads(Path("recspend.toml").read_text("utf-8")) == {
        "base_url": "https://api.twilio.com",
        "account_sid": "AC1",
        "provider": "twilio",
        "attempts": 3,
    }
    assert all(b"a-secret-token" not in content for content in contents().values())


@pytest.mark.parametrize("folder", ["/somewhere/else", "../beside", "."])
def test_init_adds_no_gitignore_line_for_a_folder_elsewhere(init: Init, folder: str) -> None:
    assert init("--data-dir", folder)[0] == 0
    assert Path(".gitignore").read_text("utf-8") == ".env\n"


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--provider", "plivo"), "provider: "),
        (("--timezone", "Mars/Olympus"), "is not a time zone"),
        (("--base-url", "https://user:hunter2@example.com"), "The base URL must be a scheme and a host"),
        (("--base-url", "http://example.com"), "The base URL would send the token unencrypted"),
        (("--account-sid", "../x"), "The account sid is not a valid account sid"),
        (("--accounts-of", "A1"), "RECSPEND_BASE_URL and RECSPEND_API_TOKEN are not set"),
    ],
)
def test_init_refuses_invalid_values_and_writes_nothing(
    init: Init, flags: tuple[str, ...], words: str
) -> None:
    code, out, said = init(*flags)
    assert (code, out) == (2, "")
    assert words in said
    assert "hunter2" not in said
    assert contents() == {}


def test_discover_gives_every_account_a_usable_entry(init: Init, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(open_living([], accounts=FAMILY), faults=["odd-accounts"]) as emulator:
        environment_of(emulator, FAMILY[0], monkeypatch)
        code, out, said = init("--accounts-of", "A-main")
        assert (code, out) == (0, "")
        assert "The API lists 15 accounts: 13 get an entry; as comments only: 1 closed, 1 suspended." in said
        monkeypatch.delenv("RECSPEND_BASE_URL")
        settings = load()
        text = Path("recspend.toml").read_text("utf-8")
        assert settings.account_sid is None
        assert {entry.created_on for entry in settings.accounts} == {date(2018, 8, 20)}
        assert "created_on = 2018-08-20\n" in text
        variables = [entry.token_env for entry in settings.accounts]
        assert len(set(variables)) == len(settings.accounts) == 2 + len(ODD_ACCOUNTS) - 2
        assert [
            line for line in Path(".env.example").read_text("utf-8").splitlines() if line[-1:] == "="
        ] == [f"{variable}=" for variable in variables]
        assert "# no longer paid is suspended and is not read:\n#[[accounts]]\n" in text
        assert "# over and = 'out' is closed and is not read:\n#[[accounts]]\n" in text
        assert FAMILY[0].api_token not in "".join(map(str, contents().values())) + said

        monkeypatch.setenv("RECSPEND_ACCOUNT_SALES_TOKEN", FAMILY[1].api_token)
        for variable in variables[2:]:
            monkeypatch.setenv(str(variable), "unknown")
        usable = accesses(settings)
        assert [access.name for access in usable][:3] == ["main office", "sales", '"; DROP = "1']
        for access in usable[:2]:
            assert RecordingsApi(access, RetryPolicy(attempts=1)).newest() is None

        monkeypatch.setenv("RECSPEND_BASE_URL", emulator.base_url)
        before = contents()
        assert "Nothing was changed." in init("--accounts-of", "A-main")[2]
        assert contents() == before


def test_discover_leaves_a_token_in_its_file(init: Init, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("token").write_text(f"{FAMILY[0].api_token}\n")
    Path("token").chmod(0o600)
    with serve(open_living([], accounts=FAMILY)) as emulator:
        environment_of(emulator, FAMILY[0], monkeypatch)
        monkeypatch.delenv("RECSPEND_API_TOKEN")
        monkeypatch.setenv("RECSPEND_TOKEN_FILE", "token")
        code, _, said = init("--accounts-of", "A-main")
    assert code == 0
    assert "set RECSPEND_ACCOUNT_SALES_TOKEN, then" in said
    for name in ("RECSPEND_BASE_URL", "RECSPEND_TOKEN_FILE"):
        monkeypatch.delenv(name)
    settings = load()
    assert [(each.name, each.token_file, each.token_env) for each in settings.accounts] == [
        ("main office", Path("token"), None),
        ("sales", None, "RECSPEND_ACCOUNT_SALES_TOKEN"),
    ]
    assert settings.token_file is None
    monkeypatch.setenv("RECSPEND_ACCOUNT_SALES_TOKEN", FAMILY[1].api_token)
    assert len(accesses(settings)) == 2


def test_init_asks_no_variable_when_the_token_is_elsewhere(
    init: Init, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECSPEND_TOKEN_BLOCK", "support-token")
    said = init("--base-url", "https://example.signalwire.com", "--account-sid", "A1")[2]
    assert "Next: run `recspend doctor`." in said
    assert "RECSPEND_API_TOKEN=" not in Path(".env.example").read_text("utf-8")
    assert load().token_block == "support-token"


def test_discover_reads_the_account_list_to_its_last_page(
    init: Init, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [Account(f"n{number}", f"A{number}", f"PT{number}") for number in range(1001)]
    with serve(open_living([], accounts=many)) as emulator:
        environment_of(emulator, many[0], monkeypatch)
        assert init("--accounts-of", "A0")[0] == 0
        assert [(asked.status, "PageToken" in asked.target) for asked in emulator.requests] == [
            (200, False),
            (200, True),
        ]
    assert [entry.account_sid for entry in load().accounts] == [account.account_sid for account in many]


def test_discover_asks_twilio_below_its_own_root(init: Init, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(open_living([], accounts=FAMILY)) as emulator:
        environment_of(emulator, FAMILY[0], monkeypatch)
        monkeypatch.setenv("RECSPEND_ACCOUNT_SID", "A-main")
        code, out, said = init("--accounts-of", "A-main", "--provider", "twilio")
        assert code == 0
        (asked,) = emulator.requests
    assert asked.target == "/2010-04-01/Accounts.json?PageSize=1000"
    # Twilio's list has the token of each account.
    assert (
        leaks([account.api_token.encode() for account in FAMILY], {"out": out, "said": said}, Path.cwd())
        == []
    )
    assert "unset RECSPEND_ACCOUNT_SID, because the accounts are in the file" in said
    monkeypatch.delenv("RECSPEND_ACCOUNT_SID")
    assert [(entry.name, entry.provider) for entry in load().accounts] == [
        ("main office", "twilio"),
        ("sales", "twilio"),
    ]


def test_discover_reports_a_refusal_and_writes_nothing(init: Init, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(open_living([], accounts=FAMILY)) as emulator:
        environment_of(emulator, FAMILY[0], monkeypatch)
        monkeypatch.setenv("RECSPEND_API_TOKEN", "PTnone-of-it")
        code, out, said = init("--accounts-of", "A-main")
    assert (code, out) == (3, "")
    assert "the API refuses the credentials (401)" in said
    assert "PTnone-of-it" not in said
    assert contents() == {}


def at_a_terminal(*lines: str, environment: Mapping[str, str] | None = None) -> str:
    """What is seen of the command when a person answers its questions with these lines, each at its question."""
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from flows.command.main import main; main()", "init"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={"PATH": os.environ["PATH"], **(environment or {})},
        start_new_session=True,
    )
    os.close(terminal)
    seen, answers = b"", list(lines)
    while True:
        try:
            read = os.read(person, 4096)
        except OSError:  # the other end is closed
            read = b""
        if not read:
            break
        seen += read
        if answers and seen.rstrip().endswith((b":", b"]")) and seen.endswith(b": "):
            os.write(person, answers.pop(0).encode() + b"\n")
    os.close(person)
    assert process.wait(timeout=20) == 0, seen.decode()
    assert answers == []
    return seen.decode()


def test_init_on_a_terminal_asks_again_after_invalid_answers() -> None:
    seen = at_a_terminal(
        "", "http://example.com", "https://example.signalwire.com", "A1", "support", "Mars", "UTC", "", "n"
    )
    assert "would send the token unencrypted" in seen
    assert "is not a time zone" in seen
    assert "Wrote recspend.toml." in seen
    assert tomllib.loads(Path("recspend.toml").read_text("utf-8")) == {
        "provider": "signalwire",
        "base_url": "https://example.signalwire.com",
        "account_sid": "A1",
        "account_name": "support",
        "reporting_timezone": "UTC",
        "data_dir": "data",
    }


def test_init_on_a_terminal_neither_shows_nor_keeps_the_token() -> None:
    with serve(open_living([], accounts=FAMILY)) as emulator:
        seen = at_a_terminal("", emulator.base_url, "A-main", "", "", "", "y", FAMILY[0].api_token)
    assert "The API lists 2 accounts: 2 get an entry." in seen
    assert FAMILY[0].api_token not in seen + "".join(map(str, contents().values()))
    assert [entry.name for entry in load().accounts] == ["main office", "sales"]
