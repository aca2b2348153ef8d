"""Parquet files that are named by their content: written once, never changed, compared with their digest when read."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec.structs import replace

from flows.stores.lake.commit import LakeFile
from flows.stores.whole_files import put_in_place, written_beside
from transforms.errors import DamagedLakeError
from transforms.ingest.day_counts import tally_by_day
from transforms.normalize.control_totals import control_totals

# Dictionary encoding pays off for values that repeat, but not for identifiers.
_DICTIONARY_COLUMNS = [
    "account_sid", "source", "source_raw", "status", "channels", "duration_seconds", "price", "price_raw", "currency",
    "error_code", "media_location", "first_seen_at", "first_priced_at", "deleted_at", "raw_page",
]  # fmt: skip
_DIGITS = 32
"""How many digits of the digest are in a name."""


def write_recordings(folder: Path, month: str, recordings: pa.Table) -> LakeFile:
    """Write recordings of a month (YYYY-MM, LAKE_SCHEMA, at least one); they may be a part of it."""
    file = _write(folder, month, recordings, use_dictionary=_DICTIONARY_COLUMNS)
    extremes = pc.min_max(recordings["created_at"]).as_py()
    return replace(
        file,
        first=extremes["min"],
        last=extremes["max"],
        days=tally_by_day(recordings),
        totals=control_totals(recordings),
    )


def write_table(folder: Path, name: str, rows: pa.Table) -> LakeFile:
    """Write the rows of another table of an account; at least one."""
    return _write(folder, name, rows, use_dictionary=True)


def _write(folder: Path, kind: str, rows: pa.Table, *, use_dictionary: bool | list[str]) -> LakeFile:
    with written_beside(folder / f"{kind}.parquet") as beside:
        pq.write_table(
            rows,
            beside,
            compression="zstd",
            compression_level=1,
            use_dictionary=use_dictionary,
            row_group_size=1 << 17,
        )
        digest = _sha256(beside)
        path = folder / f"{kind}-{digest[:_DIGITS]}.parquet"
        if not path.exists() or _sha256(path) != digest:
            put_in_place(beside, path, is_flushed_later=True)
    found = path.stat()
    return LakeFile(path.name, digest, found.st_size, found.st_mtime_ns, rows.num_rows)


def read_columns(folder: Path, file: LakeFile, columns: list[str]) -> pa.Table:
    """Read columns of a file, which is not compared with its digest for that.

    Raises:
        DamagedLakeError: The file cannot be read.
    """
    try:
        return pq.ParquetFile(folder / file.name).read(columns=columns)
    except (OSError, ValueError, pa.ArrowException):
        raise unreadable(folder / file.name) from None


def read_file(folder: Path, file: LakeFile, schema: pa.Schema) -> pa.Table:
    """Read a file after comparing it with its digest.

    Raises:
        DamagedLakeError: The file is missing or damaged.
    """
    refuse_damaged(folder, file)
    return pq.ParquetFile(folder / file.name).read(columns=schema.names).cast(schema)


def refuse_damaged(folder: Path, file: LakeFile) -> None:
    """Raise DamagedLakeError if a file is missing or is not what its digest says."""
    if not is_whole(folder / file.name, file, thoroughly=True):
        raise unreadable(folder / file.name)


def is_whole(path: Path, file: LakeFile, *, thoroughly: bool = False) -> bool:
    """Check whether a file is as it was written. One whose size and time are as they were is only read `thoroughly`."""
    try:
        found = path.stat()
    except OSError:
        return False
    if found.st_size != file.bytes:
        return False
    if found.st_mtime_ns == file.written_at_ns and not thoroughly:
        return True
    try:
        return sha256_of(path, found.st_size, found.st_mtime_ns, found.st_ino) == file.sha256
    except OSError:
        return False


def damaged_file(paths: Iterable[Path], *, thoroughly: bool) -> Path | None:
    """Return the first of these files that is missing or is not what its name says; None if all are right.

    thoroughly: also read what is in them.
    """
    for path in paths:
        if not path.is_file() or (thoroughly and not _is_as_named(path)):
            return path
    return None


def _is_as_named(path: Path) -> bool:
    digest = path.stem.rpartition("-")[2]
    found = path.stat()
    is_named = len(digest) == _DIGITS
    return not is_named or sha256_of(path, found.st_size, found.st_mtime_ns, found.st_ino).startswith(digest)


@lru_cache(maxsize=100_000)
def sha256_of(path: Path, *_: int) -> str:
    """Return the digest of a file; a file of the same size, time and inode is read once."""
    return _sha256(path)


def unreadable(path: Path) -> DamagedLakeError:
    """Return the error of a file that cannot be read: whether it is there, and what to do."""
    state = "damaged" if path.exists() else "missing"
    return DamagedLakeError(f"{path} is {state}. Run `recspend normalize --rebuild` to rebuild it.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
