"""The data folder as a mirror of the bucket: pulled before an account is worked on, pushed when that is done.

What a machine has of a scope is compared with its head by digest. `.bucket/<scope>.json` has the head that the folder
was brought to, and what each of its files looked like then, so that files which nobody touched are not read again.

A pull that is killed is repeated, because `.bucket` still has the head before. A push that is killed before the head is
swapped has added objects that nothing names: the next push names them, or `tidy` removes them.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from flows.stores.bucket.heads import NOTIFIED, RUNS, SHARED, Head, Heads, Stored, object_name, sid_of
from flows.stores.whole_files import BESIDE, remove_for_good, replaced_whole, write_whole
from transforms.errors import BucketError

if TYPE_CHECKING:
    from flows.stores.bucket.objects import Bucket

_FOLDER = ".bucket"
_OF_ACCOUNT = ("raw", "raw_usage", "lake", "usage_records")
_STATE = "state"
_OF_ALL = ("statements", "reports")
_FILES_OF_ALL = ("told.json", "reports.json")
_FILES_OF = {SHARED: (*_OF_ALL, *_FILES_OF_ALL), NOTIFIED: ("notified.json",), RUNS: ("runs",)}
_LINES = "runs/"
"""Files of lines that each machine adds to: those of both are kept."""
_NOT_KEPT = (BESIDE, ".sids", ".lock", "sums.json")
_LOCAL_FOLDER = "under_way"
_AT_ONCE = 16
# What makes everything else count is written last, so that a pull that is killed leaves nothing half visible.
_LAST = ("commit.json", "_landings.json")


class _Seen(msgspec.Struct, frozen=True, array_like=True):
    """What a file looked like when its digest was taken."""

    bytes: int
    written_at_ns: int
    inode: int
    sha256: str


class _Base(msgspec.Struct, frozen=True):
    """The head that a folder was brought to, its ETag, and its files as they were then."""

    tag: str | None = None
    head: Head = Head()
    seen: dict[str, _Seen] = {}


class Mirror:
    """A data folder that mirrors a bucket."""

    def __init__(self, data_dir: Path, bucket: "Bucket") -> None:
        self._data_dir = data_dir
        self._bucket = bucket
        self._heads = Heads(bucket)

    def newer(self) -> list[str]:
        """List the sids of the accounts of which the bucket has something newer than what was pulled or pushed last."""
        tags = self._heads.tags().items()
        return [sid for scope, tag in tags if (sid := sid_of(scope)) and self._base(scope).tag != tag]

    def pull(self, scope: str) -> bool:
        """Bring the files of a scope up to date with the bucket; return whether the bucket had anything newer.

        What this folder has and never pushed stays if nobody else wrote meanwhile; otherwise it gives way.
        Raises BucketError if an object is missing, and as `Bucket`.
        """
        head, tag = self._heads.read(scope)
        base = self._base(scope)
        if tag is None or tag == base.tag:
            return False
        here = self._files(scope, base)
        wanted = _differing(head.files, here)
        lines = {path: (self._data_dir / path).read_bytes() for path in here if path.startswith(_LINES)}
        for group in _in_order(wanted):
            self._each(group, lambda path: self._fetch(path, head.files[path]))
        for path in here.keys() - head.files.keys() - lines.keys():
            remove_for_good(self._data_dir / path)
        self._keep(scope, head, tag, base)
        for path in lines.keys() & wanted.keys():
            _add_lines(self._data_dir / path, lines[path])
        return True

    def push(self, scope: str) -> bool:
        """Add the files of a scope to the bucket and swap its head, if anything differs; return whether it did.

        Raises LostTurnError if another machine wrote the scope since the last pull, and as `Bucket`.
        """
        base = self._base(scope)
        files = self._files(scope, base)
        new = _differing(files, base.head.files)
        if not new and files.keys() == base.head.files.keys():
            return False
        self._each(
            [*new], lambda path: self._bucket.create(object_name(path, files[path]), self._data_dir / path)
        )
        head, tag = self._heads.swap(scope, base.head, base.tag, files, datetime.now(UTC))
        self._keep(scope, head, tag, base)
        return True

    def _fetch(self, path: str, stored: Stored) -> None:
        name, times = object_name(path, stored), (stored.written_at_ns, stored.written_at_ns)
        with replaced_whole(self._data_dir / path) as partial:
            if not self._bucket.fetch(name, partial) or _sha256(partial) != stored.sha256:
                raise BucketError(
                    f"{self._bucket.url}/{name} is missing or damaged. Restore it, if the bucket keeps versions; "
                    "other accounts are not affected."
                )
            os.utime(partial, ns=times)

    def _each(self, paths: Sequence[str], work: Callable[[str], object]) -> None:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="bucket") as pool:
            for _ in pool.map(work, paths):
                pass

    def _files(self, scope: str, base: _Base) -> dict[str, Stored]:
        """Return what the folder has of a scope now."""
        found = {}
        for path in sorted(self._paths(scope)):
            name = path.relative_to(self._data_dir).as_posix()
            seen = _seen(path, base.seen.get(name))
            found[name] = Stored(seen.sha256, seen.bytes, seen.written_at_ns)
        return found

    def _paths(self, scope: str) -> Iterator[Path]:
        for root in self._roots(scope):
            candidates = [root] if root.is_file() else root.rglob("*")
            for path in candidates:
                if path.is_file() and not path.name.endswith(_NOT_KEPT) and _LOCAL_FOLDER not in path.parts:
                    yield path

    def _roots(self, scope: str) -> list[Path]:
        if scope in _FILES_OF:
            return [self._data_dir / name for name in _FILES_OF[scope]]
        return [
            *(self._data_dir / root / scope for root in _OF_ACCOUNT),
            self._data_dir / _STATE / f"{scope}.json",
        ]

    def _base(self, scope: str) -> _Base:
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(self._base_path(scope).read_bytes(), type=_Base)
        return _Base()

    def _keep(self, scope: str, head: Head, tag: str, before: _Base) -> None:
        seen = {
            name: _seen(path, before.seen.get(name))
            for name in head.files
            if (path := self._data_dir / name).is_file()
        }
        write_whole(self._base_path(scope), msgspec.json.encode(_Base(tag, head, seen)))

    def _base_path(self, scope: str) -> Path:
        return self._data_dir / _FOLDER / f"{scope}.json"


def _add_lines(path: Path, content: bytes) -> None:
    """Add the lines that a file does not have. Nothing is lost: of several lines of a run the newest counts."""
    known = path.read_bytes()
    there = set(known.splitlines())
    added = [line for line in content.splitlines() if line not in there]
    if added:
        write_whole(path, known + b"\n".join(added) + b"\n")


def _differing(files: Mapping[str, Stored], others: Mapping[str, Stored]) -> dict[str, Stored]:
    """Return the files whose content the others do not have."""
    return {
        path: each for path, each in files.items() if path not in others or others[path].sha256 != each.sha256
    }


def _in_order(files: Mapping[str, Stored]) -> Iterable[list[str]]:
    last = [path for path in files if path.endswith(_LAST)]
    return ([path for path in files if path not in last], last)


def _seen(path: Path, before: _Seen | None) -> _Seen:
    found = path.stat()
    state = found.st_size, found.st_mtime_ns, found.st_ino
    if before is not None and (before.bytes, before.written_at_ns, before.inode) == state:
        return before
    return _Seen(*state, _sha256(path))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
