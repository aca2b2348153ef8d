"""What goes into a warehouse, and whether a file already holds what would come of it."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa

from flows.stores.whole_files import write_whole
from transforms.model.models import Check, Model, Twin, read_from_outside

_LAYOUT = b"2"
"""Changes when the same contents make another file than before."""


@dataclass(frozen=True, slots=True)
class WarehouseInputs:
    """What goes into a warehouse.

    tables: full name → rows, for the tables that are not models; each gets the columns of its twin.
    twins: full name → twin, for those tables and for the lake. models: in any order.
    """

    lake_files: Sequence[Path]
    tables: Mapping[str, pa.Table]
    twins: Mapping[str, Twin]
    models: Sequence[Model]
    checks: Sequence[Check]
    views: frozenset[str] = frozenset()


class BuiltFrom(msgspec.Struct, frozen=True):
    """What the models of a warehouse were made of. sql: digest of their text. reads: the tables they read that are no
    models themselves. inputs: digest of everything they depend on.
    """

    sql: str
    reads: tuple[str, ...]
    inputs: str


class _Sealed(msgspec.Struct, frozen=True):
    made: BuiltFrom
    bytes: int
    written_at_ns: int


class Fingerprint:
    """Beside a warehouse: from what its models were built, and how to tell that nobody wrote to the file since."""

    def __init__(self, warehouse: Path) -> None:
        self._path = warehouse.with_suffix(".json")
        self._warehouse = warehouse

    def would_be(self, contents: WarehouseInputs) -> BuiltFrom:
        """What the models would be made of by now. Raises ModelError when a model is no SQL."""
        sql = _digest(f"{model.name} {model.sql}".encode() for model in contents.models)
        stamped = self._read()
        # To parse them takes longer than all else that a run with nothing new does to a warehouse.
        is_known = stamped is not None and stamped.made.sql == sql
        reads = (
            stamped.made.reads if stamped and is_known else tuple(sorted(read_from_outside(contents.models)))
        )
        return BuiltFrom(sql, reads, _digest(_parts(contents, reads)))

    def stands_for(self, made: BuiltFrom) -> bool:
        """Whether the file is the one that was made of this, and is as it was left."""
        try:
            return self._read() == self._stamped(made) and not _has_log(self._warehouse)
        except OSError:
            return False

    def inputs(self) -> str | None:
        """The digest of what the models were made of; None when that is not known or the file is another."""
        stamped = self._read()
        return stamped.made.inputs if stamped and self.stands_for(stamped.made) else None

    def write(self, made: BuiltFrom) -> None:
        """Remember it."""
        write_whole(self._path, msgspec.json.encode(self._stamped(made)))

    def _read(self) -> _Sealed | None:
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(self._path.read_bytes(), type=_Sealed)
        return None

    def _stamped(self, made: BuiltFrom) -> _Sealed:
        found = self._warehouse.stat()
        return _Sealed(made, found.st_size, found.st_mtime_ns)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _parts(contents: WarehouseInputs, reads: Collection[str]) -> Iterator[bytes]:
    """Everything the models depend on: the lake's files, the tables they read, their SQL and twins; and the checks."""
    yield _LAYOUT
    yield duckdb.__version__.encode()
    for file in contents.lake_files:
        found = file.stat()
        yield f"{file.resolve()} {found.st_size} {found.st_mtime_ns} {found.st_ino}".encode()
    for name in sorted(contents.tables.keys() & set(reads)):
        yield name.encode()
        yield _bytes_of(contents.tables[name])
    for model in contents.models:
        yield f"{model.name} {model.name in contents.views} {model.sql}".encode()
    for check in contents.checks:
        yield f"{check.name} {check.sql}".encode()
    for name, twin in sorted(
        {**contents.twins, **{model.name: model.twin for model in contents.models}}.items()
    ):
        yield name.encode() + msgspec.json.encode(twin)


def _bytes_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def _has_log(warehouse: Path) -> bool:
    return warehouse.with_name(f"{warehouse.name}.wal").exists()
