"""When little or nothing changed, little or nothing is written."""

import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from flows.emulator import Parameters, open_living, serve
from flows.model.coverage import coverage
from flows.model.inputs import landed_tables, views
from flows.run.request import RunRequest
from flows.stores.lake.lake import Lake
from flows.stores.shipped import shipped
from flows.stores.warehouse import filling
from flows.stores.warehouse import warehouse as module
from flows.stores.warehouse.inputs import WarehouseInputs, bytes_of
from flows.stores.warehouse.sql_files import read_models, read_twins
from flows.stores.warehouse.warehouse import Warehouse
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import clock_of, run_by
from tests.support.sql.tables import needed
from transforms.model.models import Check
from transforms.model.options import ModelOptions

TWINS = read_twins(shipped("sql"))
MODELS = needed("marts.last_readings")
RUNS = Check("runs", "runs.sql", "select * from ops.runs", "warn", "Why.")
NEVER = Check("never", "never.sql", "select * from ops.rejects", "fail", "Why.")
FINDS = Check("finds", "finds.sql", "select 7 as number", "warn", "Why.")


TEXTS = {
    name: [column for column, each in twin.columns.items() if each.type == "VARCHAR"]
    for name, twin in TWINS.items()
    if name.startswith("ops.") and name != "ops.checks"
}
REFERENCES = {
    "rate_card": "account_sid,source,channels,currency,valid_from,price_per_minute\n,,,USD,2026-01-01,0.1\n",
    "budgets": "account_sid,valid_from,currency,amount\n,2026-01,USD,7\n",
}


@pytest.fixture
def given() -> WarehouseInputs:
    tables = {name: pa.table({}) for name in TWINS.keys() - {"ops.checks", "landed.recordings"}}
    tables["landed.settings"] = pa.table({"reporting_timezone": ["UTC"]})
    return WarehouseInputs([], tables, TWINS, MODELS, [RUNS, NEVER, FINDS])


@pytest.fixture
def built(tmp_path: Path, given: WarehouseInputs) -> Warehouse:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    warehouse.build(given)
    return warehouse


def seen(built: Warehouse) -> list[tuple[int, int, int]]:
    found = [path.stat() for path in (built.path, built.path.with_suffix(".json"))]
    return [(each.st_ino, each.st_size, each.st_mtime_ns) for each in found]


def of_a_run(given: WarehouseInputs) -> WarehouseInputs:
    return replace(given, tables={**given.tables, "ops.runs": pa.table({"run_id": ["R1"]})})


def test_nothing_is_written_when_nothing_changed(built: Warehouse, given: WarehouseInputs) -> None:
    before = seen(built)
    results = built.build(given)
    assert [(each.check.name, each.offending_rows, each.sample) for each in results] == [
        ("runs", 0, []),
        ("never", 0, []),
        ("finds", 1, ["number=7"]),
    ]
    assert seen(built) == before


