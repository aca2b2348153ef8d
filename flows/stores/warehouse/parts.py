"""Build the wide models of one part of the lake into Parquet files, and find out which files can serve again.

`wide/<model>/<part>.parquet` has the rows. `wide/_made/<batch>/<part>.json` says what the files of a part were made of,
and has their digests and what checks found there.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa

from flows.stores.warehouse.checks import NOTHING, Found, find
from flows.stores.warehouse.damage import refuse_damaged_lake
from flows.stores.warehouse.memory import enough_memory, limit_memory
from flows.stores.warehouse.reading import CONFIG
from flows.stores.warehouse.tables import CANNOT_WRITE, build_model, create_schemas, parquet
from flows.stores.whole_files import replaced_whole, write_whole
from transforms.errors import ModelError
from transforms.model.ddl import quoted
from transforms.model.models import Twin
from transforms.model.wide import LAKE, Batch, Part

FOLDER = "wide"
_SPILL = ".spill"
_SMALL = 200_000
"""Bytes of a file of the lake below which opening it takes longer than reading it."""


class Written(msgspec.Struct, frozen=True):
    """The size and the sha256 of a file."""

    bytes: int
    sha256: str


class Made(msgspec.Struct, frozen=True):
    """What a part was made of (a digest), the file of each model, and what each check found in it."""

    inputs: str
    files: dict[str, Written]
    found: dict[str, Found]


class PartFiles:
    """The files of all parts, below a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER

    def of(self, model: str, part: Part) -> Path:
        """Return the file of a model (by its full name)."""
        return self.folder / model.rpartition(".")[2] / f"{part.name}.parquet"

    def record(self, batch: Batch, part: Part) -> Path:
        """Return the file that says what the files of a batch were made of."""
        return self.folder / "_made" / batch.wide[0].name.rpartition(".")[2] / f"{part.name}.json"

    def made(self, batch: Batch, part: Part, inputs: str) -> Made | None:
        """Return what was made of these inputs; None if it was of others, or if a file is not as it was written."""
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            made = msgspec.json.decode(self.record(batch, part).read_bytes(), type=Made)
            files = {model.name: self.of(model.name, part) for model in batch.wide}
            is_intact = made.files == {name: _written(path) for name, path in files.items()}
            return made if made.inputs == inputs and is_intact else None
        return None

    def build(
        self,
        batch: Batch,
        part: Part,
        given: Mapping[str, pa.Table],
        inputs: str,
        lake_columns: Sequence[str],
        at_once: int,
    ) -> Made:
        """Build the files of a part, run the checks there, and record it.

        given: the rows of the tables that are read besides the lake. at_once: how many parts share the memory.

        Raises as `build_model`, and DataError if the lake is damaged.
        """
        with duckdb.connect(config=CONFIG) as connection:
            connection.execute("set TimeZone = 'UTC'")
            limit_memory(connection, at_once)
            connection.execute(f"set temp_directory = {quoted(str(self.folder / _SPILL))}")
            create_schemas(connection)
            try:
                self._read(connection, batch, part, given, lake_columns)
            except duckdb.Error as error:
                if CANNOT_WRITE in str(error):
                    raise
                refuse_damaged_lake(part.files)
                raise ModelError(f"The part {part.name} of the lake cannot be read: {error}") from None
            made = Made(inputs, self._write(connection, batch, part), _check(connection, batch))
        write_whole(self.record(batch, part), msgspec.json.encode(made))
        return made

    def _read(
        self,
        connection: duckdb.DuckDBPyConnection,
        batch: Batch,
        part: Part,
        given: Mapping[str, pa.Table],
        lake_columns: Sequence[str],
    ) -> None:
        # Opening a small file takes longer than reading it, so small files are opened once.
        is_small = part.bytes < _SMALL * len(part.files)
        kind = "table" if is_small and len(batch.wide) > 1 else "view"
        columns = ", ".join(lake_columns)
        with enough_memory(f"the part {part.name} of the lake"):
            connection.execute(f"create {kind} {LAKE} as select {columns} from {parquet(part.files)}")  # noqa: S608
        for name, rows in given.items():
            connection.register("rows_given", rows)
            connection.execute(f"create table {name} as from rows_given")
            connection.unregister("rows_given")
        for model in batch.singles:
            connection.execute(f"create view {model.name} as {model.sql}")

    def _write(self, connection: duckdb.DuckDBPyConnection, batch: Batch, part: Part) -> dict[str, Written]:
        files = {}
        for model in batch.wide:
            build_model(connection, model, is_view=False)
            keys = ", ".join(model.twin.key)
            with replaced_whole(self.of(model.name, part)) as partial:
                connection.execute(
                    f"copy (from {model.name} order by {keys}) to {quoted(str(partial))} "
                    "(format parquet, compression zstd)"
                )
            files[model.name] = _written(self.of(model.name, part))
        return files


def _check(connection: duckdb.DuckDBPyConnection, batch: Batch) -> dict[str, Found]:
    found = {}
    for name, statements in batch.checks.items():
        try:
            with enough_memory(f"the check {name}"):
                found[name] = sum((find(connection, each) for each in statements), NOTHING)
        except duckdb.Error as error:
            raise ModelError(f"The check {name} cannot be run: {error}") from None
    return found


def _written(path: Path) -> Written:
    with path.open("rb") as file:
        return Written(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def columns_read(batch: Batch, twin: Twin) -> list[str]:
    """Return the columns of a table that the SQL of a batch names; all, if it names none."""
    return batch.mentioned(twin.columns) or list(twin.columns)
