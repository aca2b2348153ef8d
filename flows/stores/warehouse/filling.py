"""Fill a warehouse file: the landed tables, the models in their order, and the results of the checks.

Every table is compared with its twin, column by column.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from flows.stores.warehouse.checks import CheckResult, check_table, run_check
from flows.stores.warehouse.inputs import WarehouseInputs
from flows.stores.warehouse.memory import enough_memory, limit_memory
from flows.stores.warehouse.reading import CONFIG
from flows.stores.warehouse.sql_files import query
from transforms.errors import ModelError
from transforms.model.ddl import create_table, quoted
from transforms.model.models import Model, Twin, build_order, drift

CANNOT_WRITE = "Could not write file"
"""As DuckDB says that there is no room, or that a quota or a limit is reached."""
_SCHEMAS = ("landed", "staging", "marts", "ops")
# Analysts use DuckDB 1.x, which cannot open files in the newest format.
_STORAGE_VERSION = "v1.5.0"


def fill(
    new_file: Path, contents: WarehouseInputs, reads: Collection[str] | None = None
) -> list[CheckResult]:
    """Build everything in a new file, and run the checks.

    reads: the file is a copy whose models are up to date and read these tables. Only the other tables are refilled, and
    only the checks that read those tables or found something before are run again.

    Raises ModelError if a model cannot be built or does not match its twin, ConfigError if DuckDB has too little memory
    for it, duckdb.Error if the file cannot be read or written.
    """
    config = {**CONFIG, "storage_compatibility_version": _STORAGE_VERSION}
    with duckdb.connect(str(new_file), config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        limit_memory(connection)
        known = set[str]() if reads is None else _refresh(connection, contents, reads)
        if reads is None:
            _build_all(connection, contents)
        results = [
            CheckResult(check, 0, []) if check.name in known else run_check(connection, check)
            for check in contents.checks
        ]
        _insert(connection, "ops.checks", contents.twins["ops.checks"], check_table(results))
        connection.execute("checkpoint")
    return results


def _build_all(connection: duckdb.DuckDBPyConnection, contents: WarehouseInputs) -> None:
    for schema in _SCHEMAS:
        connection.execute(f"create schema {schema}")
    with _together(connection):
        _land(connection, contents)
        for name, rows in contents.tables.items():
            _insert(connection, name, contents.twins[name], rows)
    for model in build_order(contents.models, given=contents.twins.keys()):
        _build_model(connection, model, is_view=model.name in contents.views)
    with _together(connection):
        for model in contents.models:
            _describe(connection, model.name, model.twin, is_view=model.name in contents.views)


def _refresh(
    connection: duckdb.DuckDBPyConnection, contents: WarehouseInputs, reads: Collection[str]
) -> set[str]:
    """Refill the tables that no model reads; return the checks that passed and read none of those tables."""
    refilled = sorted(contents.tables.keys() - set(reads))
    passed = {row[0] for row in connection.execute(query("model/passed_checks")).fetchall()}
    with _together(connection):
        connection.execute("drop table ops.checks")
        for name in refilled:
            connection.execute(f"drop table {name}")
            _insert(connection, name, contents.twins[name], contents.tables[name])
    # A SELECT that reads a table contains its full name.
    return passed - {check.name for check in contents.checks if any(name in check.sql for name in refilled)}


def _land(connection: duckdb.DuckDBPyConnection, contents: WarehouseInputs) -> None:
    lake_twin = contents.twins["landed.recordings"]
    if contents.lake_files:
        files = ", ".join(quoted(str(file.resolve())) for file in contents.lake_files)
        connection.execute(
            f"create view landed.recordings as select * from read_parquet([{files}], hive_partitioning = false)"  # noqa: S608
        )
    else:
        connection.execute(create_table("landed.recordings", lake_twin))
    _refuse_drift(connection, "landed.recordings", lake_twin)
    _describe(connection, "landed.recordings", lake_twin, is_view=bool(contents.lake_files))


def _insert(connection: duckdb.DuckDBPyConnection, name: str, twin: Twin, rows: pa.Table) -> None:
    connection.execute(create_table(name, twin))
    if rows.num_rows:
        connection.register("rows_to_insert", rows)
        connection.execute(f"insert into {name} by name select * from rows_to_insert")  # noqa: S608
        connection.unregister("rows_to_insert")
    _describe(connection, name, twin, is_view=False)


def _build_model(connection: duckdb.DuckDBPyConnection, model: Model, *, is_view: bool) -> None:
    try:
        with enough_memory(model.name):
            connection.execute(f"create {'view' if is_view else 'table'} {model.name} as {model.sql}")
    except duckdb.Error as error:
        if CANNOT_WRITE in str(error):
            raise  # the model is right
        raise ModelError(f"{model.file} cannot be built: {error}") from None
    _refuse_drift(connection, model.name, model.twin)


def _refuse_drift(connection: duckdb.DuckDBPyConnection, name: str, twin: Twin) -> None:
    built = {row[0]: row[1] for row in connection.execute(f"describe {name}").fetchall()}
    problems = drift(name, twin, built)
    if problems:
        raise ModelError(f"{'; '.join(problems)}. Make the model and its twin agree.")


def _describe(connection: duckdb.DuckDBPyConnection, name: str, twin: Twin, *, is_view: bool) -> None:
    connection.execute(f"comment on {'view' if is_view else 'table'} {name} is {quoted(twin.description)}")
    for column, described in twin.columns.items():
        connection.execute(f'comment on column {name}."{column}" is {quoted(described.comment)}')


@contextmanager
def _together(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run the block in one transaction: separate writes would each wait for the disk."""
    # No rollback: a failure ends the build, and the new file is deleted.
    connection.begin()
    yield
    connection.commit()
