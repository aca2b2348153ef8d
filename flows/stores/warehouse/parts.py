"""Build the wide models of one part of the lake into Parquet files, and find out which files can serve again.

`wide/<model>/<part>.parquet` has the rows. `wide/_made/<batch>/<part>.json` says what the files of a part were made of,
and has their digests and what checks found there. `wide/recordings/<part>.parquet` has the rows of the lake itself,
if its files are small: so each of them is opened once.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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

    def lake(self, part: Part) -> list[Path]:
        """Return the files from which the lake is read: those of the lake, or where they are small, their copy."""
        return [self.of(LAKE, part)] if part.is_scattered else part.files

    def record(self, models: Sequence[str], part: Part) -> Path:
        """Return the file that says what the files of models that are made together were made of."""
        return self.folder / "_made" / models[0].rpartition(".")[2] / f"{part.name}.json"

    def made(self, models: Sequence[str], part: Part, inputs: str) -> Made | None:
        """Return what was made of these inputs; None if it was of others, or if a file is not as it was written."""
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            made = msgspec.json.decode(self.record(models, part).read_bytes(), type=Made)
            files = {name: self.of(name, part) for name in models}
            is_intact = made.files == {name: _written(path) for name, path in files.items()}
            return made if made.inputs == inputs and is_intact else None
        return None

    def copy(self, part: Part, inputs: str) -> Made:
        """Copy a scattered part of the lake into one file, and record it. Raises DataError if the lake is damaged."""
        with duckdb.connect(config=CONFIG) as connection:
            connection.execute("set TimeZone = 'UTC'")
            limit_memory(connection)
            # Two threads take twice as long: they wait for each other more than for the files.
            connection.execute("set threads = 1")
            with _reading(part):
                files = {LAKE: self._written(connection, f"from {parquet(part.files)}", LAKE, part)}
        return self._recorded([LAKE], part, Made(inputs, files, {}))

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
            with _reading(part):
                self._read(connection, batch, part, given, lake_columns)
            made = Made(inputs, self._write(connection, batch, part), _check(connection, batch))
        return self._recorded([model.name for model in batch.wide], part, made)

    def _read(
        self,
        connection: duckdb.DuckDBPyConnection,
        batch: Batch,
        part: Part,
        given: Mapping[str, pa.Table],
        lake_columns: Sequence[str],
    ) -> None:
        columns = ", ".join(lake_columns)
        connection.execute(f"create view {LAKE} as select {columns} from {parquet(self.lake(part))}")  # noqa: S608
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
            rows = f"from {model.name} order by {', '.join(model.twin.key)}"
            files[model.name] = self._written(connection, rows, model.name, part)
        return files

    def _written(self, connection: duckdb.DuckDBPyConnection, rows: str, name: str, part: Part) -> Written:
        """Write the rows of a SELECT to the file of a table."""
        with replaced_whole(self.of(name, part)) as partial:
            connection.execute(f"copy ({rows}) to {quoted(str(partial))} (format parquet, compression zstd)")
        return _written(self.of(name, part))

    def _recorded(self, models: Sequence[str], part: Part, made: Made) -> Made:
        write_whole(self.record(models, part), msgspec.json.encode(made))
        return made


@contextmanager
def _reading(part: Part) -> Iterator[None]:
    """Run the block, which reads a part of the lake. Raises ModelError that names it, DataError if it is damaged."""
    try:
        with enough_memory(f"the part {part.name} of the lake"):
            yield
    except duckdb.Error as error:
        if CANNOT_WRITE in str(error):
            raise
        refuse_damaged_lake(part.files)
        raise ModelError(f"The part {part.name} of the lake cannot be read: {error}") from None


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
