"""The inputs of a warehouse, and whether the file on disk was already built from them."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa

from flows.stores.whole_files import write_whole
from transforms.errors import DataError
from transforms.model.models import Check, Model, Twin, reads_of
from transforms.model.wide import Month

_LAYOUT = b"2"
"""Change this when the same inputs result in a different file."""

_NAMED = re.compile(r"/account_sid=(?P<account>[^/]*)/(?P<month>\d{4}-\d{2})[^/]*$")
"""How the lake names a file of an account and month."""


@dataclass(frozen=True, slots=True)
class WarehouseInputs:
    """Everything a warehouse is built from.

    tables: full name → rows, for the tables that are not models; each gets the columns of its twin.
    twins: full name → twin, for those tables and for the lake. models: in any order. views: models to build as views.
    """

    lake_files: Sequence[Path]
    tables: Mapping[str, pa.Table]
    twins: Mapping[str, Twin]
    models: Sequence[Model]
    checks: Sequence[Check]
    views: frozenset[str] = frozenset()

    def is_view(self, model: Model) -> bool:
        """Return whether a model is built as a view."""
        return model.name in self.views and not model.twin.wide

    def months(self) -> list[Month]:
        """Return the months of the lake, by the names of its files and their folders."""
        files: dict[tuple[str, str], list[Path]] = {}
        for file in self.lake_files:
            named = _NAMED.search(file.as_posix())
            if named is None:
                raise DataError(f"{file} is not a file of the lake. Move it away, then run `recspend model`.")
            files.setdefault((named["account"], named["month"]), []).append(file)
        return [
            Month(account, month, tuple(each), sum(file.stat().st_size for file in each))
            for (account, month), each in files.items()
        ]


class BuiltFrom(msgspec.Struct, frozen=True):
    """What a warehouse was built from.

    sql: digest of the text of the models. reads: the tables that each model reads. fixed: digest of the lake, the
    models, twins and checks. tables: digest of each of the other tables.
    """

    sql: str
    reads: dict[str, list[str]]
    fixed: str
    tables: dict[str, str] = {}


class _Sealed(msgspec.Struct, frozen=True):
    made: BuiltFrom
    bytes: int
    written_at_ns: int


class Fingerprint:
    """A small file next to the warehouse: what its models were built from, and its size and time after the build."""

    def __init__(self, warehouse: Path) -> None:
        self._path = warehouse.with_suffix(".json")
        self._warehouse = warehouse

    def would_be(self, contents: WarehouseInputs) -> BuiltFrom:
        """Return what the warehouse would be built from now. Raises ModelError if a model is not SQL."""
        sql = digest_of(f"{model.name} {model.sql}".encode() for model in contents.models)
        saved = self._read()
        # Parsing the models takes longer than everything else a run without new data does to a warehouse.
        is_known = saved is not None and saved.made.sql == sql
        reads = saved.made.reads if saved and is_known else reads_of(contents.models)
        tables = {name: digest_of([bytes_of(rows)]) for name, rows in contents.tables.items()}
        return BuiltFrom(sql, reads, digest_of(_fixed_parts(contents)), tables)

    def differing(self, wanted: BuiltFrom) -> list[str] | None:
        """Return the tables to refill, so that the warehouse is built from this, together with what reads them.

        None if something else differs, or the file was written to since.
        """
        made = self._made()
        if made is None or (made.sql, made.fixed) != (wanted.sql, wanted.fixed):
            return None
        return sorted(name for name, digest in wanted.tables.items() if made.tables.get(name) != digest)

    def inputs(self) -> str | None:
        """Return the digest of what the models were built from; None if it is unknown or the file has changed."""
        made = self._made()
        return _inputs(made) if made else None

    def write(self, built_from: BuiltFrom) -> None:
        """Save the fingerprint of the warehouse that was just built."""
        write_whole(self._path, msgspec.json.encode(self._sealed(built_from)))

    def _made(self) -> BuiltFrom | None:
        """Return what the warehouse was built from, unless it has been written to since."""
        saved = self._read()
        with suppress(OSError):
            if saved and saved == self._sealed(saved.made) and not _has_log(self._warehouse):
                return saved.made
        return None

    def _read(self) -> _Sealed | None:
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(self._path.read_bytes(), type=_Sealed)
        return None

    def _sealed(self, built_from: BuiltFrom) -> _Sealed:
        found = self._warehouse.stat()
        return _Sealed(built_from, found.st_size, found.st_mtime_ns)


def _inputs(made: BuiltFrom) -> str:
    """Return a digest of everything that the models depend on."""
    read = {name for names in made.reads.values() for name in names}
    tables = (f"{name} {digest}" for name, digest in sorted(made.tables.items()) if name in read)
    return digest_of(text.encode() for text in (made.fixed, *tables))


def digest_of(parts: Iterable[bytes]) -> str:
    """Return the sha256 of several texts, each with its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _fixed_parts(contents: WarehouseInputs) -> Iterator[bytes]:
    """Yield what all models depend on: the files of the lake, SQL, twins, and the checks."""
    yield _LAYOUT
    yield duckdb.__version__.encode()
    for file in contents.lake_files:
        yield stamp(file)
    for model in contents.models:
        yield f"{model.name} {model.name in contents.views} {model.sql}".encode()
    for check in contents.checks:
        yield f"{check.name} {check.sql}".encode()
    for name, twin in sorted(
        {**contents.twins, **{model.name: model.twin for model in contents.models}}.items()
    ):
        yield name.encode() + msgspec.json.encode(twin)


def bytes_of(table: pa.Table) -> bytes:
    """Return the rows of a table as bytes: the same for the same rows and columns."""
    sink = pa.BufferOutputStream()
    for name, column in zip(table.column_names, table.columns, strict=True):
        _write_column(sink, name, column)
        if column.null_count:
            # What is in memory in place of a null differs from time to time.
            _write_column(sink, "", column.is_valid())
    return bytes(sink.getvalue())


def _write_column(sink: pa.BufferOutputStream, name: str, column: pa.ChunkedArray) -> None:
    values = pa.table({name: column.drop_null() if column.null_count else column})
    with pa.ipc.new_stream(sink, values.schema) as stream:
        stream.write_table(values.combine_chunks())


def stamp(file: Path) -> bytes:
    """Return what changes when a file does: its path, size, time and inode."""
    found = file.stat()
    return f"{resolved(file)} {found.st_size} {found.st_mtime_ns} {found.st_ino}".encode()


def resolved(file: Path) -> str:
    """Return a file's path without links. A lake has thousands of files in few folders."""
    return f"{_resolved_folder(file.parent.absolute())}/{file.name}"


@lru_cache(maxsize=100_000)
def _resolved_folder(folder: Path) -> str:
    return str(folder.resolve()).rstrip("/")


def _has_log(warehouse: Path) -> bool:
    return warehouse.with_name(f"{warehouse.name}.wal").exists()
