"""Status and the Prometheus file after runs against a ledger whose figures are worked out by hand.

The clock of the ledger shows 14 September 2026, 01:00 UTC.
"""

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from flows.command.monitor import app
from flows.emulator import Emulator, open_living, serve
from flows.monitor.health import health, health_with_costs
from flows.run.record import write_metrics
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.runs import RunRecord, Runs
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import clock_of, context_by, epoch_of, instant, made, run_by
from transforms.errors import DataError, HeldError

SUPPORT, SALES = "5a3c0c2e-0000-4000-8000-000000000001", "5a3c0c2e-0000-4000-8000-000000000002"
TODAY = date(2026, 9, 14)
YESTERDAY = TODAY - timedelta(days=1)
BEFORE = TODAY - timedelta(days=3)
PRICES = [
    (SUPPORT, BEFORE, "0.0025"),
    (SUPPORT, YESTERDAY, "0.0105"),
    (SUPPORT, YESTERDAY, "0.002"),
    (SUPPORT, YESTERDAY, None),
    (SUPPORT, TODAY, "0.5"),
    (SALES, BEFORE, "0.01"),
    (SALES, BEFORE, None),
]
LEDGER = [
    made(
        sid,
        number,
        epoch_of(day, 60 + number),
        price=None if price is None else Decimal(price),
        currency="USD",
    )
    for number, (sid, day, price) in enumerate(PRICES)
]


NOW = instant(epoch_of(TODAY, 3600))


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with serve(open_living(LEDGER, now=epoch_of(TODAY, 3600))) as running:
        yield running


