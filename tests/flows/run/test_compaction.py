"""Packing in a data folder: by itself once a day, and on request; what is made from the pages stays the same."""

import json
import os
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from flows.command.main import app
from flows.model.coverage import coverage
from flows.model.second_look.comparison import compare_all
from flows.normalize.normalize import normalize_account
from flows.run.compaction import compact_now
from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform
from flows.stores.folder.data_format import FORMAT
from flows.stores.folder.data_locks import DataLocks
from flows.stores.lake.usage_records import raw_usage
from flows.stores.raw.raw_pages import RawPages
from tests.support.faults.flushes import watched_flushes
from tests.support.make_golden_folder import FOLDERS, SALES, SUPPORT
from tests.support.runs.living_runs import context_by
from transforms.errors import BusyError, DataError

LATER = datetime(2026, 12, 1, 3, tzinfo=UTC)
"""All pages of the folder were landed in October."""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    shutil.copytree(FOLDERS / f"format-{FORMAT}" / "data", tmp_path / "data")
    return tmp_path / "data"


def context_at(now: datetime, data_dir: Path, **settings: Any) -> RunContext:
    context = context_by(lambda: now, [], data_dir, **settings)
    return replace(context, names={SUPPORT: "support", SALES: "sales"})


def landed(data_dir: Path) -> dict[str, bytes]:
    """Return the body of each page by its name, of all accounts and lists."""
    return {
        page.name: page.body
        for raw in (RawPages(data_dir), raw_usage(data_dir))
        for sid in raw.accounts()
        for landing in raw.readable(sid)
        for page in raw.pages(landing)
    }


def loose(data_dir: Path) -> list[Path]:
    """Return the pages and journals that are not packed."""
    return [*data_dir.glob("raw*/*/pages/*"), *data_dir.glob("raw*/*/journal/*")]


def tables(data_dir: Path) -> dict[str, Any]:
    return {
        str(path.relative_to(data_dir)): pq.ParquetFile(path).read()
        for path in data_dir.rglob("*.parquet")
        if not {"reports", "lake"} & set(path.parts)  # files of the lake are named by their content
    }


def test_packed_pages_are_the_same_and_so_is_a_lake_made_of_them(data_dir: Path) -> None:
    pages, before, files = landed(data_dir), tables(data_dir), len(loose(data_dir))
    summary = compact_now(context_at(LATER, data_dir))
    assert (summary.failed, summary.done.files_before) == ([], files)
    assert loose(data_dir) == []
    assert landed(data_dir) == pages
    for sid in (SUPPORT, SALES):
        normalize_account(data_dir, sid, rebuild=True)
    assert tables(data_dir) == before
    assert compact_now(context_at(LATER, data_dir)).done.files_before == 0


def test_packs_are_on_disk_before_anything_goes(data_dir: Path) -> None:
    with watched_flushes() as seen:
        compact_now(context_at(LATER, data_dir))
    assert {path.name for path in seen.renames} == {"2026-10.arrow", "compacted.json"}
    assert (seen.unsafe, seen.pending) == ([], set())


@pytest.fixture
def dropped(data_dir: Path) -> Path:
    """Return the folder after its superseded pages were dropped."""
    assert compact_now(context_at(LATER, data_dir, raw_keep="latest")).failed == []
    assert [each for sid in (SUPPORT, SALES) for each in RawPages(data_dir).dropped(sid)]
    return data_dir


@pytest.mark.builds("marts.daily_spend", "marts.fct_recordings")
def test_explain_says_which_pages_were_dropped(
    dropped: Path, monkeypatch: pytest.MonkeyPatch, no_settings: None
) -> None:
    perform(context_at(LATER, dropped), RunRequest("model"))
    monkeypatch.setenv("RECSPEND_DATA_DIR", str(dropped))
    found = CliRunner().invoke(app, ["explain", "fct_recordings"])
    assert found.exit_code == 0
    said = re.compile(
        r"NOT VERIFIABLE: raw/account_sid=.*; (\d) recordings come from it\. "
        r"It was dropped on 2026-12-01, because raw_keep was latest\."
    )
    lost = sum(int(match[1]) for line in found.stderr.splitlines() if (match := said.fullmatch(line)))
    assert lost > 0
    assert f"{9 - lost} of 9 recordings were verified" in found.stdout
    assert f"{lost} cannot be, because their pages were dropped." in found.stdout


@pytest.mark.builds("marts.daily_spend")
def test_lake_still_agrees_with_the_pages_that_count(dropped: Path) -> None:
    context = context_at(LATER, dropped)
    rows = compare_all(dropped, coverage(dropped, context.names))
    assert {row["field"]: row["differing"] for row in rows if row["differing"]} == {}
    assert sum(row["compared"] for row in rows if row["field"] == "recording") >= 8
    assert perform(context, RunRequest("model")).exit_code == 0


