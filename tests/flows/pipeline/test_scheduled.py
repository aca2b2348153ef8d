"""Unattended runs: a schedule fires, the run of a killed worker is finished, and the tables match the ledger."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests

from flows.emulator import Emulator, Parameters, open_ledger, serve
from flows.stores.folder.data_locks import DataLocks
from flows.stores.prefect.login import kept_login
from tests.support import TOP, examples, page
from tests.support.runs.ledger_runs import accesses_of, environment_of, ledger_cells, warehouse_cells
from tests.support.runs.prefect_processes import PREFECT, Server, kill, prefect_server, wait_for, worker
from tests.support.runs.watched import days_landed
from tests.support.shadows import BIN, OTHERS, OURS, shadow

RECSPEND = [sys.executable, "-c", "from flows.command.main import main; main()"]
SERVE_EVERY_MINUTE = [*RECSPEND, "serve", "--cron", "* * * * *"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Start a slow emulator, so that a run can be killed while it reads."""
    with serve(
        open_ledger(Parameters(21, 20_000, 1), tmp_path_factory.mktemp("rendered")), latency_ms=300
    ) as running:
        yield running


@pytest.fixture
def server(emulator: Emulator, tmp_path: Path) -> Iterator[Server]:
    environment = environment_of(accesses_of(emulator)[0], tmp_path / "data") | {"RECSPEND_CONCURRENCY": "2"}
    with prefect_server(tmp_path, environment) as running:
        running.command(
            *PREFECT, "--no-prompt", "work-pool", "create", "local", "--type", "process", folder=tmp_path
        )
        yield running


