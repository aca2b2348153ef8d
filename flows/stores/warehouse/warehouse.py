"""The warehouse: one DuckDB file, rebuilt as a new file that then replaces the old one.

Readers that have the old file open keep it; a reader never blocks a build. Schemas: `landed` (views on the lake,
reference data, settings), `staging`, `marts`, `ops`.
"""

import logging
import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from flows.stores.warehouse.checks import CheckResult, passed_checks, run_check
from flows.stores.warehouse.damage import is_damage, refuse_damaged_lake
from flows.stores.warehouse.filling import fill
from flows.stores.warehouse.inputs import BuiltFrom, Fingerprint, WarehouseInputs
from flows.stores.warehouse.memory import enough_memory
from flows.stores.warehouse.reading import open_to_read, rows
from flows.stores.warehouse.tables import CANNOT_WRITE
from flows.stores.whole_files import replaced_whole
from transforms.errors import ConfigError, DataError, HeldError
from transforms.model.models import Check, outdated_by

# As DuckDB says it, on Linux and macOS.
_HELD = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
_NOT_WRITTEN = re.compile(rf'{CANNOT_WRITE} "[^"]*".*?: (?P<reason>[^:"]+)$')

logger = logging.getLogger(__name__)


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

        If only tables besides the lake have changed, the rest is copied with the old file: these tables and the models
        that read them are filled again, and only the checks that read those or found something before are run again. If
        nothing has changed at all, the old file stays.

        Raises ModelError if a model cannot be built or does not match its twin, ConfigError if DuckDB has too little
        memory for it, DataError if the file cannot be written (for example because the disk is full). The old file then
        stays in place.
        """
        built_from = self._fingerprint.would_be(contents)
        refilled = self._fingerprint.differing(built_from)
        if refilled == []:
            with suppress(ConfigError, DataError):  # what cannot be opened is built again
                return self._results(contents.checks)
        with replaced_whole(self.path) as new_file:
            _remove(new_file)  # left over from a build that was killed
            try:
                with enough_memory(str(self.path)):
                    results = self._fill(new_file, contents, built_from, refilled)
            except duckdb.Error as error:  # errors in a model or a check were already raised with its name
                first_line = str(error).partition("\n")[0].rstrip(".")
                reason = found["reason"] if (found := _NOT_WRITTEN.search(first_line)) else first_line
                raise DataError(
                    f"{self.path} cannot be written: {reason}. Make room on the disk, then run `recspend model`."
                ) from None
            finally:
                _log_of(new_file).unlink(missing_ok=True)
            # A log left by a write to the old file; the new file could not be opened with it.
            _log_of(self.path).unlink(missing_ok=True)
        self._fingerprint.write(built_from)
        return results

    def _results(self, checks: Sequence[Check]) -> list[CheckResult]:
        """Return the results of the checks as they were; those that found something are run again for the details."""
        with self._read() as connection:
            passed = passed_checks(connection)
            return [
                CheckResult(check, 0, []) if check.name in passed else run_check(connection, check)
                for check in checks
            ]

    def _fill(
        self,
        new_file: Path,
        contents: WarehouseInputs,
        built_from: BuiltFrom,
        refilled: Collection[str] | None,
    ) -> list[CheckResult]:
        if refilled is not None:
            try:
                _copy(self.path, new_file)
                return fill(new_file, contents, refilled, outdated_by(refilled, built_from.reads))
            except (duckdb.Error, DataError) as error:
                if isinstance(error, duckdb.Error) and not is_damage(error):
                    raise
                logger.warning("%s is damaged; rebuilding it.", self.path)
                _remove(new_file)
        refuse_damaged_lake(contents.lake_files)
        return fill(new_file, contents)

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
            raise DataError(_why_closed(self.path)) from None


def _why_closed(path: Path) -> str:
    """Say why DuckDB cannot open a file, and what to do, in other words than its own."""
    try:
        path.open("rb").close()
    except IsADirectoryError:
        return f"{path} is a folder. Move it away, then run `recspend model`."
    except OSError as error:
        return f"{path} cannot be read ({error.strerror}). Make it readable, or delete it and run `recspend model`."
    return f"{path} is damaged, or a newer DuckDB wrote it. Run `recspend model` to rebuild it."


def _copy(path: Path, new_file: Path) -> None:
    """Copy a file. File systems such as XFS and Btrfs share its content instead of writing it again."""
    size = path.stat().st_size
    with path.open("rb") as old, new_file.open("wb") as new:
        try:
            copied = 1
            while copied:
                copied = os.copy_file_range(old.fileno(), new.fileno(), size)
        except (AttributeError, OSError):  # not on this system, or not between these files
            new.close()
            shutil.copyfile(path, new_file)


def _remove(new_file: Path) -> None:
    for path in (new_file, _log_of(new_file)):
        path.unlink(missing_ok=True)
