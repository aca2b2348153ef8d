"""Data folders of older formats are upgraded from their own pages; those of newer formats are refused."""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import structs
from typer.main import get_command

from flows.command import main as cli
from flows.run.closing import close_month
from flows.run.request import Command, RunContext, RunRequest
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.run.upgrade import upgrade
from flows.stores.folder.data_format import FORMAT, read_format, write_format
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.runs import Runs
from flows.stores.lake.lake import Lake
from flows.stores.lake.usage_records import UsageRecords
from flows.stores.raw.frames import decompress
from flows.stores.raw.raw_pages import RawPages
from tests.support.make_golden_folder import FOLDERS, SALES, SUPPORT, TODAY
from tests.support.runs.ledger_runs import ledger_cells, rows_of, warehouse_cells
from tests.support.runs.living_runs import context_by, epoch_of, instant
from tests.support.samples.raw import lines
from transforms.errors import BusyError, ConfigError, DataError

KEPT = sorted(FOLDERS.glob("format-*"))
NEWEST = FOLDERS / f"format-{FORMAT}"
TRUTH = ("statements", "state")
PAGES = ("raw", "raw_usage")
AUGUST = f"recordings/account_sid={SUPPORT}/created_month=2026-08/recordings.parquet"
CORRECTIONS = f"corrections/account_sid={SUPPORT}/corrections.parquet"
CHANGES = f"changes/account_sid={SUPPORT}/changes.parquet"
REJECTS = f"rejects/account_sid={SUPPORT}/rejects.parquet"
USAGE = f"usage_records/account_sid={SALES}/usage_records.parquet"
WITHOUT_FOLDER = {"demo", "emulator", "init"}
ARGUMENTS = {
    "lake": ["sync"],
    "query": ["select 1"],
    "close": ["2026-08"],
    "explain": ["daily_spend"],
    "holidays": ["DE"],
    "serve": ["--cron", "17 * * * *"],
    "deploy": ["--work-pool", "none"],
}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return copied(NEWEST, tmp_path / "data")


def copied(kept: Path, data_dir: Path) -> Path:
    shutil.copytree(kept / "data", data_dir)
    return data_dir


def context_in(data_dir: Path, **settings: Any) -> RunContext:
    """Return a context without accounts, with a clock stopped on the morning after."""
    context = context_by(lambda: instant(epoch_of(TODAY, 40_000)), [], data_dir, **settings)
    return replace(context, names={SUPPORT: "support", SALES: "sales"})


def brought_up(data_dir: Path, **settings: Any) -> RunSummary:
    """Normalize and build the models; return the summary of the models."""
    context = context_in(data_dir, **settings)
    perform(context, RunRequest("normalize"))
    return perform(context, RunRequest("model"))


def content(folder: Path, *names: str) -> dict[str, bytes]:
    """Return path → bytes of every file in a folder, or in the named folders inside it."""
    files = [
        path
        for name in names or [""]
        for path in (folder / name).rglob("*")
        if path.is_file() and path.parent.name != ".locks"
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def changed(kept: Path, data_dir: Path) -> set[str]:
    """Return the files of a stored folder that are missing or changed."""
    after = content(data_dir)
    return {name for name, before in content(kept / "data").items() if after.get(name) != before}


# The reason of the one reject: the release that wrote the folder has one other word in it than today's.
REASON = re.compile(r'("a fortune") is \w+ number that fits')


def tables(data_dir: Path) -> dict[str, Any]:
    """Read every table that is built from raw pages, with reasons of rejects in today's words."""
    return {
        str(path.relative_to(data_dir)): reworded(pq.ParquetFile(path).read())
        for path in data_dir.rglob("*.parquet")
        if not {"reports", "lake"} & set(path.parts)
    }


def reworded(table: pa.Table) -> pa.Table:
    if "reason" not in table.column_names:
        return table
    reasons = [REASON.sub(r"\1 is not a number that fits", reason) for reason in table["reason"].to_pylist()]
    place = table.column_names.index("reason")
    return table.set_column(place, table.schema.field("reason"), pa.array(reasons, pa.string()))


def without_column(path: Path, column: str) -> None:
    """Remove a column from a file, as if it had not been added yet."""
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


def landed(data_dir: Path) -> dict[str, list[bytes]]:
    """Return the bodies of the pages of each landing, by its name, in the layout of any format."""
    found = {}
    for end in [*data_dir.glob("raw*/*/*/*/manifest.json"), *data_dir.glob("raw*/*/*/*/abandoned.json")]:
        pages = [end.parent / page["file"] for page in json.loads(end.read_bytes())["pages"]]
        found[str(end.parent.relative_to(data_dir))] = [decompress(page.read_bytes()) for page in pages]
    for name, line in lines(data_dir).items():
        folder = data_dir.joinpath(*name.split("/")[:2], "pages")
        pages = [folder / f"{sha256}.json.zst" for sha256, _, _ in line["pages"]]
        found[name] = [decompress(page.read_bytes()) for page in pages]
    return found


def test_every_format_has_a_folder() -> None:
    assert [kept.name for kept in KEPT] == [f"format-{number}" for number in range(2, FORMAT + 1)], (
        "keep a folder of the new format: python -m tests.support.make_golden_folder"
    )


def test_current_format_folder_has_the_current_tables() -> None:
    lake, usage = Lake(NEWEST / "data"), UsageRecords(NEWEST / "data")
    assert lake.accounts() == [SUPPORT, SALES]
    commits = [lake.commit(sid) for sid in lake.accounts()]
    assert all(each and each.is_current and usage.is_current(SALES) for each in commits), (
        "a table has other columns than when this format was made: raise FORMAT and add a step, see CONTRIBUTING.md"
    )


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.name)
def test_upgraded_folder_keeps_its_files_and_figures(kept: Path, tmp_path: Path) -> None:
    data_dir = copied(kept, tmp_path / "data")
    summary = brought_up(data_dir)
    assert (summary.exit_code, summary.holes, summary.unpriced) == (0, 0, 0)
    assert warehouse_cells(data_dir) == right(kept)
    assert sorted(adjusted(data_dir)) == BY_HAND
    assert summary.since is not None
    assert summary.since.is_nothing
    assert landed(data_dir) == landed(kept / "data")
    assert content(data_dir, *TRUTH) == content(kept / "data", *TRUTH)
    assert Runs(data_dir).all() == Runs(kept / "data").all()
    assert {path.suffix for path in (data_dir / "runs").iterdir()} == {".jsonl"}
    if kept == NEWEST:
        assert changed(kept, data_dir) == {"told.json"}  # it contains the time it was written


