"""Through Prefect and without it: the same functions, the same tables."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect._internal.engine import resolve_custom_task_run_name

from flows.emulator import Emulator, Parameters, open_ledger, serve
from flows.pipeline.flow_run import _task_of
from flows.stores.folder.runs import Runs
from tests.support.runs.ledger_runs import accesses_of, environment_of, ledger_cells, rows_of, warehouse_cells
from tests.support.samples.attacks import ATTACK
from transforms.report.run_page import key_of
from transforms.values.visible import visible

RECSPEND = [
    sys.executable,
    "-W",
    "error::DeprecationWarning:flows",
    "-c",
    "from flows.command.main import main; main()",
]
EVERYTHING = (
    "select * exclude (first_seen_at, first_priced_at, raw_page) from marts.fct_recordings order by all"
)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with serve(open_ledger(Parameters(3, 900, 2), tmp_path_factory.mktemp("rendered"))) as running:
        yield running


def recspend(
    emulator: Emulator, data_dir: Path, *arguments: str, token: str | None = None
) -> "subprocess.CompletedProcess[str]":
    access = accesses_of(emulator)[0]
    environment = environment_of(access, data_dir)
    environment["PREFECT_HOME"] = str(data_dir.parent / "prefect")
    if token:
        environment["RECSPEND_API_TOKEN"] = token
    return subprocess.run(
        [*RECSPEND, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_direct_run_does_not_load_prefect(emulator: Emulator, tmp_path: Path) -> None:
    script = """
import sys
from flows.command import main as cli
sys.argv[1:] = ["run", "--json"]
try:
    cli.main()
except SystemExit:
    sys.exit("prefect" in sys.modules)
"""
    access = accesses_of(emulator)[0]
    environment = environment_of(access, tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, json.loads(done.stdout)["new"]) == (0, 450)


@pytest.mark.slow
def test_tables_are_the_same_with_and_without_prefect(emulator: Emulator, tmp_path: Path) -> None:
    direct = recspend(emulator, tmp_path / "direct", "run", "--json")
    flow = recspend(emulator, tmp_path / "flow", "run", "--json", "--prefect")
    assert (direct.returncode, flow.returncode) == (0, 0), flow.stderr
    counts = [
        {name: value for name, value in json.loads(done.stdout).items() if name != "seconds"}
        for done in (direct, flow)
    ]
    assert counts[0] == counts[1]
    assert rows_of(tmp_path / "direct", EVERYTHING) == rows_of(tmp_path / "flow", EVERYTHING)
    sid = accesses_of(emulator)[0].account_sid
    expected = {cell: figures for cell, figures in ledger_cells(emulator.totals()).items() if cell[0] == sid}
    assert warehouse_cells(tmp_path / "flow") == expected
    # The database of the temporary server holds what was shown, and neither it nor the logs hold a token.
    with sqlite3.connect(tmp_path / "prefect" / "prefect.db") as database:
        shown = {
            key: str(data)
            for key, data in database.execute("select key, data from artifact where key is not null")
        }
    assert shown.keys() == {
        *("recspend-run", "recspend-spend-by-account", "recspend-spend-by-source"),
        "recspend-progress-support",
    }
    assert f"| {counts[1]['requests']} |" in shown["recspend-run"]
    assert shown["recspend-progress-support"] in ("100", "100.0")
    token = accesses_of(emulator)[0].token
    assert token not in flow.stdout + flow.stderr
    written = [path for path in (tmp_path / "prefect").rglob("*") if path.is_file()]
    assert [path for path in written if token.encode() in path.read_bytes()] == []


@pytest.mark.slow
def test_findings_and_failed_starts_are_prefect_events_once(emulator: Emulator, tmp_path: Path) -> None:
    script = """
