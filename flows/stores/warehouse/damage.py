"""Name the damaged file when the warehouse, or the lake below it, cannot be read."""

import re
from collections.abc import Iterable
from pathlib import Path

import duckdb

from flows.stores.lake.lake_files import damaged_file
from flows.stores.warehouse.sql_files import query
from transforms.errors import DataError

# The statement is the cause of these, so files are looked at and not read.
_OF_THE_STATEMENT = (
    duckdb.ParserException,
    duckdb.CatalogException,
    duckdb.BinderException,
    duckdb.PermissionException,
)
_UNREADABLE = re.compile(
    "Corrupt database file|Could not read|not a valid DuckDB database file|Failed to deserialize|been invalidated"
)


def is_damage(error: duckdb.Error) -> bool:
    """Whether DuckDB could not read its own file."""
    return _UNREADABLE.search(str(error)) is not None


def refuse_damaged_lake(files: Iterable[Path], *, thoroughly: bool = True) -> None:
    """Raise DataError if one of these files of the lake is missing or is not as it was written.

    thoroughly: also read those whose size and time are as they were.
    """
    damaged = damaged_file(files, thoroughly=thoroughly)
    if damaged is not None:
        raise DataError(
            f"{damaged} {'is damaged' if damaged.exists() else 'is missing'}. Run `recspend normalize --rebuild` to "
            "rebuild it from the raw pages, then `recspend model`."
        ) from None


def refuse_damage(connection: duckdb.DuckDBPyConnection, error: duckdb.Error) -> None:
    """Raise DataError that names the file if a statement failed because the warehouse or its lake is damaged."""
    try:
        files = [Path(file) for (file,) in connection.execute(query("model/lake_files")).fetchall()]
        ((warehouse,),) = connection.execute(query("model/warehouse_file")).fetchall()
    except duckdb.Error:  # DuckDB may close a file in which it found damage
        files, warehouse = [], None
    refuse_damaged_lake(files, thoroughly=not isinstance(error, _OF_THE_STATEMENT))
    if is_damage(error):
        raise DataError(
            f"{warehouse or 'The warehouse'} is damaged. Delete it, then run `recspend model` to rebuild it."
        ) from None