def test_folder_without_format_file_is_format_1_and_only_marked(data_dir: Path) -> None:
    (data_dir / "format.json").unlink()
    brought_up(data_dir)
    assert changed(NEWEST, data_dir) == {"told.json"}
    assert warehouse_cells(data_dir) == right(NEWEST)


def test_new_folder_has_the_current_format(tmp_path: Path) -> None:
    perform(context_in(tmp_path / "data"), RunRequest("normalize"))
    found = read_format(tmp_path / "data")
    assert found is not None
    assert found.format == FORMAT


def outdate(data_dir: Path) -> None:
    """Leave the lake as a recspend with other columns would have."""
    (data_dir / "format.json").unlink(missing_ok=True)
    lake = Lake(data_dir)
    for sid in lake.accounts():
        commit = lake.commit(sid)
        assert commit
        lake.replace(sid, structs.replace(commit, columns="others"))


def test_lake_with_other_columns_is_rebuilt(data_dir: Path) -> None:
    before = tables(data_dir)
    outdate(data_dir)
    assert upgrade(data_dir)
    assert tables(data_dir) == before
    assert content(data_dir, *PAGES, *TRUTH) == content(NEWEST / "data", *PAGES, *TRUTH)
    assert not upgrade(data_dir)


def test_usage_records_that_lack_a_column_are_rebuilt(data_dir: Path) -> None:
    before = tables(data_dir)
    (data_dir / "format.json").unlink()
    without_column(data_dir / USAGE, "minutes")
    assert "minutes" not in tables(data_dir)[USAGE].column_names
    assert upgrade(data_dir)
    assert tables(data_dir) == before


@pytest.mark.parametrize("kept", KEPT[:-1], ids=lambda kept: kept.name)
def test_upgraded_folder_shows_the_lake_where_it_was(kept: Path, tmp_path: Path) -> None:
    data_dir = copied(kept, tmp_path / "data")
    before = set(tables(kept / "data"))
    upgrade(data_dir)
    assert before <= set(tables(data_dir))
    assert not list(data_dir.glob("recordings/*/*.json"))


@pytest.mark.slow
def test_outdated_warehouse_is_rebuilt_by_the_next_writer(data_dir: Path) -> None:
    brought_up(data_dir, embed_recordings=False)
    outdate(data_dir)
    # Pages that were landed but never normalized must not prevent it.
    shutil.rmtree(data_dir / "recordings" / f"account_sid={SALES}")
    perform(context_in(data_dir, embed_recordings=False), RunRequest("report"))
    assert warehouse_cells(data_dir) == right(NEWEST)
    assert len(rows_of(data_dir, "select call_sid from marts.fct_recordings where call_sid is not null")) == 9


class Killed(BaseException):
    """Stands in for a signal that cannot be caught."""