def test_nothing_is_rebuilt_without_the_pages_that_were_dropped(dropped: Path) -> None:
    before = tables(dropped)
    without_pages = [sid for sid in (SUPPORT, SALES) if RawPages(dropped).dropped(sid)]
    assert SUPPORT in without_pages
    for sid in without_pages:
        with pytest.raises(
            DataError, match=rf"{sid} cannot be rebuilt: \d of its raw pages were dropped since 2026"
        ):
            normalize_account(dropped, sid, rebuild=True)
    assert tables(dropped) == before
    (usage,) = dropped.glob("usage_records/*/*.parquet")
    usage.write_bytes(usage.read_bytes()[:-9])
    with pytest.raises(DataError, match=rf"{usage} cannot be rebuilt: 1 of its raw pages were dropped"):
        normalize_account(dropped, SALES)
    (dropped / "lake" / f"account_sid={SUPPORT}" / "commit.json").unlink()
    with pytest.raises(DataError, match=r"because raw_keep was latest\. Only they say .* from a backup\.$"):
        normalize_account(dropped, SUPPORT)


@pytest.mark.parametrize(("after", "is_packed"), [(59, True), (61, False)])
def test_pages_are_packed_after_the_days_of_the_setting(after: int, is_packed: bool, data_dir: Path) -> None:
    compact_now(context_at(LATER, data_dir, pack_after_days=after))
    assert (loose(data_dir) == []) == is_packed


@pytest.mark.builds("marts.daily_spend")
def test_run_packs_once_a_day(data_dir: Path) -> None:
    early = datetime(2026, 11, 1, 12, tzinfo=UTC)
    kept = loose(data_dir)
    hours = {0: True, 23: True, 24: False}
    for hour, is_kept in hours.items():
        after = 31 if hour == 0 else 7
        perform(context_at(early + timedelta(hours=hour), data_dir, pack_after_days=after), RunRequest())
        assert loose(data_dir) == (kept if is_kept else [])


@pytest.mark.builds("marts.daily_spend")
def test_stamp_of_the_future_or_damaged_does_not_stop_packing(data_dir: Path) -> None:
    for number, stamp in enumerate((b'{"compacted_at": "2999-01-01T00:00:00Z"}', b"\xff")):
        (data_dir / "state" / "compacted.json").write_bytes(stamp)
        perform(context_at(LATER + timedelta(hours=number), data_dir), RunRequest())
        assert str(LATER.date()) in (data_dir / "state" / "compacted.json").read_text()


@pytest.mark.builds("marts.daily_spend")
@pytest.mark.parametrize("command", ["normalize", "ingest"])
def test_single_stage_packs_nothing(command: Any, data_dir: Path) -> None:
    perform(context_at(LATER, data_dir), RunRequest(command))
    assert loose(data_dir)


def damaged(data_dir: Path) -> Path:
    """Damage the journal of an account, and return it."""
    (journal,) = (data_dir / "raw" / f"account_sid={SALES}" / "journal").iterdir()
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0].replace(b"first", b"worst") + b"".join(lines[1:]))
    return journal


def test_damaged_account_does_not_stop_the_others(data_dir: Path) -> None:
    journal = damaged(data_dir)
    (reason,) = compact_now(context_at(LATER, data_dir)).failed
    assert reason.startswith(f"Line 1 of {journal} is damaged.")
    assert {path.parents[1] for path in loose(data_dir)} == {journal.parents[1]}


@pytest.mark.builds("marts.daily_spend")
def test_run_warns_when_packing_fails(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flows.run.compaction.compact", full)
    monkeypatch.setattr("flows.run.compaction.write_whole", full)
    assert perform(context_at(LATER, data_dir), RunRequest()).exit_code == 0
    assert "Could not pack older raw pages: [Errno 28] No space left on device" in caplog.text


def test_packing_waits_for_no_build(data_dir: Path) -> None:
    with DataLocks(data_dir).warehouse(), pytest.raises(BusyError, match="is building the tables"):
        compact_now(context_at(LATER, data_dir))


def test_packing_leaves_an_account_that_another_run_has(data_dir: Path) -> None:
    with DataLocks(data_dir).account(SUPPORT, "support", ""):
        summary = compact_now(context_at(LATER, data_dir))
    assert summary.failed == []
    assert {SUPPORT in str(path) for path in loose(data_dir)} == {True}
    said = f"Account support: another run is working on it: process {os.getpid()}, since "
    assert all(reason.startswith(said) for reason in summary.busy)
    assert compact_now(context_at(LATER, data_dir)).busy == []
    assert loose(data_dir) == []


@pytest.fixture
def command(data_dir: Path, monkeypatch: pytest.MonkeyPatch, no_settings: None) -> Any:
    """Run `recspend compact` in the folder, some months later."""
    monkeypatch.setattr("flows.run.request.context_of", lambda _: context_at(LATER, data_dir))
    return lambda *options: CliRunner().invoke(app, ["compact", *options])


def test_command_prints_what_was_packed(command: Any, data_dir: Path) -> None:
    count = len(loose(data_dir))
    found = command()
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.startswith(f"{count} files became 3, ")
    assert command().stdout == "There is nothing to pack.\n"


def test_command_prints_json_and_what_is_damaged(command: Any, data_dir: Path) -> None:
    journal = damaged(data_dir)
    found = command("--json")
    assert found.exit_code == 2
    assert found.stderr.startswith(f"Error: Line 1 of {journal} is damaged.")
    printed = json.loads(found.stdout)
    assert printed.keys() == {"files_before", "files_after", "bytes_before", "bytes_after", "failed", "busy"}
    assert (printed["files_after"], len(printed["failed"])) == (2, 1)
