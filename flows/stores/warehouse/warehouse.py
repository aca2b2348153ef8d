"""The warehouse: one DuckDB file, rebuilt as a new file that then replaces the old one.

Readers that have the old file open keep it; a reader never blocks a build. Schemas: `landed` (views on the lake,
reference data, settings), `staging`, `marts`, `ops`. What is built is compared with its twin, column by column.
"""

import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from flows.stores.warehouse.checks import CheckResult, check_table, run_check
from flows.stores.warehouse.inputs import BuiltFrom, Fingerprint, WarehouseInputs
from flows.stores.warehouse.memory import enough_memory, limit_memory
from flows.stores.warehouse.reading import CONFIG, open_to_read, rows
from flows.stores.warehouse.sql_files import query
from flows.stores.whole_files import replaced_whole
from transforms.errors import ConfigError, DataError, HeldError, ModelError
from transforms.model.ddl import create_table, quoted
from transforms.model.models import Check, Model, Twin, build_order, drift

# As DuckDB says it, on Linux and macOS.
_HELD = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_CANNOT_WRITE = "Could not write file"  # no room, a quota, or a limit
_SCHEMAS = ("landed", "staging", "marts", "ops")
# Analysts use DuckDB 1.x, which cannot open files in the newest format.
_STORAGE_VERSION = "v1.5.0"


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def warehouse_path(data_dir: Path) -> Path:
    """Return the path of the warehouse in a data folder."""
    return data_dir / "warehouse.duckdb"


class Warehouse:
    """The DuckDB file at a path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fingerprint = Fingerprint(path)
        self._connection: duckdb.DuckDBPyConnection | None = None

    def build(self, contents: WarehouseInputs) -> list[CheckResult]:
        """Build a new file, run the checks in it, and replace the old file.

        If nothing the models depend on has changed, they are copied with the old file: only the other tables are
        refilled, and only the checks that read those tables or found something before are run again.

        Raises ModelError if a model cannot be built or does not match its twin, ConfigError if DuckDB has too little
        memory for it, DataError if the file cannot be written (for example because the disk is full). The old file then
        stays in place.
        """
        built_from = self._fingerprint.would_be(contents)
        with replaced_whole(self.path) as new_file:
            for stale in (new_file, _log_of(new_file)):  # left over from a build that was killed
                stale.unlink(missing_ok=True)
            try:
                with enough_memory(str(self.path)):
                    results = self._fill(new_file, contents, built_from)
            except duckdb.Error as error:  # errors in a model or a check were already raised with its name
                first_line = str(error).partition("\n")[0].rstrip(".")
                raise DataError(
                    f"{self.path} cannot be written: {first_line}. Make room on the disk, then run `recspend model`."
                ) from None
            finally:
                _log_of(new_file).unlink(missing_ok=True)
            # A log left by a write to the old file; the new file could not be opened with it.
            _log_of(self.path).unlink(missing_ok=True)
        self._fingerprint.write(built_from)
        return results

    def _fill(self, new_file: Path, contents: WarehouseInputs, built_from: BuiltFrom) -> list[CheckResult]:
        is_unchanged = self._fingerprint.matches(built_from)
        if is_unchanged:
            shutil.copyfile(self.path, new_file)
        config = {**CONFIG, "storage_compatibility_version": _STORAGE_VERSION}
        with duckdb.connect(str(new_file), config=config) as connection:
            connection.execute("set TimeZone = 'UTC'")
            limit_memory(connection)
            known = _refresh(connection, contents, built_from.reads) if is_unchanged else set()
            if not is_unchanged:
                _build_all(connection, contents)
            results = [
                CheckResult(check, 0, []) if check.name in known else run_check(connection, check)
                for check in contents.checks
            ]
            _insert(connection, "ops.checks", contents.twins["ops.checks"], check_table(results))
            connection.execute("checkpoint")
        return results

    def check(self, checks: Sequence[Check]) -> list[CheckResult]:
        """Run checks on the file without rebuilding it."""
        with self._read() as connection:
            return [run_check(connection, check) for check in checks]

    def table(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        """Return the rows of a SELECT, with values for the `$names` in it.

        Raises ConfigError if the statement is not valid or would write.
        """
        return self.tables({"": sql}, parameters)[""]

    def tables(
        self, selects: Mapping[str, str], parameters: Mapping[str, object] | None = None
    ) -> dict[str, pa.Table]:
        """Return the rows of several SELECTs, by name, from the same file. Raises ConfigError as `table` does.

        parameters: values for the `$names` of all of them; each SELECT uses those it names.
        """
        with self._read() as connection:
            return {name: rows(connection, sql, parameters or {}) for name, sql in selects.items()}

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Keep reading the same file throughout the block, even if it is replaced. Raises like `tables`."""
        # Opening the file takes longer than most queries.
        with self._open() as connection:
            self._connection = connection
            try:
                yield
            finally:
                self._connection = None

    @contextmanager
    def _read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if self._connection is not None:
            yield self._connection
            return
        with self._open() as connection:
            yield connection

    def _open(self) -> duckdb.DuckDBPyConnection:
        if not self.path.exists():
            raise ConfigError(f"There is no {self.path} yet. Run `recspend run` (or `recspend demo`) first.")
        try:
            return open_to_read(self.path)
        except duckdb.Error as error:
            if held := _HELD.search(str(error)):
                raise HeldError(
                    f"{self.path} is open for writing in {held['program']} (PID {held['pid']}). Close it there; "
                    "open it read-only next time (duckdb -readonly), which does not block anyone."
                ) from None
            raise DataError(
                f"{self.path} cannot be opened: {error}. Run `recspend model` to rebuild it."
            ) from None


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
        if _CANNOT_WRITE in str(error):
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
