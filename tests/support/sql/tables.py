"""Small hand-written tables in DuckDB, with the types of their twins, and the project's models on top of them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

import duckdb

from flows.stores.shipped import shipped
from flows.stores.warehouse.sql_files import read_checks, read_models, read_twins
from transforms.model.models import Check, Model, Twin, build_order, references

GIVEN = read_twins(shipped("sql"))
MODELS: list[Model] = build_order(read_models(shipped("sql")), given=GIVEN.keys())
CHECKS = read_checks(shipped("sql"), MODELS)
TWINS: Mapping[str, Twin] = GIVEN | {model.name: model.twin for model in MODELS}

SPEND = {"recordings", "unpriced_recordings", "cost"}
"""A mart with these columns sums all recordings."""

Row = Mapping[str, object]


def connect() -> duckdb.DuckDBPyConnection:
    """Return an empty database in memory, with the schemas of the warehouse."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set TimeZone = 'UTC'")
    for schema in sorted({name.partition(".")[0] for name in TWINS}):
        connection.execute(f"create schema {schema}")
    return connection


def create(connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Row]) -> None:
    """Create a table with the columns of its twin and these rows."""
    columns = TWINS[name].columns
    described = ", ".join(f'"{column}" {twin.type}' for column, twin in columns.items())
    connection.execute(f"create table {name} ({described})")
    if rows:
        given = typed(name, rows)
        placeholders = ", ".join(f"cast(? as {twin.type})" for twin in columns.values())
        values = [value for row in given for value in row.values()]
        connection.execute(
            f"insert into {name} values {', '.join([f'({placeholders})'] * len(given))}", values
        )


def needed(*names: str) -> list[Model]:
    """Return the models with these names and all models they read, in build order."""
    wanted = set(names)
    for model in reversed(MODELS):
        if model.name in wanted:
            wanted |= references(model.sql, model.file)
    return [model for model in MODELS if model.name in wanted]


def checks_on(models: Sequence[Model]) -> list[Check]:
    """Return the checks that read only these models and what is given to them."""
    kept = {model.name for model in models} | GIVEN.keys()
    checks = read_checks(shipped("sql"), models)
    return [check for check in checks if references(check.sql, check.file) <= kept]


def build(connection: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Build the model as a table."""
    connection.execute(f"create table {model.name} as {model.sql}")


def typed(name: str, rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return rows with all columns of the twin, typed as by DuckDB; missing columns are null."""
    twin = TWINS[name]
    unknown = {column for row in rows for column in row} - twin.columns.keys()
    assert not unknown, f"{name} has no column {', '.join(sorted(unknown))}"
    return [
        {column: _value(row.get(column), described.type) for column, described in twin.columns.items()}
        for row in rows
    ]


def _value(written: object, type_: str) -> object:
    """Convert a value from a test case; a decimal must be text or whole, so that it was never a float."""
    if written is None:
        return None
    if type_.startswith("DECIMAL"):
        assert isinstance(written, str | int), f"{written!r} is a decimal; write it as text"
        return Decimal(written)
    if type_ == "TIMESTAMP WITH TIME ZONE":
        instant = datetime.fromisoformat(written) if isinstance(written, str) else written
        assert isinstance(instant, datetime), f"{written!r} is not an instant"
        assert instant.tzinfo is not None, f"{written} has no time zone"
        return instant
    if type_ == "DATE":
        return date.fromisoformat(written) if isinstance(written, str) else written
    expected = {"VARCHAR": str, "BOOLEAN": bool}.get(type_, int)
    assert type(written) is expected, f"{written!r} is not a {type_}"
    return written