@pytest.fixture(scope="module")
def first_run(emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("first")
    asked_before = len(emulator.requests)
    run_by(clock_of(emulator.ledger), accesses_of(emulator), data_dir)
    assert metrics(data_dir)["last_run_requests"] == {(): len(emulator.requests) - asked_before}
    return data_dir


@pytest.fixture
def ran(first_run: Path, tmp_path: Path) -> Path:
    """Return a data folder after a run."""
    return Path(shutil.copytree(first_run, tmp_path / "data"))


def metrics(data_dir: Path) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values by name, account and other labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families((data_dir / "metrics.prom").read_text()):
        for sample in family.samples:
            labels = tuple(value for name, value in sample.labels.items() if name != "account")
            found.setdefault(sample.name.removeprefix("recspend_"), {})[labels] = sample.value
    return found


def status(data_dir: Path, *arguments: str) -> tuple[int, Any]:
    done = CliRunner(env={"RECSPEND_DATA_DIR": str(data_dir)}).invoke(app, ["status", "--json", *arguments])
    return done.exit_code, json.loads(done.stdout)


def test_run_shows_its_health_and_a_failure_keeps_last_success(emulator: Emulator, ran: Path) -> None:
    first = metrics(ran)
    now = NOW.timestamp()
    assert first["coverage_timestamp_seconds"] == {(SUPPORT,): now, (SALES,): now}
    assert first["unpriced_recordings"] == {(SUPPORT,): 1, (SALES,): 1}
    assert first["hole_days"] == {(SUPPORT,): 0, (SALES,): 0}
    assert first["yesterday_timestamp_seconds"] == {(): now - 25 * 3600}
    assert first["yesterday_cost"] == {(SUPPORT, "USD"): 0.0125, (SALES, "USD"): 0}
    assert first["yesterday_unpriced_recordings"] == {(SUPPORT,): 1, (SALES,): 0}
    assert first["last_run_exit_code"] == {(): 0}
    assert first["last_run_requests"] == first["requests_total"]

    asked_before = len(emulator.requests)
    refused = [replace(each, token="wrong") for each in accesses_of(emulator)]
    two_days_on = NOW + timedelta(days=2)
    assert run_by(lambda: two_days_on, refused, ran).exit_code == 3
    then = metrics(ran)
    assert then["last_run_exit_code"] == {(): 3}
    assert then["last_success_timestamp_seconds"] == first["last_success_timestamp_seconds"]
    assert then["last_run_timestamp_seconds"][()] > first["last_run_timestamp_seconds"][()]
    assert then["coverage_timestamp_seconds"] == first["coverage_timestamp_seconds"]
    assert then["last_run_requests"] == {(): len(emulator.requests) - asked_before}
    assert then["requests_total"][()] == first["requests_total"][()] + len(emulator.requests) - asked_before
    # Yesterday is now the 15th, which was not read.
    assert "yesterday_cost" not in then
    age = health(ran, {}, "UTC", two_days_on).age
    assert age is not None
    assert timedelta(days=2, seconds=-1) < age < timedelta(days=2)


def test_coverage_age_is_that_of_the_account_furthest_behind(ran: Path) -> None:
    names = {SUPPORT: "support", SALES: "sales"}
    found = health(ran, names, "UTC", NOW + timedelta(hours=5))
    for account in found.accounts:
        assert account.first_day is not None
        assert BEFORE - timedelta(days=2) <= account.first_day <= BEFORE
        assert (account.newest_day, account.holes) == (TODAY, 0)
    assert (found.total("unpriced"), found.total("unsettled"), found.total("rejected")) == (2, 2, 0)

    # The accounts of the settings count: other accounts keep what was read, a new one was never read.
    (only,) = health(ran, {SALES: "sales"}, "UTC", NOW).accounts
    assert only.account_sid == SALES
    new = health(ran, {**names, "A9": "new"}, "UTC", NOW)
    assert (new.age, new.furthest_behind and new.furthest_behind.account_name) == (None, "new")


def test_exit_code_shows_whether_coverage_is_too_old(ran: Path) -> None:
    days_ago = (datetime.now(UTC) - NOW).days
    assert status(ran, "--max-age", "26h")[0] == 1
    code, shown = status(ran, "--max-age", f"{days_ago + 1}d")
    assert (code, shown["is_current"], shown["newest_day"]) == (0, True, "2026-09-14")
    assert status(ran)[0] == 0
    assert (
        CliRunner().invoke(app, ["status", "--max-age", "soon"]).exit_code == 1
    )  # ConfigError; `main` makes it 2


def test_day_not_read_to_its_end_has_no_cost(ran: Path) -> None:
    # By then the 14th is over, and only its first hour was read.
    assert health_with_costs(ran, {}, "UTC", NOW + timedelta(days=1)).day_costs == []
    assert [each.cost for each in health_with_costs(ran, {}, "UTC", NOW).day_costs] == [Decimal("0.0125"), 0]
    # Berlin's 13th began at 22:00 UTC on the 12th, and all of it was read.
    there = health_with_costs(ran, {}, "Europe/Berlin", NOW)
    assert there.day_began == datetime(2026, 9, 12, 22, tzinfo=UTC)


def test_interrupted_run_differs_from_a_running_one(tmp_path: Path) -> None:
    began = datetime(2026, 9, 14, 1, tzinfo=UTC)
    runs = Runs(tmp_path)
    runs.write(RunRecord("1", began - timedelta(days=1), began, 0))
    runs.write(RunRecord("2", began, requests=5))
    code, shown = status(tmp_path)
    assert (code, shown["last_run"]["is_under_way"], shown["last_run"]["requests"]) == (0, False, 5)
    assert shown["last_success"] == "2026-09-14T01:00:00+00:00"
    with DataLocks(tmp_path).at_work_here() as since:  # another run
        assert status(tmp_path)[1]["last_run"]["is_under_way"] is False
        runs.write(RunRecord("3", since))
        assert status(tmp_path)[1]["last_run"]["is_under_way"] is True
    assert status(tmp_path)[1]["last_run"]["is_under_way"] is False
    with DataLocks(tmp_path).alone():  # as older versions have it
        assert status(tmp_path)[1]["last_run"]["is_under_way"] is True


def test_empty_folder_has_no_figures_and_is_too_old(tmp_path: Path) -> None:
    code, shown = status(tmp_path / "data", "--max-age", "9999d")
    assert (code, shown["age_seconds"], shown["last_run"], shown["accounts"]) == (1, None, None, [])
    assert (shown["holes"], shown["unpriced"], shown["failed_checks"]) == (None, None, None)
    assert not (tmp_path / "data").exists()


def test_metrics_write_error_is_logged_and_keeps_the_old_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    context = context_by(lambda: datetime(2026, 9, 14, tzinfo=UTC), [], tmp_path)
    (tmp_path / "metrics.prom").write_text("as they were")
    (tmp_path / "warehouse.duckdb").write_bytes(b"no database")
    with caplog.at_level(logging.WARNING):
        write_metrics(context.settings, context.names, context.clock())
    assert "Could not write" in caplog.text
    assert (tmp_path / "metrics.prom").read_text() == "as they were"


def test_metrics_file_can_be_placed_elsewhere(tmp_path: Path) -> None:
    Runs(tmp_path / "data").write(RunRecord("1", datetime.now(UTC), datetime.now(UTC), 0))
    elsewhere = tmp_path / "collector" / "recspend.prom"
    context = context_by(lambda: datetime.now(UTC), [], tmp_path / "data", metrics_file=elsewhere)
    write_metrics(context.settings, context.names, context.clock())
    assert "recspend_last_run_exit_code 0.0\n" in elsewhere.read_text()
    assert [path.name for path in elsewhere.parent.iterdir()] == ["recspend.prom"]


def test_warehouse_of_another_version_is_reported_in_a_sentence(tmp_path: Path) -> None:
    import duckdb

    duckdb.connect(str(warehouse_path(tmp_path))).close()
    assert Warehouse(warehouse_path(tmp_path)).table("select 1 as one").num_rows == 1
    with pytest.raises(DataError, match=r"is not what this version builds: .* Run `recspend model`"):
        health(tmp_path, {}, "UTC", datetime.now(UTC))


def test_status_table_says_what_to_do(ran: Path) -> None:
    runner = CliRunner(env={"RECSPEND_DATA_DIR": str(ran), "COLUMNS": "80"})
    done = runner.invoke(app, ["status", "--max-age", "26h"])
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Covered       2026-09-14, read until 2026-09-14 01:00 UTC, ")
    assert "Unpriced      2 recordings" in lines
    assert "NOT CURRENT: the coverage must not end longer ago than 1 d 2 h. Run `recspend run`." in lines


def test_status_names_the_program_that_holds_the_warehouse(ran: Path) -> None:
    script = (
        "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    holding = subprocess.Popen(
        [sys.executable, "-c", script, str(warehouse_path(ran))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holding.stdout is not None
        assert holding.stdout.readline() == b"open\n"
        done = CliRunner(env={"RECSPEND_DATA_DIR": str(ran)}).invoke(app, ["status"])
        code, found = status(ran, "--max-age", "26h")
        with pytest.raises(HeldError, match=f"PID {holding.pid}"):
            health_with_costs(ran, {}, "UTC", datetime.now(UTC))
    finally:
        holding.communicate()
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert f"(PID {holding.pid}). Close it there" in " ".join(lines)
    assert "Covered       not known now" in lines
    assert any(line.startswith("Last run      began 20") for line in lines)
    # How old the coverage is cannot be said, so it does not count as current.
    assert (code, found["is_current"], found["holes"]) == (1, False, None)
    assert f"PID {holding.pid}" in found["held"]
    assert status(ran)[1]["held"] is None


def test_run_with_an_unexpected_error_is_recorded(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        (record,) = Runs(tmp_path).all()
        assert (record.finished_at, record.exit_code) == (None, None)
        raise OSError("No space left on device")

    monkeypatch.setattr("flows.run.stages.ingest", full)
    with pytest.raises(OSError, match="No space left"):
        run_by(clock_of(emulator.ledger), accesses_of(emulator), tmp_path)
    (record,) = Runs(tmp_path).all()
    assert record.exit_code == 2
    assert metrics(tmp_path)["last_run_exit_code"] == {(): 2}


def test_requests_of_older_runs_are_counted(emulator: Emulator, tmp_path: Path) -> None:
    with patch("flows.stores.folder.runs.MOST_RUNS", 1):
        for month in (1, 2, 3):
            began = datetime(2020, month, 1, tzinfo=UTC)
            Runs(tmp_path).write(
                RunRecord(f"2020{month}", began, began, 0, requests=10 * month, retries=month)
            )
        summary = run_by(clock_of(emulator.ledger), accesses_of(emulator), tmp_path)
    found = metrics(tmp_path)
    assert (found["requests_total"][()], found["retries_total"][()]) == (60 + summary.requests, 6)


def test_account_never_read_has_only_its_gaps(emulator: Emulator, tmp_path: Path) -> None:
    support, sales = accesses_of(emulator)
    run_by(clock_of(emulator.ledger), [support, replace(sales, token="wrong")], tmp_path)
    first, second = health(tmp_path, {SUPPORT: "support", SALES: "sales"}, "UTC", NOW).accounts
    assert (first.holes, first.unpriced) == (0, 1)
    assert first.first_day is not None
    # As many days as the other account, which begins earlier.
    assert second.holes == (TODAY - first.first_day).days + 1
    assert (second.newest_day, second.covered_until, second.unsettled) == (None, None, None)
    assert (second.unpriced, second.rejected) == (None, None)
    shown = metrics(tmp_path)
    assert shown["hole_days"] == {(SUPPORT,): 0, (SALES,): second.holes}
    assert shown["coverage_timestamp_seconds"].keys() == shown["unpriced_recordings"].keys() == {(SUPPORT,)}


@pytest.mark.slow
def test_account_that_lags_is_covered_as_far_as_read(emulator: Emulator, ran: Path) -> None:
    support, sales = accesses_of(emulator)
    two_days_on = NOW + timedelta(days=2)
    run_by(lambda: two_days_on, [support, replace(sales, token="wrong")], ran)
    first, second = health(ran, {SUPPORT: "support", SALES: "sales"}, "UTC", two_days_on).accounts
    assert (first.newest_day, first.holes) == (date(2026, 9, 16), 0)
    # Fetches that begin at the same moment are stored a microsecond apart.
    assert first.covered_until is not None
    assert timedelta() <= first.covered_until - two_days_on < timedelta(seconds=1)
    # Only the first hour of its 14th was read, and nothing of its 15th and 16th.
    assert (second.newest_day, second.holes) == (TODAY, 3)
    assert second.covered_until is not None
    assert timedelta() <= second.covered_until - NOW < timedelta(seconds=1)
