"""Generate a lake, or build its warehouse, again, and with more recordings, and print CPU seconds and memory as JSON.

Generating is a process of its own, because it takes more memory than a build.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from flows.stores.shipped import shipped
from flows.stores.warehouse.inputs import WarehouseInputs
from flows.stores.warehouse.sql_files import read_checks, read_models, read_twins
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from tests.benchmarks.marts.generated import OTHER_TABLES, recordings
from tests.benchmarks.measure.memory import peak_bytes
from transforms.model.models import FACT
from transforms.model.wide import LAKE

NEW = 1_000


def main() -> None:
    """Generate or measure. `argv`: data folder, number of recordings, of accounts and of months; or only the folder."""
    data_dir = Path(sys.argv[1])
    if len(sys.argv) > 2:
        _generate(data_dir, *map(int, sys.argv[2:5]))
    else:
        _measure(data_dir)


def _measure(data_dir: Path) -> None:
    twins, models = read_twins(shipped("sql")), read_models(shipped("sql"))
    tables = {name: pa.table({}) for name in twins.keys() - {"ops.checks", LAKE}}
    tables |= {file.stem: pq.read_table(file) for file in (data_dir / "tables").glob("*.parquet")}
    views = [model.name for model in models if model.name.startswith("staging.")] + [FACT]
    files = sorted((data_dir / "lake").rglob("*.parquet"))
    # The checks that compare the lake with what was fetched have nothing to compare it with here.
    checks = [check for check in read_checks(shipped("sql"), models) if "ops." not in check.sql]
    contents = WarehouseInputs(files, tables, twins, models, checks, frozenset(views))
    warehouse = Warehouse(warehouse_path(data_dir))
    seconds = {
        "first": _cpu(lambda: warehouse.build(contents)),
        "nothing new": _cpu(lambda: warehouse.build(contents)),
    }
    _add(files)
    contents = replace(contents, lake_files=sorted((data_dir / "lake").rglob("*.parquet")))
    seconds["new recordings"] = _cpu(lambda: warehouse.build(contents))
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes()}))


def _generate(data_dir: Path, count: int, accounts: int, months: int) -> None:
    """Write the files of the lake, one for each account and month, and the other tables."""
    first = f"timestamptz '2026-09-30T00:00:00Z' - interval {months} months"
    generated = recordings(count, accounts, first="1970-01-01T00:00:00Z", seconds=months * 30.4 * 86400)
    twin = read_twins(shipped("sql"))[LAKE]
    columns = ", ".join(f'cast(null as {column.type}) as "{name}"' for name, column in twin.columns.items())
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'; create schema landed")
        connection.execute(f"create table {LAKE} as select {columns} limit 0")
        connection.execute(f"insert into {LAKE} by name {generated}")
        for name in ("created_at", "first_seen_at", "first_priced_at", "deleted_at"):
            connection.execute(
                f"update {LAKE} set {name} = {name} + ({first} - timestamptz '1970-01-01T00:00:00Z')"
            )
        connection.execute(
            f"copy (select *, account_sid as a, strftime(created_at, '%Y-%m') as m from {LAKE} order by m, a) "
            f"to '{data_dir / 'made'}' (format parquet, partition_by (a, m))"
        )
        others = {name: connection.sql(sql).to_arrow_table() for name, sql in OTHER_TABLES.items()}
        others["landed.accounts"] = connection.sql(
            f"select distinct account_sid, account_sid as account_name from {LAKE}"
        ).to_arrow_table()
    for file in (data_dir / "made").rglob("*.parquet"):
        account, month = (folder.name.partition("=")[2] for folder in (file.parents[1], file.parent))
        _name(file, data_dir / "lake" / f"account_sid={account}", month)
    (data_dir / "tables").mkdir()
    for name, rows in others.items():
        pq.write_table(rows, data_dir / "tables" / f"{name}.parquet")


def _add(files: list[Path]) -> None:
    """Add recordings to the newest month of up to ten accounts."""
    newest = max(file.name[:7] for file in files)
    chosen = [file for file in files if file.name.startswith(newest)][:10]
    with duckdb.connect() as connection:
        for file in chosen:
            partial = file.with_suffix(".new")
            connection.execute(
                f"copy (from '{file}' union all select * replace ('new' || recording_sid as recording_sid) "
                f"from (from '{file}' limit {NEW // len(chosen)})) to '{partial}' (format parquet)"
            )
            file.unlink()
            _name(partial, file.parent, newest)


def _name(file: Path, folder: Path, month: str) -> None:
    """Move a file to where the lake has it, under the name of its content."""
    folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    file.rename(folder / f"{month}-{digest[:32]}.parquet")


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
