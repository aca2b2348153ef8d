"""Create the tables and views of a warehouse in an open database, each compared with its twin, column by column."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from flows.stores.warehouse.inputs import resolved
from flows.stores.warehouse.memory import enough_memory
from transforms.errors import ModelError
from transforms.model.ddl import create_table, quoted
from transforms.model.models import Model, Twin, drift
from transforms.model.wide import LAKE

CANNOT_WRITE = "Could not write file"
"""As DuckDB says that there is no room, or that a quota or a limit is reached."""
_SCHEMAS = ("landed", "staging", "marts", "ops")


def create_schemas(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the schemas of a warehouse."""
    for schema in _SCHEMAS:
        connection.execute(f"create schema {schema}")


def land(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], twin: Twin) -> None:
    """Create the view of the lake, in place of the one there is; an empty table if it has no files."""
    if files:
        connection.execute(f"create or replace view {LAKE} as select * from {parquet(files)}")  # noqa: S608
    else:
        connection.execute(create_table(LAKE, twin))
    refuse_drift(connection, LAKE, twin)
    describe(connection, LAKE, twin, is_view=bool(files))


def parquet(files: Iterable[Path]) -> str:
    """Return the SQL that reads Parquet files."""
    names = ", ".join(quoted(resolved(file)) for file in files)
    return f"read_parquet([{names}], hive_partitioning = false)"


def insert(connection: duckdb.DuckDBPyConnection, name: str, twin: Twin, rows: pa.Table) -> None:
    """Create a table with the columns of its twin, and these rows."""
    connection.execute(create_table(name, twin))
    if rows.num_rows:
        connection.register("rows_to_insert", rows)
        connection.execute(f"insert into {name} by name select * from rows_to_insert")  # noqa: S608
        connection.unregister("rows_to_insert")
    describe(connection, name, twin, is_view=False)


def build_model(connection: duckdb.DuckDBPyConnection, model: Model, *, is_view: bool) -> None:
    """Build a model.

    Raises ModelError if it cannot be built or does not match its twin, ConfigError if DuckDB has too little memory for
    it, duckdb.Error if there is no room.
    """
    try:
        with enough_memory(model.name):
            connection.execute(f"create {'view' if is_view else 'table'} {model.name} as {model.sql}")
    except duckdb.Error as error:
        if CANNOT_WRITE in str(error):
            raise  # the model is right
        raise ModelError(f"{model.file} cannot be built: {error}") from None
    refuse_drift(connection, model.name, model.twin)


def refuse_drift(connection: duckdb.DuckDBPyConnection, name: str, twin: Twin) -> None:
    """Raise ModelError if a table does not match its twin."""
    built = {row[0]: row[1] for row in connection.execute(f"describe {name}").fetchall()}
    problems = drift(name, twin, built)
    if problems:
        raise ModelError(f"{'; '.join(problems)}. Make the model and its twin agree.")


def describe(connection: duckdb.DuckDBPyConnection, name: str, twin: Twin, *, is_view: bool) -> None:
    """Add what the twin says to a table or view and to its columns."""
    connection.execute(f"comment on {'view' if is_view else 'table'} {name} is {quoted(twin.description)}")
    for column, described in twin.columns.items():
        connection.execute(f'comment on column {name}."{column}" is {quoted(described.comment)}')


@contextmanager
def together(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Run the block in one transaction: separate writes would each wait for the disk."""
    # No rollback: a failure ends the build, and the new file is deleted.
    connection.begin()
    yield
    connection.commit()
