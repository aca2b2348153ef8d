"""Killed with SIGKILL anywhere: nothing half-written is seen, and the next run ends with the same tables."""

import csv
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from ledger_runs import accesses_of, environment_of, ledger_cells, run_against, warehouse_cells

from flows.emulator import Emulator, Parameters, open_ledger, serve

COMMAND = [sys.executable, "-c", "from flows.cli import main; main()", "run"]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    ledger = open_ledger(Parameters(11, 9000, 1), tmp_path_factory.mktemp("rendered"))
    with serve(ledger, latency_ms=15) as running:
        yield running


def start(emulator: Emulator, data_dir: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    access = accesses_of(emulator)[0]
    environment = environment_of(access, data_dir)
    return subprocess.Popen(
        [*COMMAND, *arguments], env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )


def kill_when(process: "subprocess.Popen[bytes]", data_dir: Path, pattern: str) -> None:
    """Kill the run as soon as a file of that name is there; the run must not have ended by itself."""
    while process.poll() is None:
        if next(data_dir.glob(pattern), None):
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.0005)
    assert process.wait() == -signal.SIGKILL, f"the run ended before {pattern} was seen"


def assert_nothing_is_torn(data_dir: Path) -> None:
    """Every file under its final name can be read whole."""
    for path in data_dir.glob("recordings/**/recordings.parquet"):
        pq.ParquetFile(path).read()
    if (data_dir / "warehouse.duckdb").exists():
        with duckdb.connect(str(data_dir / "warehouse.duckdb"), read_only=True) as connection:
            connection.execute("select count(*) from marts.fct_recordings").fetchall()
    for path in data_dir.glob("reports/*.csv"):
        text = path.read_text()
        assert text.endswith("\n")
        assert len({len(row) for row in csv.reader(text.splitlines())}) == 1


@pytest.mark.parametrize(
    ("stage", "pattern"),
    [
        ("ingest", "raw/*/*/*/page-00001.json.zst"),
        ("normalize", ".rebuild/recordings/*/created_month=2026-08/recordings.parquet*"),
        ("model", "warehouse.duckdb.partial"),
        ("report", "reports/*.csv*"),
    ],
)
def test_a_run_killed_in_a_stage_is_finished_by_the_next(
    stage: str, pattern: str, emulator: Emulator, tmp_path: Path
) -> None:
    kill_when(start(emulator, tmp_path), tmp_path, pattern)
    assert_nothing_is_torn(tmp_path)
    assert start(emulator, tmp_path).wait() == 0, stage
    assert_nothing_is_torn(tmp_path)
    assert warehouse_cells(tmp_path) == ledger_cells(emulator.totals())


def test_a_walk_goes_on_behind_the_last_landed_page(emulator: Emulator, tmp_path: Path) -> None:
    days = ("--from", "2026-07-01", "--to", "2026-07-31")
    kill_when(start(emulator, tmp_path, *days), tmp_path, "raw/*/*/*/page-00001.json.zst")
    asked = len(emulator.requests)
    assert start(emulator, tmp_path, *days).wait() == 0
    pages = list(tmp_path.glob("raw/*/2026-07-01_2026-07-31/*/page-*.json.zst"))
    assert len(pages) >= 3
    # The two pages landed before the kill are not asked again, nor is the window walked a second time. The page that
    # was under way may be counted late.
    assert len(emulator.requests) - asked <= len(pages) - 2 + 1


def test_a_lake_killed_between_two_months_is_put_in_order(emulator: Emulator, tmp_path: Path) -> None:
    assert start(emulator, tmp_path, "--from", "2026-07-01", "--to", "2026-07-31").wait() == 0
    kill_when(start(emulator, tmp_path), tmp_path, "recordings/*/created_month=2026-08/recordings.parquet")
    assert start(emulator, tmp_path).wait() == 0
    assert warehouse_cells(tmp_path) == ledger_cells(emulator.totals())


@pytest.mark.slow
def test_killed_at_twenty_random_moments_the_tables_are_those_of_an_undisturbed_run(
    emulator: Emulator, tmp_path: Path
) -> None:
    began = time.monotonic()
    run_against(emulator, tmp_path / "undisturbed")
    whole = time.monotonic() - began + 1.0  # a process of its own also has to start
    moments = random.Random(4)
    for _ in range(20):
        process = start(emulator, tmp_path / "killed")
        time.sleep(moments.uniform(0, whole))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert_nothing_is_torn(tmp_path / "killed")
    assert start(emulator, tmp_path / "killed").wait() == 0
    assert warehouse_cells(tmp_path / "killed") == warehouse_cells(tmp_path / "undisturbed")
