"""Data folders of older formats are upgraded out of their own pages, those of newer ones refused."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest
from typer.main import get_command

from flows.command import main as cli
from flows.run.closing import close_month
from flows.run.request import Command, RunContext, RunRequest
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.run.upgrade import STEPS, upgrade
from flows.stores.folder.data_format import FORMAT, read_format
from flows.stores.lake.lake import Lake
from flows.stores.lake.usage_records import UsageRecords
from tests.support.make_golden_folder import FOLDERS, SALES, SUPPORT, TODAY
from tests.support.runs.ledger_runs import ledger_cells, rows_of, warehouse_cells
from tests.support.runs.living_runs import epoch_of, instant, work_by
from transforms.errors import ConfigError, DataError

KEPT = sorted(FOLDERS.glob("format-*"))
NEWEST = FOLDERS / f"format-{FORMAT}"
TRUTH = ("raw", "raw_usage", "statements", "runs", "state")
AUGUST = f"recordings/account_sid={SUPPORT}/created_month=2026-08/recordings.parquet"
CORRECTIONS = f"corrections/account_sid={SUPPORT}/corrections.parquet"
CHANGES = f"changes/account_sid={SUPPORT}/changes.parquet"
REJECTS = f"rejects/account_sid={SUPPORT}/rejects.parquet"
USAGE = f"usage_records/account_sid={SALES}/usage_records.parquet"
WITHOUT_FOLDER = {"demo", "emulator", "init"}
ARGUMENTS = {
    "query": ["select 1"],
    "close": ["2026-08"],
    "explain": ["daily_spend"],
    "serve": ["--cron", "17 * * * *"],
    "deploy": ["--work-pool", "none"],
}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return copied(NEWEST, tmp_path / "data")


def copied(kept: Path, data_dir: Path) -> Path:
    shutil.copytree(kept / "data", data_dir)
    return data_dir


def work_in(data_dir: Path, **settings: Any) -> RunContext:
    """Work that asks no API, by a clock that stands at the morning after."""
    work = work_by(lambda: instant(epoch_of(TODAY, 40_000)), [], data_dir, **settings)
    return replace(work, names={SUPPORT: "support", SALES: "sales"})


def brought_up(data_dir: Path, **settings: Any) -> RunSummary:
    """Everything but the API: what building the models came to."""
    work = work_in(data_dir, **settings)
    perform(work, RunRequest("normalize"))
    return perform(work, RunRequest("model"))


def content(folder: Path, *names: str) -> dict[str, bytes]:
    """Every file below a folder, or below these folders in it, byte for byte."""
    files = [path for name in names or [""] for path in (folder / name).rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def changed(kept: Path, data_dir: Path) -> set[str]:
    """The files of a kept folder that are gone, or other than before."""
    after = content(data_dir)
    return {name for name, before in content(kept / "data").items() if after.get(name) != before}


def tables(data_dir: Path) -> dict[str, Any]:
    """Every table that is made of raw pages."""
    return {
        str(path.relative_to(data_dir)): pq.ParquetFile(path).read()
        for path in data_dir.rglob("*.parquet")
        if "reports" not in path.parts
    }


def without_column(path: Path, column: str) -> None:
    """The file as it was before the column was added."""
    pq.write_table(pq.ParquetFile(path).read().drop_columns(column), path)


def right(kept: Path) -> Any:
    return ledger_cells({"accounts": [], "cells": json.loads((kept / "ledger.json").read_bytes())})


def adjusted(data_dir: Path) -> list[tuple[Any, ...]]:
    found = rows_of(
        data_dir,
        "select month, month_found, currency, kind, recordings_change, cost_change from marts.adjustments",
    )
    return [tuple(row.values()) for row in found]


BY_HAND = [
    (date(2026, 8, 1), date(2026, 10, 1), "USD", "correction", 0, Decimal("0.05")),
    (date(2026, 8, 1), date(2026, 10, 1), "USD", "late price", 1, Decimal("0.4")),
    (date(2026, 8, 1), date(2026, 10, 1), "XXX", "late price", -1, Decimal(0)),
]


def test_there_is_a_step_from_each_format_and_a_folder_of_each() -> None:
    assert sorted(STEPS) == list(range(1, FORMAT))
    assert [kept.name for kept in KEPT] == [f"format-{number}" for number in range(2, FORMAT + 1)], (
        "keep a folder of the new format: python -m tests.support.make_golden_folder"
    )


def test_the_folder_of_this_format_has_the_tables_of_today() -> None:
    lake, usage = Lake(NEWEST / "data"), UsageRecords(NEWEST / "data")
    assert lake.accounts() == [SUPPORT, SALES]
    assert all(lake.is_current(sid) and usage.is_current(sid) for sid in lake.accounts()), (
        "a table has other columns than when this format was made: raise FORMAT and add a step, see CONTRIBUTING.md"
    )


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.name)
def test_a_kept_folder_gives_the_figures_of_the_ledger_and_stays_as_it_is(kept: Path, tmp_path: Path) -> None:
    data_dir = copied(kept, tmp_path / "data")
    summary = brought_up(data_dir)
    assert (summary.exit_code, summary.holes, summary.unpriced) == (0, 0, 0)
    assert warehouse_cells(data_dir) == right(kept)
    assert sorted(adjusted(data_dir)) == BY_HAND
    assert summary.since is not None
    assert summary.since.is_nothing
    assert content(data_dir, *TRUTH) == content(kept / "data", *TRUTH)
    if kept == NEWEST:
        assert changed(kept, data_dir) == {"told.json"}  # it says when


def test_without_its_file_a_folder_is_of_format_1_and_is_only_stamped(data_dir: Path) -> None:
    (data_dir / "format.json").unlink()
    brought_up(data_dir)
    assert changed(NEWEST, data_dir) == {"told.json"}
    assert warehouse_cells(data_dir) == right(NEWEST)


def test_a_new_folder_has_the_format_of_today_at_once(tmp_path: Path) -> None:
    perform(work_in(tmp_path / "data"), RunRequest("normalize"))
    found = read_format(tmp_path / "data")
    assert found is not None
    assert found.format == FORMAT


@pytest.mark.parametrize(
    ("path", "column"),
    [
        (AUGUST, "error_code"),
        (CORRECTIONS, "seen_at"),
        (CHANGES, "price_before"),
        (REJECTS, "reason"),
        (USAGE, "minutes"),
    ],
)
def test_a_table_that_lacks_a_column_of_today_is_built_anew(path: str, column: str, data_dir: Path) -> None:
    before = tables(data_dir)
    (data_dir / "format.json").unlink()
    without_column(data_dir / path, column)
    assert column not in tables(data_dir)[path].column_names
    assert upgrade(data_dir)
    assert tables(data_dir) == before
    assert content(data_dir, *TRUTH) == content(NEWEST / "data", *TRUTH)
    assert not (data_dir / ".rebuild").exists()
    assert not upgrade(data_dir)


@pytest.mark.slow
def test_a_warehouse_over_outdated_tables_is_built_anew_by_whatever_writes_next(data_dir: Path) -> None:
    brought_up(data_dir, embed_recordings=False)
    (data_dir / "format.json").unlink()
    for path in Lake(data_dir).folder.rglob("*.parquet"):
        without_column(path, "call_sid")
    # What was landed and never normalized must not be in the way.
    shutil.rmtree(data_dir / "recordings" / f"account_sid={SALES}")
    perform(work_in(data_dir, embed_recordings=False), RunRequest("report"))
    assert warehouse_cells(data_dir) == right(NEWEST)
    assert len(rows_of(data_dir, "select call_sid from marts.fct_recordings where call_sid is not null")) == 9


def test_a_column_of_another_type_or_one_too_many_is_noticed(data_dir: Path) -> None:
    (data_dir / "format.json").unlink()
    path, before = data_dir / AUGUST, tables(data_dir)
    table = before[AUGUST]
    for other in (
        table.append_column("more", table["source"]),
        table.set_column(
            table.schema.get_field_index("channels"), "channels", table["channels"].cast("int64")
        ),
    ):
        pq.write_table(other, path)
        (data_dir / "format.json").unlink(missing_ok=True)
        assert upgrade(data_dir)
        assert tables(data_dir) == before


class Killed(BaseException):
    """In the place of a signal that nobody can catch."""


@pytest.mark.parametrize("apart", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_an_upgrade_that_is_broken_off_anywhere_is_finished_by_the_next_run(
    apart: int, tmp_path: Path
) -> None:
    broken_off = 0
    for number in range(1, 100, apart):
        data_dir = copied(NEWEST, tmp_path / str(number))
        (data_dir / "format.json").unlink()
        for path in [*Lake(data_dir).folder.rglob("*.parquet"), data_dir / CHANGES, data_dir / USAGE]:
            without_column(path, "account_sid")
        with killed_at(number), suppress(Killed):
            upgrade(data_dir)
            break
        broken_off += 1
        assert read_format(data_dir) is None
        upgrade(data_dir)
        assert tables(data_dir) == tables(NEWEST / "data")
        assert read_format(data_dir) == read_format(NEWEST / "data")
        assert content(data_dir, *TRUTH) == content(NEWEST / "data", *TRUTH)
        assert Lake(data_dir).state(SUPPORT) is not None
    assert broken_off > 15 // apart


class killed_at:  # noqa: N801  reads like a function
    """The block is killed just before a file takes its place for the nth time."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __enter__(self) -> None:
        real = Path.replace

        def replace_or_die(path: Path, target: Path) -> Path:
            self.left -= 1
            if self.left == 0:
                raise Killed
            return real(path, target)

        self.patched = patch.object(Path, "replace", replace_or_die)
        self.patched.start()

    def __exit__(self, *_: object) -> None:
        self.patched.stop()


