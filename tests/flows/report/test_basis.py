"""When a set of reports is rebuilt, and when it is not."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from flows.emulator import Emulator, Parameters, open_ledger, serve
from flows.report.basis import NOT_IN_MODELS, basis
from flows.report.exports import FOCUS
from flows.report.files import Content, Contents, rendered
from flows.report.formats import FileFormat
from flows.report.report import report
from flows.stores.shipped import shipped
from flows.stores.warehouse.sql_files import read_models, read_twins
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from tests.support.runs.ledger_runs import run_against
from transforms.model.models import reads_of, references
from transforms.report.text import to_csv

SQL = shipped("sql")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with serve(open_ledger(Parameters(7, 300, 2), tmp_path_factory.mktemp("rendered"))) as running:
        yield running


@pytest.fixture
def data_dir(emulator: Emulator, tmp_path: Path) -> Path:
    run_against(emulator, tmp_path, date(2026, 8, 1), date(2026, 8, 20))
    return tmp_path


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[FileFormat]:
    """Collect the formats that were rendered so far."""
    found: list[FileFormat] = []

    def watched(
        tables: Mapping[str, pa.Table], file_format: FileFormat, content: Content
    ) -> tuple[dict[str, bytes], Contents]:
        found.append(file_format)
        return rendered(tables, file_format, content)

    monkeypatch.setattr("flows.report.report.rendered", watched)
    return found


def is_made_again(data_dir: Path, made: list[FileFormat]) -> bool:
    made.clear()
    report(data_dir, SQL, with_page=False)
    return bool(made)


def test_reports_of_an_unchanged_warehouse_are_not_rebuilt(data_dir: Path, made: list[FileFormat]) -> None:
    (data_dir / "reports.json").unlink()
    first = report(data_dir, SQL, with_page=False)
    assert not is_made_again(data_dir, made)
    again = report(data_dir, SQL, with_page=False)
    assert (set(again.files), again.left_out, again.written) == (set(first.files), first.left_out, 0)
    assert first.left_out.unpriced > 0


def test_only_files_with_other_rows_are_made_again(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report(data_dir, SQL, with_page=False)
    lost, stays = (data_dir / "reports" / f"{name}.csv" for name in ("spend_by_source", "spend_by_account"))
    right, file = lost.read_bytes(), stays.stat()
    made: list[pa.Table] = []

    def watched(table: pa.Table) -> str:
        made.append(table)
        return to_csv(table)

    monkeypatch.setattr("flows.report.files.to_csv", watched)
    lost.unlink()
    report(data_dir, SQL, with_page=False)
    assert len(made) == 1
    assert lost.read_bytes() == right
    assert (stays.stat().st_ino, stays.stat().st_mtime_ns) == (file.st_ino, file.st_mtime_ns)
    # What is as it was, but not as it was written, is not taken over.
    stays.write_bytes(b"spoilt")
    report(data_dir, SQL, with_page=False)
    assert len(made) == 2
    assert stays.read_bytes() != b"spoilt"


def test_damaged_manifest_is_written_again(data_dir: Path) -> None:
    path = data_dir / "reports" / "manifest.json"
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"\xff", b"{}", whole.replace(b'"file"', b'"filf"')):
        path.write_bytes(damaged)
        report(data_dir, SQL, with_page=False)
        assert path.read_bytes() == whole


@pytest.mark.slow
def test_reports_are_rebuilt_after_a_run_that_reads_more(
    emulator: Emulator, data_dir: Path, made: list[FileFormat]
) -> None:
    run_against(emulator, data_dir, date(2026, 8, 1), date(2026, 8, 20))
    assert made == []
    run_against(emulator, data_dir, date(2026, 8, 22), date(2026, 8, 22))
    assert made == [FileFormat.CSV]


def test_changed_or_deleted_report_files_are_restored(data_dir: Path, made: list[FileFormat]) -> None:
    report(data_dir, SQL, with_page=False)
    table, manifest = (data_dir / "reports" / name for name in ("spend_by_source.csv", "manifest.json"))
    right = table.read_bytes(), manifest.read_bytes()
    for spoil in (
        table.unlink,
        manifest.unlink,
        lambda: table.write_bytes(right[0] + b"more"),
        lambda: manifest.write_bytes(right[1].replace(b"USD", b"EUR")),
    ):
        spoil()
        assert is_made_again(data_dir, made)
        assert (table.read_bytes(), manifest.read_bytes()) == right
        assert not is_made_again(data_dir, made)


@pytest.mark.slow
def test_reports_are_rebuilt_if_format_code_or_warehouse_changes(
    data_dir: Path, made: list[FileFormat], tmp_path_factory: pytest.TempPathFactory
) -> None:
    report(data_dir, SQL, with_page=False)
    warehouse = Warehouse(warehouse_path(data_dir))
    before = basis(warehouse, SQL, ["csv"])
    assert before == basis(warehouse, SQL, ["csv"])
    assert before != basis(warehouse, SQL, ["csv", "xlsx"])
    assert before != basis(warehouse, tmp_path_factory.mktemp("other"), ["csv"])
    for table in NOT_IN_MODELS:
        with duckdb.connect(str(warehouse.path)) as connection:
            connection.execute(f"delete from ops.{table}")
        assert basis(warehouse, SQL, ["csv"]) is None
    assert is_made_again(data_dir, made)
    assert is_made_again(data_dir, made), "it is not known what the warehouse was made of"


def test_basis_covers_everything_the_reports_read() -> None:
    models = read_models(SQL)
    known = {model.name for model in models} | {name for names in reads_of(models).values() for name in names}
    known |= {f"ops.{table}" for table in NOT_IN_MODELS}
    twins = read_twins(SQL)
    read = {
        name
        for folder in ("queries/page", "reports", "presets")
        for path in (SQL / folder).rglob("*.sql")
        for name in references(path.read_text("utf-8"), str(path))
    }
    assert read - known == {FOCUS}
    assert read & twins.keys()