@pytest.mark.parametrize("apart", [2, pytest.param(1, marks=pytest.mark.slow)])
def test_interrupted_upgrade_is_finished_by_the_next_run(apart: int, tmp_path: Path) -> None:
    interrupted = 0
    for number in count(1, apart):
        data_dir = copied(NEWEST, tmp_path / str(number))
        outdate(data_dir)
        # No file is as it has to be, so that each is put in place again, besides what names it.
        for path in [*Lake(data_dir).folder.rglob("*.parquet"), data_dir / USAGE]:
            without_column(path, "account_sid")
        with killed_at(number), suppress(Killed):
            upgrade(data_dir)
            break
        interrupted += 1
        found = read_format(data_dir)  # killed in the first step or in a later one
        assert found is None or found.upgraded_from == 1
        assert upgrade(data_dir)  # by which the warehouse is built again, also if the lake was rebuilt before
        assert tables(data_dir) == tables(NEWEST / "data")
        assert read_format(data_dir) == read_format(NEWEST / "data")
        assert content(data_dir, *PAGES, *TRUTH) == content(NEWEST / "data", *PAGES, *TRUTH)
        assert all(Lake(data_dir).state(sid) for sid in (SUPPORT, SALES))
    assert interrupted > 15 // apart


@pytest.mark.parametrize("kept", KEPT[:-1], ids=lambda kept: kept.name)
def test_interrupted_move_of_pages_is_finished_by_the_next_run(kept: Path, tmp_path: Path) -> None:
    before = landed(kept / "data")
    whole = copied(kept, tmp_path / "whole")
    upgrade(whole)
    for number in count(1):
        data_dir = copied(kept, tmp_path / str(number))
        complete = next((data_dir / "raw").glob("*/*/*/manifest.json")).parent
        unfinished = complete.with_name("20261003T010000.000000Z")  # the next run continues it
        shutil.copytree(complete, unfinished)
        (unfinished / "manifest.json").unlink()
        with killed_at(number), suppress(Killed):
            upgrade(data_dir)
            break
        upgrade(data_dir)
        assert landed(data_dir) == before
        (left,) = RawPages(data_dir).unfinished(unfinished.parts[-3].partition("=")[2])
        assert left.name == str(unfinished.relative_to(data_dir))
        assert RawPages(data_dir).has_pages(left)
        assert not list(data_dir.glob("raw*/*/*/*/page-*.zst"))
    assert number > 12
    assert landed(whole) == before


class killed_at:  # noqa: N801  reads like a function
    """Kill the block just before the nth file is put in place."""

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


def test_account_that_cannot_be_rebuilt_is_kept_and_reported(data_dir: Path) -> None:
    outdate(data_dir)
    shutil.rmtree(data_dir / "raw" / f"account_sid={SUPPORT}")
    before = content(data_dir)
    with pytest.raises(DataError, match=f"Account {SUPPORT} cannot be rebuilt"):
        upgrade(data_dir)
    marked = {
        "format.json": (data_dir / "format.json").read_bytes()
    }  # an older recspend refuses it from now on
    assert content(data_dir) == before | marked


@pytest.fixture
def newer(data_dir: Path, monkeypatch: pytest.MonkeyPatch, no_settings: None) -> Iterator[Path]:
    """A folder written by a newer recspend. Commands must not change a byte of it, nor of the folder next to it."""
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
    # The doctor prints its findings on standard output.
    is_doctor = command == "doctor"
    (line,) = (printed.out if is_doctor else printed.err).splitlines()
    assert (printed.err if is_doctor else printed.out) == ""
    begins = "fail  settings: " if is_doctor else "Error: "
    assert line.startswith(f"{begins}{newer} has format {FORMAT + 1}, written by recspend 9.9.9")


@pytest.mark.parametrize("command", ["run", "ingest", "normalize", "model", "report"])
def test_lock_holder_refuses_a_folder_that_became_newer(command: Command, data_dir: Path) -> None:
    (data_dir / "format.json").write_text(f'{{"format": {FORMAT + 1}, "recspend": "9.9.9"}}')
    before = content(data_dir)
    with pytest.raises(ConfigError, match="written by recspend 9\\.9\\.9"):
        perform(context_in(data_dir), RunRequest(command))
    with pytest.raises(ConfigError, match="written by recspend 9\\.9\\.9"):
        close_month(context_in(data_dir), "2026-09")
    assert {name: found for name, found in content(data_dir).items() if name != ".lock"} == before


@pytest.mark.builds("marts.daily_spend")
def test_upgrade_needs_the_folder_alone(data_dir: Path) -> None:
    locks, context = DataLocks(data_dir), context_in(data_dir)
    with locks.shared(), locks.at_work_here():
        perform(context, RunRequest("model"))  # the format is current
        write_format(data_dir, upgraded_from=FORMAT - 1)
        with pytest.raises(
            BusyError, match=f"^Another run is writing to {data_dir}: process {os.getpid()}, "
        ):
            perform(context, RunRequest("model"))
        with pytest.raises(BusyError):
            close_month(context, "2026-09")
    perform(context, RunRequest("model"))
    found = read_format(data_dir)
    assert found is not None
    assert (found.format, found.upgraded_from) == (FORMAT, None)
