"""When little or nothing changed, little or nothing is written."""

import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from flows.stores.shipped import shipped
from flows.stores.warehouse import filling
from flows.stores.warehouse import warehouse as module
from flows.stores.warehouse.inputs import WarehouseInputs
from flows.stores.warehouse.sql_files import read_twins
from flows.stores.warehouse.warehouse import Warehouse
from tests.support.sql.tables import needed
from transforms.model.models import Check

TWINS = read_twins(shipped("sql"))
MODELS = needed("marts.last_readings")
RUNS = Check("runs", "runs.sql", "select * from ops.runs", "warn", "Why.")
NEVER = Check("never", "never.sql", "select * from ops.rejects", "fail", "Why.")
FINDS = Check("finds", "finds.sql", "select 7 as number", "warn", "Why.")


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

    def noted(new_file: Path, contents: WarehouseInputs, names: list[str]) -> object:
        refilled.append(names)
        return fill(new_file, contents, names)

    monkeypatch.setattr(module, "fill", noted)
    results = built.build(of_a_run(given))
    assert refilled == [["ops.runs"]]
    assert [each.offending_rows for each in results] == [1, 0, 1]
    assert built.table("select run_id from ops.runs").to_pylist() == [{"run_id": "R1"}]
    assert [each.offending_rows for each in built.build(given)] == [0, 0, 1]


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
