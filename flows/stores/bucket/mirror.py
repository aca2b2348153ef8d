"""The data folder as a mirror of the bucket: pulled before an account is worked on, pushed when that is done.

What a machine has of a scope is compared with its head by digest. `.bucket/<scope>.json` has the head that the folder
was brought to, and what each of its files looked like then, so that files which nobody touched are not read again.

A pull that is killed is repeated, because `.bucket` still has the head before. A push that is killed before the head is
swapped has added objects that nothing names: the next push names them.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from flows.stores.bucket.before import refuse_to_lose
from flows.stores.bucket.heads import Head, Heads, Stored, object_name, sid_of
from flows.stores.bucket.scope_files import Seen, paths_of, seen, sha256_of, under_way_of
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.lines import whole_lines
from flows.stores.whole_files import remove_for_good, replaced_whole, write_whole
from transforms.errors import BucketError

if TYPE_CHECKING:
    from flows.stores.bucket.objects import Bucket

_FOLDER = ".bucket"
_LINES = "runs/"
"""Files of lines that each machine adds to: those of both are kept."""
_LAKE, _PAGES, _STATEMENTS = "lake/", "/pages/", "statements/"
_AT_ONCE = 16
# What makes everything else count is written last, so that a pull that is killed leaves nothing half visible.
_LAST = ("commit.json", "_landings.json")


class _Base(msgspec.Struct, frozen=True):
    """The head that a folder was brought to, its ETag, and its files as they were then."""

    tag: str | None = None
    head: Head = Head()
    seen: dict[str, Seen] = {}


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

    def pull(self, scope: str, *, has_warehouse: bool = False) -> bool:
        """Bring the files of a scope up to date with the bucket; return whether the bucket had anything newer.

        What this folder has and never pushed stays if nobody else wrote meanwhile; otherwise it gives way, unless it is
        from before the folder mirrored a bucket. Fetches under way give way, too: they began before what others read
        since, and a month may be closed now. Files that went missing here since the last push come back.

        has_warehouse: the caller has the lock of the warehouse, and builds no tables yet.

        Raises BucketError if an object or the head is missing, ConfigError if something from before would be lost, and
        as `Bucket`.
        """
        head, tag = self._heads.read(scope)
        known = self._known(scope)
        base = known or _Base()
        if tag is None:
            self._nothing_there(scope, known)
            return False
        here = self._files(scope, base)
        if tag == base.tag:
            if lost := {path: each for path, each in head.files.items() if _is_lost(path, each, here)}:
                self._bring(lost)
                self._keep(scope, head, tag, base)
            return False
        if known is None:
            refuse_to_lose(self._data_dir, self._bucket, scope, head, here)
        self._bring(_differing(head.files, here))
        for path in here.keys() - head.files.keys():
            if not self._stays(path, known, has_warehouse=has_warehouse):
                remove_for_good(self._data_dir / path)
        for fetches in under_way_of(self._data_dir, scope):
            shutil.rmtree(fetches)
        self._keep(scope, head, tag, base)
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
        self._each([*new], lambda path: self._add(path, files[path]))
        head, tag = self._heads.swap(scope, base.head, base.tag, files, datetime.now(UTC))
        self._keep(scope, head, tag, base)
        return True

    def _nothing_there(self, scope: str, known: _Base | None) -> None:
        """Note that the bucket had nothing of a scope, and neither had the folder: what comes may give way."""
        if known is not None and known.tag is not None:
            raise BucketError(
                f"{self._heads.address(scope)} is gone, although this folder has pulled it. Restore it, if the bucket "
                f"keeps versions; or remove {self._base_path(scope)}, so that what is here gets into the bucket again."
            )
        if known is None and not any(paths_of(self._data_dir, scope)):
            write_whole(self._base_path(scope), msgspec.json.encode(_Base()))

    def _stays(self, path: str, known: _Base | None, *, has_warehouse: bool) -> bool:
        """Check whether a file stays that the bucket does not have."""
        if path.startswith(_LINES) or (known is None and path.startswith(_STATEMENTS)):
            return True
        # As in `Lake.tidy`: a process that builds the tables may read an earlier commit.
        is_read = path.startswith(_LAKE) and not has_warehouse
        return is_read and DataLocks(self._data_dir).warehouse_holder() is not None

    def _bring(self, files: Mapping[str, Stored]) -> None:
        for group in _in_order(files):
            self._each(group, lambda path: self._fetch(path, files[path]))

    def _fetch(self, path: str, stored: Stored) -> None:
        if path.startswith(_LINES):
            self._fetch_lines(path, stored)
            return
        with replaced_whole(self._data_dir / path) as partial:
            if (
                not self._bucket.fetch(object_name(path, stored), partial)
                or sha256_of(partial) != stored.sha256
            ):
                raise self._heads.damaged(path, stored)
            os.utime(partial, ns=(stored.written_at_ns, stored.written_at_ns))

    def _fetch_lines(self, path: str, stored: Stored) -> None:
        """Put the lines of the bucket before those that only this folder has: of several of a run the newest counts."""
        found = self._heads.content(path, stored)
        target = self._data_dir / path
        with DataLocks(self._data_dir).briefly("runs"):  # other processes of this machine add to it, too
            own = whole_lines(target.read_bytes()) if target.exists() else []
            there = {*whole_lines(found)}
            write_whole(target, found + b"".join(line + b"\n" for line in own if line not in there))

    def _add(self, path: str, stored: Stored) -> None:
        file = self._data_dir / path
        # Another process may have added lines since: an object has what its digest says.
        content = file.read_bytes()[: stored.bytes] if path.startswith(_LINES) else file
        self._bucket.create(object_name(path, stored), content)

    def _each(self, paths: Sequence[str], work: Callable[[str], object]) -> None:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="bucket") as pool:
            for _ in pool.map(work, paths):
                pass

    def _files(self, scope: str, base: _Base) -> dict[str, Stored]:
        """Return what the folder has of a scope now."""
        found = {}
        for path in sorted(paths_of(self._data_dir, scope)):
            name = path.relative_to(self._data_dir).as_posix()
            now = seen(path, base.seen.get(name))
            found[name] = Stored(now.sha256, now.bytes, now.written_at_ns)
        return found

    def _base(self, scope: str) -> _Base:
        return self._known(scope) or _Base()

    def _known(self, scope: str) -> _Base | None:
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(self._base_path(scope).read_bytes(), type=_Base)
        return None

    def _keep(self, scope: str, head: Head, tag: str, before: _Base) -> None:
        files = {
            name: seen(path, before.seen.get(name))
            for name in head.files
            if (path := self._data_dir / name).is_file()
        }
        write_whole(self._base_path(scope), msgspec.json.encode(_Base(tag, head, files)))

    def _base_path(self, scope: str) -> Path:
        return self._data_dir / _FOLDER / f"{scope}.json"


def _is_lost(path: str, stored: Stored, here: Mapping[str, Stored]) -> bool:
    """Check whether a file that nobody ever removes or changes is missing or damaged."""
    found = here.get(path)
    is_fixed = _PAGES in path or path.startswith(_STATEMENTS)
    return found is None or (is_fixed and found.sha256 != stored.sha256)


def _differing(files: Mapping[str, Stored], others: Mapping[str, Stored]) -> dict[str, Stored]:
    """Return the files whose content the others do not have."""
    return {
        path: each for path, each in files.items() if path not in others or others[path].sha256 != each.sha256
    }


def _in_order(files: Mapping[str, Stored]) -> Iterable[list[str]]:
    last = [path for path in files if path.endswith(_LAST)]
    return ([path for path in files if path not in last], last)
