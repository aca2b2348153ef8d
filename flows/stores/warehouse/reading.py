"""Read a warehouse: SELECTs only, and no other file than the warehouse and the lake."""

import re
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

import duckdb
import pyarrow as pa

from flows.stores.warehouse.damage import refuse_damage
from flows.stores.warehouse.memory import enough_memory, limit_memory
from flows.stores.warehouse.sql_files import query
from transforms.errors import ConfigError
from transforms.values.minutes import has_minutes, with_whole_minutes

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
"""Settings of every connection: no extensions are downloaded. `limit_memory` adds the limit of memory."""

_locking = Lock()

_NO_ROWS = "That statement returns no rows. The warehouse is read-only; use a SELECT."
_COMMENTS = re.compile(r"(\s+|--[^\n]*(\n|$)|/\*.*?\*/)*", re.DOTALL)
# The options of EXPLAIN may say ANALYZE, which runs the statement.
_EXPLAIN = re.compile(r"explain\b(\s*\([^()]*\)|\s+analyze\b)?", re.IGNORECASE)
_PRAGMA = re.compile(
    r"pragma\s+(collations|database_list|database_size|functions|metadata_info|show|show_tables|storage_info"
    r"|table_info|version)\b",
    re.IGNORECASE,
)
_SELECT = re.compile(r"pivot|with|select|from|\(", re.IGNORECASE)


def open_to_read(path: Path) -> duckdb.DuckDBPyConnection:
    """Open the warehouse of a data folder, so that a query can see only the tables and the lake below them.

    A query that may read any file could show the tokens in `/proc/self/environ`. Raises duckdb.Error if it cannot be
    opened.
    """
    # Variables of the program must not be readable as tables.
    connection = duckdb.connect(
        str(path), read_only=True, config={**CONFIG, "python_enable_replacements": "false"}
    )
    with _locking:
        # Connections of one process to the same file share these settings.
        ((is_locked,),) = connection.execute("select current_setting('lock_configuration')").fetchall()
        if not is_locked:
            limit_memory(connection)
            lake = [f"'{folder}'" for (folder,) in connection.execute(query("model/lake_folder")).fetchall()]
            connection.execute(
                f"set global TimeZone = 'UTC'; set global allowed_directories = [{', '.join(lake)}]; "
                "set global enable_external_access = false; set global lock_configuration = true"
            )
    return connection


def rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]) -> pa.Table:
    """Return the rows of a SELECT. Raises ConfigError if the statement is not valid or does anything else than read,
    DataError if the warehouse or the lake is damaged.

    PIVOT, EXPLAIN of a SELECT and PRAGMAs that describe tables are SELECTs too; of several statements, the last counts.
    Billed minutes are integers while all accounts are billed by full minutes, and were in all closed months.
    """
    try:
        statements = connection.extract_statements(sql)
        if not statements or not all(_reads(connection, each) for each in statements):
            raise ConfigError(_NO_ROWS)
        named = {name for each in statements for name in each.named_parameters}
        given = {name: value for name, value in parameters.items() if name in named}
        with enough_memory("this query"):
            found = connection.sql(sql, params=given or None).to_arrow_table()
            # By the terms and not by the values, so that the types of a file change with a setting only.
            return (
                with_whole_minutes(found) if has_minutes(found) and _bills_full_minutes(connection) else found
            )
    except duckdb.Error as error:
        refuse_damage(connection, error)
        first_lines = " ".join(str(error).splitlines()[:2])
        raise ConfigError(f"{first_lines} Correct the query; `show all tables` lists the tables.") from None


def _bills_full_minutes(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        ((is_full,),) = connection.execute(query("model/full_minutes")).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):  # built before there were other increments
        return True
    return bool(is_full)


def _reads(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> bool:
    """Whether a statement only reads. By its kind, because a read-only file does not stop COPY from writing others."""
    try:
        kind = statement.type.name
    except ValueError:  # a kind that the Python library does not know, such as UPDATE EXTENSIONS
        return False
    text = statement.query
    text = text[_start(text) :]
    if explain := _EXPLAIN.match(text):
        explained = connection.extract_statements(text[explain.end() :])
        return len(explained) == 1 and _reads(connection, explained[0])
    # MULTI is what has a PIVOT in it, which may also be a COPY.
    return (
        kind == "SELECT"
        or (kind == "PRAGMA" and bool(_PRAGMA.match(text)))
        or (kind == "MULTI" and bool(_SELECT.match(text)))
    )


def _start(text: str) -> int:
    """Return where a statement starts, after spaces and comments."""
    match = _COMMENTS.match(text)
    return match.end() if match else 0