def test_what_cannot_be_built_anew_is_left_alone_and_told(data_dir: Path) -> None:
    (data_dir / "format.json").unlink()
    without_column(data_dir / AUGUST, "error_code")
    shutil.rmtree(data_dir / "raw" / f"account_sid={SUPPORT}")
    before = content(data_dir)
    with pytest.raises(DataError, match=f"account {SUPPORT} was written by an older recspend"):
        upgrade(data_dir)
    assert content(data_dir) == before


@pytest.fixture
def newer(data_dir: Path, monkeypatch: pytest.MonkeyPatch, no_settings: None) -> Iterator[Path]:
    """A folder that a newer recspend wrote; a command must leave every byte of it, and the next folder too."""
    (data_dir / "format.json").write_text(f'{{"format": {FORMAT + 1}, "recspend": "9.9.9", "new": true}}\n')
    monkeypatch.chdir(data_dir.parent)
    monkeypatch.setenv("RECSPEND_DATA_DIR", str(data_dir))
    monkeypatch.setenv("RECSPEND_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("RECSPEND_ACCOUNT_SID", SUPPORT)
    monkeypatch.setenv("RECSPEND_API_TOKEN", "PTtest")
    before = content(data_dir)
    yield data_dir
    assert content(data_dir.parent) == {f"data/{name}": found for name, found in before.items()}


@pytest.mark.parametrize("command", sorted(get_command(cli.app).commands.keys() - WITHOUT_FOLDER))  # type: ignore[attr-defined]
def test_every_command_refuses_a_newer_folder(
    command: str, newer: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["recspend", command, *ARGUMENTS.get(command, [])])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert ended.value.code == 2
    # What the doctor finds is what it prints.
    is_doctor = command == "doctor"
    (line,) = (printed.out if is_doctor else printed.err).splitlines()
    assert (printed.err if is_doctor else printed.out) == ""
    begins = "broken       settings: " if is_doctor else "Error: "
    assert line.startswith(f"{begins}{newer} is in format {FORMAT + 1}, written by recspend 9.9.9")


@pytest.mark.parametrize("command", ["run", "ingest", "normalize", "model", "report"])
def test_a_folder_that_became_newer_meanwhile_is_refused_by_who_holds_it(
    command: Command, data_dir: Path
) -> None:
    (data_dir / "format.json").write_text(f'{{"format": {FORMAT + 1}, "recspend": "9.9.9"}}')
    before = content(data_dir)
    with pytest.raises(ConfigError, match="written by recspend 9\\.9\\.9"):
        perform(work_in(data_dir), RunRequest(command))
    with pytest.raises(ConfigError, match="written by recspend 9\\.9\\.9"):
        close_month(work_in(data_dir), "2026-09")
    assert {name: found for name, found in content(data_dir).items() if name != ".lock"} == before
