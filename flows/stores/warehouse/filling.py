"""Fill a warehouse file: the landed tables, the models in their order, and the results of the checks."""

from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from flows.stores.warehouse.checks import CheckResult, check_table, passed_checks, run_check
from flows.stores.warehouse.inputs import WarehouseInputs
from flows.stores.warehouse.memory import limit_memory
from flows.stores.warehouse.reading import CONFIG
from flows.stores.warehouse.tables import build_model, create_schemas, describe, insert, land, together
from flows.stores.warehouse.wide import WideTables
from transforms.model.models import FACT, Model, build_order
from transforms.model.wide import LAKE

# Analysts use DuckDB 1.x, which cannot open files in the newest format.
_STORAGE_VERSION = "v1.5.0"


def fill(
    new_file: Path,
    contents: WarehouseInputs,
    refilled: Collection[str] | None = None,
    outdated: Sequence[str] = (),
) -> list[CheckResult]:
    """Build everything in a new file, and run the checks.

    refilled: the file is a copy in which all is up to date but these tables, and the models that read them (`outdated`,
    each after those it reads). Only they are filled again, and only the checks that read them or found something before
    are run again.

    Raises ModelError if a model cannot be built or does not match its twin, ConfigError if DuckDB has too little memory
    for it, duckdb.Error if the file cannot be read or written.
    """
    config = {**CONFIG, "storage_compatibility_version": _STORAGE_VERSION}
    with duckdb.connect(str(new_file), config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        limit_memory(connection)
        wide = WideTables(new_file.parent, contents)
        known = set[str]()
        due = [each for each in contents.models if refilled is None or each.name in outdated]
        files = wide.lake_files() if any(each.name == FACT or each.twin.wide for each in due) else []
        if refilled is None:
            create_schemas(connection)
        if files or refilled is None:
            land(connection, files, contents.twins[LAKE])
        if refilled is None:
            _build_all(connection, contents, wide)
        else:
            known = _refresh(connection, contents, wide, refilled, outdated)
        results = [
            CheckResult(check, 0, [])
            if check.name in known
            else run_check(connection, check, wide.is_checked, wide.found(check.name))
            for check in contents.checks
        ]
        insert(connection, "ops.checks", contents.twins["ops.checks"], check_table(results))
        if files and files != contents.lake_files:
            land(connection, contents.lake_files, contents.twins[LAKE])
        connection.execute("checkpoint")
    return results


def _build_all(connection: duckdb.DuckDBPyConnection, contents: WarehouseInputs, wide: WideTables) -> None:
    with together(connection):
        for name, rows in contents.tables.items():
            insert(connection, name, contents.twins[name], rows)
    order = build_order(contents.models, given=contents.twins.keys())
    _build(connection, contents, wide, order, order)
    wide.tidy()


def _build(
    connection: duckdb.DuckDBPyConnection,
    contents: WarehouseInputs,
    wide: WideTables,
    due: Sequence[Model],
    order: Sequence[Model],
) -> None:
    """Build the models that are due. order: all, each after those it reads; what is not due is there already."""
    built = {model.name for model in order} - {model.name for model in due}
    for model in due:
        if model.twin.wide and contents.lake_files:
            wide.fill(connection, model, order, sorted(built))
        else:
            build_model(connection, model, is_view=contents.is_view(model))
        built.add(model.name)
    with together(connection):
        for model in due:
            describe(connection, model.name, model.twin, is_view=contents.is_view(model))


def _refresh(
    connection: duckdb.DuckDBPyConnection,
    contents: WarehouseInputs,
    wide: WideTables,
    refilled: Collection[str],
    outdated: Sequence[str],
) -> set[str]:
    """Refill tables, and build the models that read them again; return the checks that passed and read none of them."""
    passed = passed_checks(connection)
    models = {model.name: model for model in contents.models}
    with together(connection):
        connection.execute("drop table ops.checks")
        for name in reversed(outdated):
            connection.execute(f"drop {'view' if contents.is_view(models[name]) else 'table'} {name}")
        for name in refilled:
            connection.execute(f"drop table {name}")
    connection.execute("checkpoint")  # only then is their place in the file used again
    with together(connection):
        for name in refilled:
            insert(connection, name, contents.twins[name], contents.tables[name])
    due = [models[name] for name in outdated]
    # Parsing all models takes longer than building a few; only wide ones need to know the others.
    order = build_order(contents.models, given=contents.twins.keys()) if _has_wide(due) else contents.models
    _build(connection, contents, wide, due, order)
    # A SELECT that reads a table contains its full name.
    changed = (*refilled, *outdated)
    return passed - {check.name for check in contents.checks if any(name in check.sql for name in changed)}


def _has_wide(models: Sequence[Model]) -> bool:
    return any(model.twin.wide for model in models)