def test_run_of_a_killed_worker_is_finished_by_the_next(
    emulator: Emulator, server: Server, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    deploy = [*RECSPEND, "deploy", "--work-pool", "local", "--cron", "* * * * *"]
    assert server.command(*deploy, folder=TOP) == "Deployed recspend/all-accounts\n"
    with worker(server, "local", tmp_path) as first:
        wait_for("a second page", lambda: next(data_dir.glob("raw/*/under_way/*/*/page-00001"), None))
        kill(first)
    (killed,) = server.runs()
    assert killed["state_name"] == "Running"
    assert killed["name"].startswith("run all accounts up to 20")
    landed = set(data_dir.glob("raw/*/pages/*.json.zst"))
    assert not (data_dir / "warehouse.duckdb").exists()

    with worker(server, "local", tmp_path):
        wait_for("the crash", lambda: server.state_of(killed["id"]) == "Crashed")
        done = wait_for(
            "the next run", lambda: [run for run in server.runs() if run["state_name"] == "Completed"]
        )
        assert warehouse_cells(data_dir) == ledger_cells(emulator.totals())
        assert landed <= set(data_dir.glob("raw/*/pages/*.json.zst"))
        assert {run["state_name"] for run in server.runs()} <= {
            "Crashed",
            "Completed",
            "Cancelled",
            "Running",
        }
        # A manual retry resumes like any other run: it finds everything read and says so.
        server.retry(killed["id"])
        wait_for("the retry", lambda: server.state_of(killed["id"]) in ("Completed", "Cancelled"))
    assert warehouse_cells(data_dir) == ledger_cells(emulator.totals())
    tasks = {task["name"] for task in server.ask("task_runs/filter", limit=200)}
    assert {"ingest support", "normalize support", "model", "report"} <= tasks
    assert_no_token(accesses_of(emulator)[0].token, server, tmp_path)
    assert done[0]["state"]["message"] == "Done."


def test_deployment_accepts_valid_parameters_and_explains_others(
    emulator: Emulator, server: Server, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    server.command(
        *PREFECT, "--no-prompt", "work-pool", "create", "recspend", "--type", "process", folder=tmp_path
    )
    server.command(*PREFECT, "--no-prompt", "deploy", "--all", folder=TOP)
    name = "recspend/all-accounts"
    assert server.start(name, concurrency=65).status_code == 409
    no_day = started(server.start(name, first="yesterday"))
    with worker(server, "recspend", tmp_path):
        wait_for("the end of a run of no day", lambda: server.state_of(no_day) == "Failed")
        backwards = started(server.start(name, first="2026-09-02", last="2026-09-01"))
        wait_for("the refusal", lambda: server.state_of(backwards) == "Wrong settings")
        with DataLocks(data_dir).alone():
            held = started(server.start(name, first="2026-09-01", last="2026-09-02", account="support"))
            wait_for(
                "the run that finds the folder held", lambda: server.state_of(held) == "Data folder busy"
            )
        server.retry(held)
        wait_for("its retry", lambda: server.state_of(held) == "Completed")
    states = {run["id"]: (run["state_type"], run["name"]) for run in server.runs()}
    assert states[backwards] == ("FAILED", "run all accounts up to 2026-09-01")
    assert states[held] == ("COMPLETED", "run support 2026-09-01..02")
    sid = accesses_of(emulator)[0].account_sid
    assert {f"{day}" for day in days_landed(data_dir, sid)} == {"2026-09-01", "2026-09-02"}


def test_served_process_keeps_its_schedule_and_catches_up(emulator: Emulator, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    environment = environment_of(accesses_of(emulator)[0], data_dir) | {
        "PREFECT_HOME": str(tmp_path / "prefect")
    }
    with served(environment, tmp_path) as server:
        wait_for("a run", lambda: [run for run in server.runs() if run["state_name"] == "Completed"])
        assert warehouse_cells(data_dir) == ledger_cells(emulator.totals())
    stopped = datetime.now(UTC)
    time.sleep(65)
    with served(environment, tmp_path) as server:
        began = datetime.now(UTC)

        def missed() -> list[str]:
            due = {run["expected_start_time"]: run["state_name"] for run in server.runs()}
            return [state for when, state in due.items() if stopped < datetime.fromisoformat(when) < began]

        wait_for("what was missed", lambda: "Completed" in missed())


def test_served_process_reads_its_token_from_a_prefect_block(emulator: Emulator, tmp_path: Path) -> None:
    access = accesses_of(emulator)[0]
    environment = environment_of(access, tmp_path / "data") | {"PREFECT_HOME": str(tmp_path / "prefect")}
    del environment["RECSPEND_API_TOKEN"]
    environment["RECSPEND_TOKEN_BLOCK"] = "support-token"
    command = [*RECSPEND, "serve", "--port", "0"]
    without = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (without.returncode, without.stdout) == (2, "")
    assert "RECSPEND_TOKEN_BLOCK names" in without.stderr
    assert "is not on the Prefect server http://127.0.0.1:" in without.stderr

    script = "import sys; from prefect.blocks.system import Secret; Secret(value=sys.argv[1]).save('support-token')"
    subprocess.run([sys.executable, "-c", script, access.token], env=environment, cwd=tmp_path, check=True)
    with served(environment, tmp_path) as server:
        wait_for("a run", lambda: [run for run in server.runs() if run["state_name"] == "Completed"])
        (automation,) = server.ask("automations/filter")
        assert automation["trigger"]["within"] == 180
    assert warehouse_cells(tmp_path / "data") == ledger_cells(emulator.totals())


def test_served_process_ends_with_a_sentence_after_its_server(emulator: Emulator, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    environment = environment_of(accesses_of(emulator)[0], data_dir) | {
        "PREFECT_HOME": str(tmp_path / "prefect")
    }
    with serving(environment, tmp_path) as (process, _, lines):
        wait_for("a page", lambda: next(data_dir.glob("raw/*/pages/*.json.zst"), None))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        (its_server,) = (
            int(child)
            for child in children
            if b"server_process.py" in Path(f"/proc/{child}/cmdline").read_bytes()
        )
        os.kill(its_server, signal.SIGKILL)
        assert process.wait(60) == 2
    assert lines[-1].startswith("Error: The Prefect server that this command started has ended by itself.")


def test_run_states_match_results_and_automations_act_on_events(
    emulator: Emulator, server: Server, tmp_path: Path
) -> None:
    support, data_dir = accesses_of(emulator)[0], tmp_path / "data"
    put(data_dir / "reference" / "budgets.csv", BUDGET.format(sid=support.account_sid))
    put(tmp_path / "recspend.toml", SETTINGS.format(url=support.base_url, sid=support.account_sid))
    for name in ("RECSPEND_BASE_URL", "RECSPEND_ACCOUNT_SID", "RECSPEND_ACCOUNT_NAME", "RECSPEND_API_TOKEN"):
        del server.environment[name]  # the accounts come from the file
    server.environment |= {"SUPPORT_TOKEN": support.token, "SALES_TOKEN": "PT" + "0" * 32}
    server.command(*RECSPEND, "deploy", "--work-pool", "local", folder=tmp_path)
    two_days = {"account": "support", "first": "2026-09-01", "last": "2026-09-02"}
    two_more = {"account": "support", "first": "2026-09-05", "last": "2026-09-06"}
    # The run that exceeds the budget may still be writing when the automation starts another one.
    server.command(*RECSPEND, "deploy", "--work-pool", "local", "--name", "after-budget", folder=tmp_path)
    act_on_budget(server, tmp_path, "after-budget", {**two_more, "wait_minutes": 10})

    with worker(server, "local", tmp_path):
        read = run_to_its_end(server, **two_days)
        acted = wait_for("what the automation runs", lambda: created_by(server, "AUTOMATION"))
        assert end_of(server, acted[0]["id"])["state_name"] == "Completed with holes"
        refused = run_to_its_end(server, **{**two_more, "account": None})
    with_a_check_that_fails(server, tmp_path / "doubting")
    with worker(server, "local", tmp_path):
        failed = run_to_its_end(server, **two_more)
    # Nothing was ever read for sales.
    assert (read["state_type"], read["state_name"]) == ("COMPLETED", "Completed with holes")
    assert (refused["state_type"], refused["state_name"]) == ("FAILED", "API refused")
    assert "sales: " in refused["state"]["message"]
    assert "(401). Check SALES_TOKEN" in refused["state"]["message"]
    assert (failed["state_type"], failed["state_name"]) == ("FAILED", "Failed checks")
    assert failed["state"]["message"] == "Checks failed: nothing_is_right. The reports were not changed."
    # The other runs found the same exceeded budget, which was already sent.
    assert len(created_by(server, "AUTOMATION")) == 1


TWO_DAYS = {"first": "2026-09-01", "last": "2026-09-02"}


def test_served_runs_load_nothing_from_their_folder(emulator: Emulator, tmp_path: Path) -> None:
    environment = environment_of(accesses_of(emulator)[0], tmp_path / "data") | {
        "PREFECT_HOME": str(tmp_path / "prefect-home")
    }
    shadow(tmp_path, *OURS["packages"], *OTHERS)
    never_due = [str(BIN / "recspend"), "serve", "--cron", "0 0 1 1 *"]
    with (
        serving(environment, tmp_path, serve=never_due) as (_, address, _),
        closing(Server(address, environment, kept_login(Path(environment["PREFECT_HOME"])))) as server,
    ):
        wait_for("the deployment", lambda: server.ask("deployments/filter"))
        assert run_to_its_end(server, **TWO_DAYS)["state_name"] == "Completed"


def test_workers_load_nothing_from_the_folder_of_a_deployment(server: Server, tmp_path: Path) -> None:
    shadow(tmp_path, *OURS["packages"])
    shutil.copy(TOP / "prefect.yaml", tmp_path)
    deploy = {
        "local": [str(BIN / "recspend"), "deploy", "--work-pool", "local"],
        "recspend": [str(BIN / "prefect"), "--no-prompt", "deploy", "--all"],
    }
    pool = [*PREFECT, "--no-prompt", "work-pool", "create", "recspend", "--type", "process"]
    server.command(*pool, folder=TOP)
    ended = {}
    for pool_name, command in deploy.items():
        server.command(*command, folder=tmp_path)
        with worker(server, pool_name, tmp_path):
            ended[pool_name] = run_to_its_end(server, **TWO_DAYS)["state_name"]
    assert ended == dict.fromkeys(deploy, "Completed")


BUDGET = "account_sid,valid_from,currency,amount\n{sid},2026-09,USD,0.01\n"
SETTINGS = """
[[accounts]]
name = "support"
base_url = "{url}"
account_sid = "{sid}"
token_env = "SUPPORT_TOKEN"

[[accounts]]
name = "sales"
base_url = "{url}"
account_sid = "A-sales"
token_env = "SALES_TOKEN"
"""


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def act_on_budget(server: Server, folder: Path, deployment: str, parameters: dict[str, Any]) -> None:
    """Create the automation of the page, so that it runs a deployment of ours."""
    automation, _ = examples(page("flows/monitor"), "yaml")
    (its_id,) = (each["id"] for each in server.ask("deployments/filter") if each["name"] == deployment)
    automation = automation.replace("00000000-0000-0000-0000-000000000000", its_id)
    put(
        folder / "budget.yaml",
        automation.replace("parameters: {}", f"parameters: {json.dumps(parameters)}"),
    )
    server.command(*PREFECT, "automation", "create", "--from-file", "budget.yaml", folder=folder)


def with_a_check_that_fails(server: Server, folder: Path) -> None:
    """Make workers that start from now on find a copy of recspend with one more check."""
    for package in ("flows", "transforms", "sql", "data/reference"):
        shutil.copytree(TOP / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TOP / "recspend_installed.py", folder)
    put(
        folder / "sql" / "checks" / "nothing_is_right.sql",
        "-- Whatever it is.\n-- severity: fail\nselect 1 as found\n",
    )
    server.environment["PYTHONPATH"] = str(folder)


def run_to_its_end(server: Server, **parameters: str | None) -> dict[str, Any]:
    return end_of(server, started(server.start("recspend/all-accounts", **parameters)))


def end_of(server: Server, run_id: str) -> dict[str, Any]:
    ended = wait_for(
        "the end of a run",
        lambda: {run["id"]: run for run in server.runs() if run["id"] == run_id and run["end_time"]},
    )
    return dict(ended[run_id])


def created_by(server: Server, kind: str) -> list[dict[str, Any]]:
    return [run for run in server.runs() if (run["created_by"] or {}).get("type") == kind]


@contextmanager
def served(environment: dict[str, str], folder: Path) -> Iterator[Server]:
    """Start a process that serves every minute; on SIGTERM it ends with everything it started.

    It ignores SIGINT, as background processes of a shell without a terminal do.
    """
    in_background = ["/bin/sh", "-c", "trap '' INT; exec \"$@\"", "sh"]
    with serving(environment, folder, *in_background) as (process, address, lines):
        with closing(Server(address, environment, kept_login(Path(environment["PREFECT_HOME"])))) as server:
            yield server
        process.send_signal(signal.SIGTERM)
        code = process.wait(90)
    assert (code, lines[-1]) == (
        0,
        "Stopped. Everything fetched so far is kept, and the next run continues from there.\n",
    )
    with pytest.raises(requests.ConnectionError):
        requests.get(address, timeout=5)


@contextmanager
def serving(
    environment: dict[str, str], folder: Path, *before: str, serve: Sequence[str] = SERVE_EVERY_MINUTE
) -> Iterator[tuple["subprocess.Popen[str]", str, list[str]]]:
    """Serve every minute; yield the process, the address of its server, and the lines it writes until it ends.

    A proxy is set that does not respond: requests on this machine must not go through it.
    """
    command = [*before, *serve, "--port", "0"]
    environment = environment | {"HTTP_PROXY": "http://127.0.0.1:9"}
    lines: list[str] = []
    with subprocess.Popen(command, env=environment, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        drain = Thread(target=lambda: lines.extend(process.stderr or ()))
        try:
            said = process.stderr.readline()
            address = re.findall(r"Prefect UI: (http://127\.0\.0\.1:\d+) ", said)
            assert address, said + process.stderr.read()
            drain.start()
            yield process, address[0], lines
        finally:
            process.terminate()
            process.wait(90)
            if drain.ident:
                drain.join()


def started(answer: requests.Response) -> str:
    """Return the id of the requested run."""
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def assert_no_token(token: str, server: Server, folder: Path) -> None:
    """Check that neither the database and logs of Prefect nor anything a run wrote holds the token."""
    assert "wait_minutes" in json.dumps(server.ask("deployments/filter")), "the server knows the parameters"
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "prefect.db" for path in written)
    assert [path for path in written if token.encode() in path.read_bytes()] == []
