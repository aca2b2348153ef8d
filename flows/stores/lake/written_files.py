"""What is known of the lake's files as they were written: the totals in each, and a digest of its bytes.

`_files.json` next to the months of an account has the size, the time and the sha256 of each file, also of the account's
rejects, corrections and changes. A month whose size and time have not changed is not read again, except before
something is made from it: a failing disk changes bytes without changing either.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from flows.stores.whole_files import write_if_changed
from transforms.normalize.control_totals import TOTALS_KEY, control_totals, decoded, encoded

_FILES = "_files.json"


class WrittenFile(msgspec.Struct, frozen=True):
    """The size, the time (nanoseconds since 1970) and the sha256 of a file; that there is no file is recorded, too."""

    bytes: int
    written_at_ns: int
    sha256: str


_NO_FILE = WrittenFile(0, 0, "")


def with_totals(recordings: pa.Table) -> pa.Table:
    """Add the control totals of recordings (LAKE_SCHEMA) to their metadata."""
    return recordings.replace_schema_metadata({TOTALS_KEY: encoded(control_totals(recordings))})


def totals_in(path: Path) -> dict[str, str]:
    """Read the control totals in a file; empty if it has none, or cannot be read."""
    try:
        return decoded((pq.read_schema(path).metadata or {}).get(TOTALS_KEY))
    except (OSError, ValueError, pa.ArrowException):
        return {}


def record_files(account: Path, paths: Mapping[str, Path]) -> None:
    """Record the files of an account as they are now, by name. Only those that changed are read."""
    before = _recorded(account) or {}
    now = {name: _as_recorded(path, before.get(name)) or _written(path) for name, path in paths.items()}
    write_if_changed(account / _FILES, msgspec.json.encode(now))


def changed_files(
    account: Path, months: Mapping[str, Path], tables: Mapping[str, Path], *, thoroughly: bool = False
) -> list[str]:
    """List the months and tables whose files are not as recorded. None, if nothing is: an older recspend did not.

    A recspend that recorded the months only says nothing of the tables. Tables are read, because they are small.
    thoroughly: also read months whose size and time are as recorded.
    """
    recorded = _recorded(account)
    if recorded is None:
        return []
    known = {name: tables[name] for name in tables.keys() & recorded.keys()}
    return [
        name
        for files, is_read in ((months, thoroughly), (known, True))
        for name, path in files.items()
        if not _is_same(path, recorded.get(name), thoroughly=is_read)
    ]


def damaged_month(files: Iterable[Path], *, thoroughly: bool) -> Path | None:
    """Return the first of these files of months that is missing or not as recorded; None if all are right.

    thoroughly: also read those whose size and time are as recorded.
    """
    for path in files:
        account, month = path.parents[1], path.parent.name.partition("=")[2]
        if not path.is_file() or changed_files(account, {month: path}, {}, thoroughly=thoroughly):
            return path
    return None


def _recorded(account: Path) -> dict[str, WrittenFile] | None:
    try:
        return msgspec.json.decode((account / _FILES).read_bytes(), type=dict[str, WrittenFile])
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _as_recorded(path: Path, recorded: WrittenFile | None) -> WrittenFile | None:
    if not path.exists():
        return None
    found = path.stat()
    is_same = recorded is not None and (recorded.bytes, recorded.written_at_ns) == (
        found.st_size,
        found.st_mtime_ns,
    )
    return recorded if is_same else None


def _is_same(path: Path, recorded: WrittenFile | None, *, thoroughly: bool) -> bool:
    if recorded is None or (path.stat().st_size if path.is_file() else 0) != recorded.bytes:
        return False
    looks_alike = _as_recorded(path, recorded) is not None and not thoroughly
    return looks_alike or _written(path).sha256 == recorded.sha256


def _written(path: Path) -> WrittenFile:
    if not path.is_file():
        return _NO_FILE
    found = path.stat()
    return WrittenFile(
        found.st_size, found.st_mtime_ns, sha256_of(path, found.st_size, found.st_mtime_ns, found.st_ino)
    )


@lru_cache(maxsize=100_000)
def sha256_of(path: Path, *_: int) -> str:
    """Return the digest of a file; a file of the same size, time and inode is read once."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def total_rows(account_sid: str, files: Iterable[tuple[str, Path]]) -> list[dict[str, str]]:
    """Return the control totals in the files of an account's months (TOTALS_SCHEMA)."""
    return [
        {"account_sid": account_sid, "created_month": month, "measure": measure, "value": value}
        for month, path in files
        for measure, value in totals_in(path).items()
    ]