def test_only_changed_tables_are_refilled(
    built: Warehouse, given: WarehouseInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    refilled = []
    fill = filling.fill

    def noted(new_file: Path, contents: WarehouseInputs, names: list[str], outdated: list[str]) -> object:
        refilled.append((names, outdated))
        return fill(new_file, contents, names, outdated)

    monkeypatch.setattr(module, "fill", noted)
    results = built.build(of_a_run(given))
    assert refilled == [(["ops.runs"], [])]
    assert [each.offending_rows for each in results] == [1, 0, 1]
    assert built.table("select run_id from ops.runs").to_pylist() == [{"run_id": "R1"}]
    assert [each.offending_rows for each in built.build(given)] == [0, 0, 1]


def test_models_that_read_a_changed_table_are_built_again(
    built: Warehouse, given: WarehouseInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_remove", lambda _: None)  # a whole build begins with it
    day = {"account_sid": "A", "day": date(2026, 9, 1), "fetched_at": datetime(2026, 9, 2, tzinfo=UTC)}
    coverage = pa.Table.from_pylist([day | {"is_covered": True, "recordings": 3}])
    built.build(replace(given, tables={**given.tables, "ops.coverage": coverage}))
    (row,) = built.table("from marts.last_readings").to_pylist()
    assert (row["account_sid"], row["read_at"]) == ("A", day["fetched_at"])


def test_file_does_not_grow_with_each_refresh(built: Warehouse, given: WarehouseInputs) -> None:
    sizes = []
    for number in range(12):
        tables = {
            name: pa.table({column: [f"{number} {place}" for place in range(3_000)] for column in columns})
            for name, columns in TEXTS.items()
        }
        built.build(replace(given, tables={**given.tables, **tables}))
        sizes.append(built.path.stat().st_size)
    assert max(sizes) <= sizes[0] * 1.2


@pytest.mark.slow
def test_refreshed_warehouse_is_like_a_new_one(tmp_path: Path) -> None:
    """Each table is changed in turn, in a warehouse with every model."""
    before, after = living_inputs(tmp_path)
    warehouse, whole = Warehouse(tmp_path / "warehouse.duckdb"), Warehouse(tmp_path / "whole.duckdb")
    warehouse.build(before)
    tables = dict(before.tables)
    for name in sorted(name for name in tables if not tables[name].equals(after.tables[name])):
        tables[name] = after.tables[name]
        warehouse.build(replace(before, tables=tables))
        whole.path.unlink(missing_ok=True)
        whole.build(replace(before, tables=tables))
        for each in (model.name for model in before.models):
            ordered = f"from {each} order by all"
            assert warehouse.table(ordered).equals(whole.table(ordered)), (name, each)


def living_inputs(data_dir: Path) -> tuple[WarehouseInputs, WarehouseInputs]:
    """Return the inputs of the same lake, as they are and with other tables next to it."""
    sql, reference = shipped("sql"), shipped("reference")
    source = open_living(Parameters(seed=3, recordings=400, accounts=2))
    with serve(source) as emulator:
        clock = clock_of(source.ledger)
        run_by(clock, accesses_of(emulator), data_dir, RunRequest("ingest"))
        run_by(clock, accesses_of(emulator), data_dir, RunRequest("normalize"))
    lake, models = Lake(data_dir), read_models(sql)
    files = [file for sid in lake.accounts() for each in lake.files(sid).values() for file in each]
    covered, folder = coverage(data_dir, []), data_dir / "reference"
    folder.mkdir()
    inputs = []
    for zone in ("UTC", "America/New_York"):
        options = ModelOptions(settle_days=90, reporting_timezone=zone)
        tables = landed_tables(data_dir, reference, options, covered)
        are_views = frozenset(views(models, options, covered))
        inputs.append(WarehouseInputs(files, tables, TWINS, models, [], are_views))
        (folder / "rate_card.csv").write_text(
            "account_sid,source,channels,currency,valid_from,price_per_minute\n,,,USD,2026-01-01,0.1\n"
        )
        (folder / "budgets.csv").write_text("account_sid,valid_from,currency,amount\n,2026-01,USD,7\n")
    return inputs[0], inputs[1]


def test_damaged_warehouse_is_rebuilt_when_nothing_changed(built: Warehouse, given: WarehouseInputs) -> None:
    found = built.path.stat()
    built.path.write_bytes(b"\0" * found.st_size)
    os.utime(built.path, ns=(found.st_atime_ns, found.st_mtime_ns))
    built.build(given)
    assert built.table("select 1 as one").to_pylist() == [{"one": 1}]


@pytest.mark.parametrize("is_possible", [True, False])
def test_copy_does_not_depend_on_the_file_system(
    is_possible: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copied(old: int, new: int, size: int) -> int:
        if not is_possible:
            raise OSError
        content = os.read(old, min(size, 100_000))
        return os.write(new, content)

    monkeypatch.setattr(os, "copy_file_range", copied, raising=False)
    path = tmp_path / "old"
    path.write_bytes(os.urandom(250_000))
    module._copy(path, tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == path.read_bytes()


def test_same_rows_are_the_same_bytes_whatever_nulls_hide() -> None:
    left, over = (
        pa.Array.from_buffers(
            pa.int64(), 3, [pa.py_buffer(b"\x05"), pa.array(values, pa.int64()).buffers()[1]]
        )
        for values in ([1, 7, 3], [1, 9, 3])
    )
    first, second = (pa.table({"number": each, "text": [None, "", "a"]}) for each in (left, over))
    assert bytes_of(first) == bytes_of(second)
    others = (
        pa.table({"number": left, "text": ["", None, "a"]}),
        pa.table({"number": [1, 3, None], "text": [None, "", "a"]}),
        first.rename_columns(["number", "word"]),
        first.slice(1),
    )
    assert len({bytes_of(first), *map(bytes_of, others)}) == 5
