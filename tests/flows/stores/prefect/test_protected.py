"""The temporary server that Prefect starts for one command is as closed as that of `recspend serve`."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.emulator import Emulator, Parameters, open_ledger, serve
from flows.stores.prefect import protected
from flows.stores.prefect.protected import protect_temporary_server
from tests.support.leaks import forms_of, leaks
from tests.support.runs.ledger_runs import accesses_of, environment_of
from tests.support.runs.prefect_processes import wait_for
from tests.support.servers.intruder import attempt
from transforms.errors import ConfigError

RECSPEND = [sys.executable, "-c", "from flows.command.main import main; main()"]
WANTED = [
    ("POST", "/api/deployments/filter", {}),
    ("POST", "/api/block_documents/filter", {"include_secrets": True}),
    ("POST", "/api/flow_runs/filter", {}),
    ("POST", "/api/artifacts/filter", {}),
    ("GET", "/api/admin/settings", None),
    ("POST", "/api/flows/", {"name": "theirs"}),
]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Start a slow emulator, so that the server can be tried while a run reads."""
    ledger = open_ledger(Parameters(7, 2_000, 1), tmp_path_factory.mktemp("rendered"))
    with serve(ledger, latency_ms=500) as running:
        yield running


@pytest.mark.slow
def test_temporary_server_is_closed_while_a_run_lasts(emulator: Emulator, tmp_path: Path) -> None:
    access = accesses_of(emulator)[0]
    environment = environment_of(access, tmp_path / "data") | {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "RECSPEND_CONCURRENCY": "1",
        "SUPPORT_PASSWORD": "of-another-program",
        "PREFECT_SERVER_API_AUTH_STRING": "",
    }
    log = tmp_path / "log"
    with log.open("wb") as output:
        run = subprocess.Popen(
            [*RECSPEND, "run", "--prefect"], env=environment, cwd=tmp_path, stdout=output, stderr=output
        )
    try:
        wait_for("a page", lambda: next((tmp_path / "data").glob("raw/*/pages/*.json.zst"), None), 120)
        (server,) = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        assert b"server_process.py" in Path(f"/proc/{server}/cmdline").read_bytes()
        (port,) = listening(int(server))
        of_server = Path(f"/proc/{server}/environ").read_text()
        answers, _ = attempt(port, WANTED, [])
        foreign, _ = attempt(port, [("GET", "/api/health", None)], [], Host=f"evil.example:{port}")
        assert run.poll() is None
        assert run.wait(120) == 0
    finally:
        run.kill()
        run.wait()
    assert {status for status, _, _ in answers} <= {401, 403}
    assert foreign[0][0] == 403
    variables = dict(each.split("=", 1) for each in of_server.split("\0") if each)
    assert [name for name in variables if name.startswith("RECSPEND_") or "PASSWORD" in name] == []
    secrets = [access.token, variables["PREFECT_SERVER_API_AUTH_STRING"].partition(":")[2]]
    forms = [form for secret in secrets for form in forms_of("recspend", secret)]
    assert leaks(forms, {"log": log.read_text()}, tmp_path) == []
    assert f"{(tmp_path / 'prefect' / 'prefect.db').stat().st_mode:o}"[-3:] == "600"


def listening(pid: int) -> set[int]:
    """Return the ports on which a process listens; all must be on 127.0.0.1."""
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(str(link.readlink()))
        except OSError:
            continue
    found = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in sockets:
                host, _, port = local.partition(":")
                assert host == "0100007F"
                found.add(int(port, 16))
    return found


def test_unknown_version_of_prefect_is_refused(
    no_settings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protected, "_START", "_renamed_by_a_later_version")
    monkeypatch.setattr(protected, "get_current_settings", lambda: Settings())
    with pytest.raises(ConfigError, match=r"cannot be protected\. Set PREFECT_API_URL"):
        protect_temporary_server()


class Settings:
    """Prefect's settings without a server."""

    api = type("Api", (), {"url": None})
