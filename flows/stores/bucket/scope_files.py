"""Which files of a data folder belong to a scope, and what they looked like when their digest was taken."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from flows.stores.bucket.heads import NOTIFIED, RUNS, SHARED
from flows.stores.whole_files import BESIDE

_OF_ACCOUNT = ("raw", "raw_usage", "lake", "usage_records")
_STATE = "state"
_OF_ALL = ("statements", "reports")
_FILES_OF_ALL = ("told.json", "reports.json")
_FILES_OF = {SHARED: (*_OF_ALL, *_FILES_OF_ALL), NOTIFIED: ("notified.json",), RUNS: ("runs",)}
_NOT_KEPT = (".sids", ".lock", "sums.json")
_LOCAL_FOLDER = "under_way"
_CHUNK = 1 << 20


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What a file looked like when its digest was taken."""

    bytes: int
    written_at_ns: int
    inode: int
    sha256: str


def paths_of(data_dir: Path, scope: str) -> Iterator[Path]:
    """Yield the files that a folder has of a scope, but for those that concern this machine alone."""
    for root in _roots(data_dir, scope):
        candidates = [root] if root.is_file() else root.rglob("*")
        for path in candidates:
            below = path.relative_to(data_dir).parts
            if path.is_file() and not (path.name.endswith(_NOT_KEPT) or any(map(_is_local, below))):
                yield path


def under_way_of(data_dir: Path, scope: str) -> list[Path]:
    """Return the folders of the fetches under way of a scope."""
    return [found for root in _roots(data_dir, scope) if (found := root / _LOCAL_FOLDER).is_dir()]


def seen(path: Path, before: Seen | None) -> Seen:
    """Return what a file looks like. Its digest is not taken again if it looks as before."""
    found = path.stat()
    state = found.st_size, found.st_mtime_ns, found.st_ino
    if before is not None and (before.bytes, before.written_at_ns, before.inode) == state:
        return before
    return Seen(*state, sha256_of(path, found.st_size))


def sha256_of(path: Path, size: int = sys.maxsize) -> str:
    """Return the digest of the first bytes of a file: another process may be adding to it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(min(size, _CHUNK)):
            digest.update(chunk)
            size -= len(chunk)
    return digest.hexdigest()


def _roots(data_dir: Path, scope: str) -> list[Path]:
    if scope in _FILES_OF:
        return [data_dir / name for name in _FILES_OF[scope]]
    return [*(data_dir / root / scope for root in _OF_ACCOUNT), data_dir / _STATE / f"{scope}.json"]


def _is_local(name: str) -> bool:
    return name == _LOCAL_FOLDER or name.endswith(BESIDE)
