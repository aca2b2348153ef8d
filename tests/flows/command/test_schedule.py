"""What `serve` and `deploy` do before Prefect takes over: in which order, with which server, under which name."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flows.command import schedule as cli_schedule
from flows.pipeline import deployments
from flows.settings import accounts
from flows.stores.prefect import open_server
from flows.stores.prefect import server as prefect_server
from flows.stores.prefect.login import kept_login, login_file
from transforms.errors import ConfigError


@pytest.fixture
def steps(no_settings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was done, and with which server; nothing is really checked or served."""
    done: list[str] = []

    def noted(step: str) -> None:
        done.append(f"{step} {os.environ.get('PREFECT_API_URL', '-')}")

    @contextmanager
    def own_server(
        address: str, login: str, environment: Mapping[str, str], secrets: frozenset[str]
    ) -> Iterator[Callable[[], bool]]:
        assert environment["PREFECT_API_AUTH_STRING"] == login
        assert "PREFECT_SERVER_API_AUTH_STRING" not in environment
        assert "RECSPEND_API_TOKEN" in secrets
        assert {"127.0.0.1", "localhost"} <= set(environment["no_proxy"].split(","))
        noted("start")
        try:
            yield lambda: False
        finally:
            noted("stop")

    monkeypatch.setattr(prefect_server, "own_server", own_server)
    monkeypatch.setattr(prefect_server, "free_address", lambda port: f"http://127.0.0.1:{port}")
    monkeypatch.setattr(accounts, "accesses", lambda *_: noted("check"))
    monkeypatch.setattr(deployments, "serve_pipeline", lambda name, *_: noted(f"serve {name}"))
    monkeypatch.setattr(open_server, "answers_anybody", lambda url: "open" in url)
    # A copy, which the commands may change: undoing the changes of a test could put theirs back.
    monkeypatch.setattr(os, "environ", os.environ.copy() | {"PREFECT_HOME": str(tmp_path / "prefect")})
    handlers = {each: signal.getsignal(each) for each in SIGNALS}
    yield done
    for each, handler in handlers.items():
        signal.signal(each, handler)


SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:4300/api", "http://127.0.0.1:4300"),
        ("http://user:never-shown@prefect.example/api/?key=never-shown", "http://prefect.example"),
        (
            "https://api.prefect.cloud/api/accounts/A/workspaces/W",
            "https://api.prefect.cloud/api/accounts/A/workspaces/W",
        ),
    ],
)
def test_serve_keeps_the_address_of_a_given_server(
    url: str,
    shown: str,
    steps: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", url)
    cli_schedule.serve_command()
    assert steps == [f"check {url}", f"serve all-accounts {url}"]
    assert f"Prefect UI: {shown}  Press Ctrl-C to stop." in capsys.readouterr().err


def test_serve_ends_by_signals_that_a_shell_ignores(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4300/api")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cli_schedule.serve_command()
    assert {signal.getsignal(each) for each in SIGNALS} == {signal.default_int_handler}


@pytest.mark.parametrize("url", ["http://open.example/api", "http://closed.example/api"])
def test_serve_and_deploy_warn_of_an_open_server(
    url: str, steps: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", url.replace("//", "//user:never-shown@"))
    monkeypatch.setattr(deployments, "deploy_pipeline", lambda *_: [])
    for command in ("serve", "deploy"):
        cli_schedule.serve_command() if command == "serve" else cli_schedule.deploy_command("local")
        said = capsys.readouterr().err
        assert (f"Warning: {url} answers without a login: everybody" in said) is ("open" in url)
        assert "never-shown" not in said


def test_serve_says_where_its_login_is_and_never_what(
    steps: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli_schedule.serve_command()
    home = tmp_path / "prefect"
    login = kept_login(home)
    assert os.environ["PREFECT_API_AUTH_STRING"] == login
    said = capsys.readouterr().err
    assert f"The UI asks once for a login. Show it: cat {login_file(home)}\n" in said
    assert login.partition(":")[2] not in said


@pytest.mark.parametrize("name", ["PREFECT_SERVER_API_AUTH_STRING", "prefect_server_api_auth_string"])
def test_serve_takes_the_login_of_the_operator(
    name: str, steps: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("prefect_api_auth_string", "of:another-server")
    monkeypatch.setenv(name, "finance:theirs")
    cli_schedule.serve_command()
    assert os.environ["PREFECT_API_AUTH_STRING"] == "finance:theirs"
    assert {name, "prefect_api_auth_string"}.isdisjoint(os.environ)
    said = capsys.readouterr().err
    assert "The UI asks once for the login in PREFECT_SERVER_API_AUTH_STRING." in said
    assert "theirs" not in said


OWN = "http://127.0.0.1:4200/api"


def test_serve_checks_settings_before_starting_anything(steps: list[str]) -> None:
    cli_schedule.serve_command()
    assert steps == ["check -", f"start {OWN}", f"serve all-accounts {OWN}", f"stop {OWN}"]


@pytest.mark.parametrize("entry", [True, False])
def test_serve_asks_the_server_of_its_runs_for_a_block(
    entry: bool, steps: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if entry:
        (tmp_path / "recspend.toml").write_text(ENTRY)
    else:
        monkeypatch.setenv("RECSPEND_TOKEN_BLOCK", "support-token")
    cli_schedule.serve_command()
    assert steps == [f"start {OWN}", f"check {OWN}", f"serve all-accounts {OWN}", f"stop {OWN}"]


ENTRY = """
[[accounts]]
name = "support"
base_url = "https://example.signalwire.com"
account_sid = "AC1"
token_block = "support-token"
"""


def test_serve_ends_its_server_when_a_block_is_missing(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise ConfigError("The block is not there.")

    monkeypatch.setenv("RECSPEND_TOKEN_BLOCK", "support-token")
    monkeypatch.setattr(accounts, "accesses", missing)
    with pytest.raises(ConfigError, match="not there"):
        cli_schedule.serve_command()
    assert steps == [f"start {OWN}", f"stop {OWN}"]


def test_deployment_gets_the_name_given(steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    deployed: list[object] = []

    def deploy_pipeline(*arguments: object) -> list[str]:
        deployed.extend(arguments[2:])
        return []

    monkeypatch.setattr(deployments, "deploy_pipeline", deploy_pipeline)
    cli_schedule.serve_command(name="south")
    assert f"serve south {OWN}" in steps
    monkeypatch.setenv("PREFECT_API_URL", OWN)
    cli_schedule.deploy_command("local", name="south")
    assert deployed == [None, "south", {}, 0]


def test_deployment_name_is_refused_before_prefect_does(steps: list[str]) -> None:
    with pytest.raises(ConfigError, match="'EU/south' is not a valid deployment name"):
        cli_schedule.serve_command(name="EU/south")
    with pytest.raises(ConfigError, match="'' is not a valid deployment name"):
        cli_schedule.deploy_command("local", name="")
    with pytest.raises(ConfigError, match="Leave out --name"):
        cli_schedule.deploy_command("local", per_account=True, name="south")
    assert steps == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shards": 2}, "Set lake_url"),
        ({"shards": 2, "per_account": True}, "in different ways"),
        ({"shards": 2, "name": "other"}, "Leave out --name"),
    ],
)
def test_shards_need_a_bucket_and_their_own_names(
    options: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch, no_settings: None
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    with pytest.raises(ConfigError, match=words):
        cli_schedule.deploy_command("local", **options)
