"""Left to itself: a schedule fires, a killed worker's run is found and finished, and the tables are the ledger's."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_runs import accesses_of, environment_of, ledger_cells, warehouse_cells
from prefect_processes import PREFECT, Server, kill, prefect_server, wait_for, worker

from flows.emulator import Emulator, Parameters, open_ledger, serve

TOP = Path(__file__).parent.parent.parent
RECSPEND = [sys.executable, "-c", "from flows.cli import main; main()"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One that takes its time, so that a run can be killed in the middle of reading."""
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


def test_a_worker_killed_while_it_reads_is_made_up_for(
    emulator: Emulator, server: Server, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    deploy = [*RECSPEND, "deploy", "--work-pool", "local", "--cron", "* * * * *"]
    assert server.command(*deploy, folder=TOP) == "Deployed recspend/all-accounts\n"
    with worker(server, "local", tmp_path) as first:
        wait_for("a second page", lambda: next(data_dir.glob("raw/*/*/*/page-00001.json.zst"), None))
        kill(first)
    (killed,) = server.runs()
    assert killed["state_name"] == "Running"
    assert killed["name"].startswith("run all accounts up to 20")
    landed = set(data_dir.glob("raw/*/*/*/page-*.json.zst"))
    assert not (data_dir / "warehouse.duckdb").exists()

    with worker(server, "local", tmp_path):
        wait_for("the crash", lambda: server.state_of(killed["id"]) == "Crashed")
        done = wait_for(
            "the next run", lambda: [run for run in server.runs() if run["state_name"] == "Completed"]
        )
        assert warehouse_cells(data_dir) == ledger_cells(emulator.totals())
        assert landed <= set(data_dir.glob("raw/*/*/*/page-*.json.zst"))
        assert {run["state_name"] for run in server.runs()} <= {
            "Crashed",
            "Completed",
            "Cancelled",
            "Running",
        }
        # What is retried by hand resumes like any other run: it finds everything read, and says so.
        server.retry(killed["id"])
        wait_for("the retry", lambda: server.state_of(killed["id"]) in ("Completed", "Cancelled"))
    assert warehouse_cells(data_dir) == ledger_cells(emulator.totals())
    tasks = {task["name"] for task in server.ask("task_runs/filter", limit=200)}
    assert {"normalize support", "model", "report"} <= tasks
    assert any(name.startswith("ingest support 2026-") for name in tasks)
    assert_no_token(accesses_of(emulator)[0].token, server, tmp_path)
    assert done[0]["state"]["message"] == "Done."


def assert_no_token(token: str, server: Server, folder: Path) -> None:
    """Neither in the database and the logs of Prefect, nor in anything a run wrote."""
    assert "wait_minutes" in json.dumps(server.ask("deployments/filter")), "the server knows the parameters"
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "prefect.db" for path in written)
    assert [path for path in written if token.encode() in path.read_bytes()] == []