import json, os, time
from datetime import date
from pathlib import Path
from prefect.settings import get_current_settings
from prefect.testing.utilities import prefect_test_harness
with prefect_test_harness(server_startup_timeout=120):
    from prefect.client.orchestration import get_client
    from flows.pipeline.flow import pipeline
    days = date(2026, 9, 1), date(2026, 9, 30)
    for _ in range(2):
        assert pipeline(*days, return_state=True).is_completed()
    del os.environ["RECSPEND_API_TOKEN"]
    assert pipeline(*days, return_state=True).is_failed()
    with get_client(sync_client=True) as client:
        for _ in range(60):
            asked = {"filter": {"event": {"prefix": ["recspend."]}}}
            found = client._client.post("/events/filter", json=asked).json()["events"]
            if len(found) >= 2:
                break
            time.sleep(0.5)
        time.sleep(2)
        found = client._client.post("/events/filter", json=asked).json()["events"]
    database = get_current_settings().server.database.connection_url.get_secret_value()
    files = list(Path(database.removeprefix("sqlite+aiosqlite:///")).parent.glob("*.db*"))
    secret = os.environ["HOOK"].rpartition("/")[2].encode()
    kept = b"".join(path.read_bytes() for path in files)
    print(b"Channel webhook was not notified" in kept, secret in kept)
print(json.dumps(found))
"""
    access = accesses_of(emulator)[0]
    environment = environment_of(access, tmp_path / "data")
    environment |= {"PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "1"}
    # Nothing listens on port 1, so the run warns, also in its artifacts and its log.
    secret = "9f8e7d6c5b4a-of-a-webhook"
    environment |= {
        "RECSPEND_CONFIG": str(tmp_path / "recspend.toml"),
        "HOOK": f"http://127.0.0.1:1/{secret}",
    }
    (tmp_path / "recspend.toml").write_text("[[notify]]\nkind = 'webhook'\nurl_env = 'HOOK'\n")
    reference = tmp_path / "data" / "reference"
    reference.mkdir(parents=True)
    (reference / "budgets.csv").write_text("account_sid,valid_from,currency,amount\n,2026-09,USD,0.01\n")
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    events = {event["event"]: event for event in found}
    assert len(found) == 2
    assert events.keys() == {"recspend.budget.exceeded", "recspend.run.failed"}
    budget = events["recspend.budget.exceeded"]
    assert budget["resource"]["prefect.resource.id"] == "recspend.budget.exceeded.2026-09.all.USD"
    assert budget["resource"]["recspend.currency"] == "USD"
    (spent,) = rows_of(tmp_path / "data", "select cost from marts.budgets")
    assert budget["payload"]["facts"]["cost"] == str(spent["cost"])
    assert "above the budget of 0.0100 USD." in budget["payload"]["sentence"]
    assert [each["prefect.resource.role"] for each in budget["related"]].count("flow-run") == 1
    assert "RECSPEND_API_TOKEN is not set" in events["recspend.run.failed"]["payload"]["sentence"]
    assert "Channel webhook was not notified: " in done.stdout + done.stderr
    assert secret not in done.stdout + done.stderr
    assert (
        done.stdout.splitlines()[-2] == "True False"
    )  # Prefect's database has the warning and not the address
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert [path for path in files if secret.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("account", ["{EU} support", "a } b", "{}", "{{0}}"])
def test_task_name_keeps_braces_of_the_account_name(account: str) -> None:
    task = _task_of(f"ingest {account} 2026-09-01..07", lambda: 0)
    assert task.name == "ingest"
    assert resolve_custom_task_run_name(task, {}) == f"ingest {account} 2026-09-01..07"


def test_task_name_shows_characters_that_act_on_a_reader() -> None:
    task = _task_of(f"ingest {ATTACK} 2026-09-01", lambda: 0)
    assert resolve_custom_task_run_name(task, {}) == f"ingest {visible(ATTACK)} 2026-09-01"


@pytest.mark.slow
def test_each_stage_is_a_flow_with_named_tasks(emulator: Emulator, tmp_path: Path) -> None:
    script = """
