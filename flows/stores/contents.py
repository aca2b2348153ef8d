"""What goes into a warehouse, and whether a file already holds what would come of it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa

from flows.stores.files import write_whole
from transforms.models import Check, Model, Twin

_LAYOUT = b"1"
"""Changes when the same contents make another file than before."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes into a warehouse.

    tables: full name → rows, for the tables that are not models; each gets the columns of its twin.
    twins: full name → twin, for those tables and for the lake. models: in build order. beside: names of the tables that
    no model reads, which may be filled anew without building the models again.
    """

    lake_files: Sequence[Path]
    tables: Mapping[str, pa.Table]
    twins: Mapping[str, Twin]
    models: Sequence[Model]
    checks: Sequence[Check]
    views: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()


class _Stamped(msgspec.Struct, frozen=True):
    inputs: str
    bytes: int
    written_at_ns: int


class Stamp:
    """Beside a warehouse: from what its models were built, and how to tell that nobody wrote to the file since."""

    def __init__(self, warehouse: Path) -> None:
        self._path = warehouse.with_suffix(".json")

    def stands_for(self, inputs: str, warehouse: Path) -> bool:
        """Whether the file is the one that was built from these inputs, and is as it was left."""
        try:
            stamped = msgspec.json.decode(self._path.read_bytes(), type=_Stamped)
            return stamped == _stamped(inputs, warehouse) and not _has_log(warehouse)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return False

    def inputs(self) -> str | None:
        """The digest of what the models were built from; None when that is not known."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Stamped).inputs
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None

    def write(self, inputs: str, warehouse: Path) -> None:
        """Remember it."""
        write_whole(self._path, msgspec.json.encode(_stamped(inputs, warehouse)))


def fingerprint(contents: Contents) -> str:
    """A digest of everything the models depend on: the lake's files, the tables they read, their SQL and twins."""
    digest = hashlib.sha256()
    for part in _parts(contents):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _parts(contents: Contents) -> Iterator[bytes]:
    yield _LAYOUT
    yield duckdb.__version__.encode()
    for file in contents.lake_files:
        found = file.stat()
        yield f"{file.resolve()} {found.st_size} {found.st_mtime_ns} {found.st_ino}".encode()
    for name in sorted(contents.tables.keys() - contents.beside):
        yield name.encode()
        yield _bytes_of(contents.tables[name])
    for model in contents.models:
        yield f"{model.name} {model.name in contents.views} {model.sql}".encode()
    for name, twin in sorted(
        {**contents.twins, **{model.name: model.twin for model in contents.models}}.items()
    ):
        yield name.encode() + msgspec.json.encode(twin)


def _bytes_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def _stamped(inputs: str, warehouse: Path) -> _Stamped:
    found = warehouse.stat()
    return _Stamped(inputs, found.st_size, found.st_mtime_ns)


def _has_log(warehouse: Path) -> bool:
    return warehouse.with_name(f"{warehouse.name}.wal").exists()