import os, sys
from datetime import date
from prefect.testing.utilities import prefect_test_harness
with prefect_test_harness(server_startup_timeout=120):
    from prefect.client.orchestration import get_client
    from flows.pipeline.flow import ingest, model, normalize, pipeline, report
    for flow in (ingest, normalize, model, report):
        assert flow(return_state=True).is_completed(), flow.name
    assert pipeline(account=os.environ["RECSPEND_ACCOUNT_NAME"], return_state=True).is_completed()
    with get_client(sync_client=True) as client:
        print(sorted(run.name for run in client.read_task_runs()))
        print([(run.name, run.parameters) for run in client.read_flow_runs()])
        for found in sorted(client.read_artifacts(), key=lambda found: found.key or ""):
            print("artifact", found.key, found.type, found.flow_run_id is not None, found.description, found.data)
"""
    access = accesses_of(emulator)[0]
    environment = environment_of(access, tmp_path / "data")
    environment |= {"PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "1"}
    environment["RECSPEND_ACCOUNT_NAME"] = name_with_braces = "support {EU} {0} }"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    names, flow_runs = done.stdout.splitlines()[:2]
    for name in (
        f"'ingest {name_with_braces}'",
        f"'normalize {name_with_braces}'",
        "'model'",
        "'report'",
    ):
        assert names.count(name) == 2, names
    assert f"'run {name_with_braces} up to 20" in flow_runs
    keys = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("artifact recspend-")]
    # Each flow that builds the warehouse makes the tables.
    tables = ["recspend-spend-by-account", "recspend-spend-by-source"]
    pages = [f"recspend-{command}" for command in ("ingest", "model", "normalize", "report", "run")]
    progress = key_of("recspend-progress", name_with_braces)
    assert sorted(keys) == sorted([*pages, *tables, *tables, progress, progress])
    assert access.token not in done.stdout + done.stderr


@pytest.mark.slow
def test_flow_fails_without_secrets_if_an_account_is_unreadable(emulator: Emulator, tmp_path: Path) -> None:
    secret = "PT-this-must-not-be-seen"
    done = recspend(emulator, tmp_path / "data", "run", "--prefect", "--json", token=secret)
    assert done.returncode == 3
    assert "RECSPEND_API_TOKEN" in json.loads(done.stdout)["failed"]["support"]
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert written
    assert secret not in done.stdout + done.stderr
    assert [path for path in written if secret.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["run"], marks=pytest.mark.slow),
        pytest.param(["deploy", "--work-pool", "local"], marks=pytest.mark.slow),
        pytest.param(["serve"], marks=pytest.mark.slow),
    ],
)
def test_unresponsive_prefect_server_is_reported_in_a_sentence(
    command: list[str], emulator: Emulator, tmp_path: Path
) -> None:
    environment = environment_of(accesses_of(emulator)[0], tmp_path / "data")
    environment |= {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": "http://user:never-shown@127.0.0.1:9/api",
    }
    done = subprocess.run([*RECSPEND, *command], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "The Prefect server http://127.0.0.1:9/api does not respond" in done.stderr
    assert "Traceback" not in done.stderr
    assert "never-shown" not in done.stdout + done.stderr


@pytest.mark.slow
def test_unresponsive_prefect_server_is_sent_once_and_recorded(emulator: Emulator, tmp_path: Path) -> None:
    environment = environment_of(accesses_of(emulator)[0], tmp_path / "data")
    environment |= {
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": "http://user:never-shown@127.0.0.1:9/api",
        "RECSPEND_CONFIG": str(tmp_path / "recspend.toml"),
    }
    (tmp_path / "data").mkdir()
    got = tmp_path / "got"
    (tmp_path / "recspend.toml").write_text(
        f"[[notify]]\nkind = 'command'\ncommand = ['tee', '-a', '{got}']\n"
    )
    done = subprocess.run([*RECSPEND, "run"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "The Prefect server http://127.0.0.1:9/api does not respond" in done.stderr
    assert "Traceback" not in done.stderr
    (sent,) = got.read_text().splitlines()
    assert "The Prefect server http://127.0.0.1:9/api does not respond" in json.loads(sent)["text"]
    assert [record.exit_code for record in Runs(tmp_path / "data").all()] == [2]
    assert "recspend_last_run_exit_code 2.0\n" in (tmp_path / "data" / "metrics.prom").read_text()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in written if b"never-shown" in path.read_bytes()] == []
