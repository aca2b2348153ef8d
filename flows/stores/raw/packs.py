"""Packs: the pages of an account that were received in one month, in one file.

`packs/<YYYY-MM>.arrow` is an Arrow IPC file of the columns sha256 (in order) and page, a zstd frame each as it was when
it was a file of its own. A closed month also has its journal, in the metadata of the file; a month that may still get
landings has its pages in `packs/<YYYY-MM>.open.arrow`, and its journal apart.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from flows.stores.raw.frames import compress
from flows.stores.whole_files import replaced_whole
from transforms.errors import DataError

PACK_SCHEMA = pa.schema(
    [pa.field("sha256", pa.binary(32), nullable=False), pa.field("page", pa.large_binary(), nullable=False)]
)

_JOURNAL, _JOURNAL_BYTES = b"recspend.journal", b"recspend.journal.bytes"
_OPEN = ".open.arrow"
_ZSTD = pa.Codec("zstd")


class Packs:
    """The packs below an account's folder."""

    def __init__(self, account: Path) -> None:
        self._folder = account / "packs"

    def frame(self, sha256: str) -> bytes | None:
        """Return the frame of the page with this digest; None if no pack has it. The newest packs are looked at first.

        Raises:
            DataError: A pack cannot be read.
        """
        wanted = bytes.fromhex(sha256)
        for path in sorted(self._folder.glob("*.arrow"), reverse=True):
            if (found := _opened(path).frame(wanted)) is not None:
                return found
        return None

    def frames(self, month: str) -> dict[str, bytes]:
        """Return the frames in the packs of a month, by digest."""
        paths = [path for path in (self.path(month), self.open_path(month)) if path.exists()]
        return {digest: frame for path in paths for digest, frame in _opened(path).frames()}

    def closed_months(self) -> set[str]:
        """Return the months (YYYY-MM) whose journal is packed."""
        return {path.stem for path in self._folder.glob("*.arrow") if not path.name.endswith(_OPEN)}

    def journal(self, month: str) -> bytes:
        """Return the lines of a closed month.

        Raises:
            DataError: The pack is missing or cannot be read.
        """
        return _opened(self.path(month)).journal()

    def write(self, month: str, frames: Mapping[str, bytes], journal: bytes | None) -> None:
        """Write the pack of a month, in place of the one it has. journal: its lines, if it is closed."""
        digests = sorted(frames)
        table = pa.table(
            [[bytes.fromhex(each) for each in digests], [frames[each] for each in digests]],
            schema=PACK_SCHEMA,
        )
        metadata = (
            {}
            if journal is None
            else {_JOURNAL: compress(journal), _JOURNAL_BYTES: str(len(journal)).encode()}
        )
        table = table.replace_schema_metadata(metadata)
        path = self.open_path(month) if journal is None else self.path(month)
        with replaced_whole(path) as partial, pa.ipc.new_file(partial, table.schema) as file:
            file.write_table(table)

    def remove_open(self, month: str) -> None:
        """Remove the pack of a month that was open, if there is one."""
        self.open_path(month).unlink(missing_ok=True)

    def path(self, month: str) -> Path:
        """Return the pack of a closed month, whether or not it exists."""
        return self._folder / f"{month}.arrow"

    def open_path(self, month: str) -> Path:
        """Return the pack of a month that is not closed, whether or not it exists."""
        return self._folder / f"{month}{_OPEN}"


class _Pack:
    """An open pack: the file is mapped into memory, and only what is asked for is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
            self._digests, self._pages = (table[name].combine_chunks() for name in PACK_SCHEMA.names)
            self._bytes = memoryview(self._digests.buffers()[1] or b"")
            self._metadata: Mapping[bytes, bytes] = table.schema.metadata or {}
        except (OSError, KeyError, pa.ArrowException):
            raise _unreadable(path) from None

    def frame(self, digest: bytes) -> bytes | None:
        count = len(self._digests)
        place = bisect_left(range(count), digest, key=self._digest)
        if place == count or self._digest(place) != digest:
            return None
        return bytes(self._pages[place].as_py())

    def frames(self) -> Iterator[tuple[str, bytes]]:
        for digest, page in zip(self._digests, self._pages, strict=True):
            yield digest.as_py().hex(), page.as_py()

    def _digest(self, place: int) -> bytes:
        return bytes(self._bytes[32 * place : 32 * place + 32])

    def journal(self) -> bytes:
        try:
            size = int(self._metadata[_JOURNAL_BYTES])
            return bytes(_ZSTD.decompress(self._metadata[_JOURNAL], size, asbytes=True))
        except (KeyError, ValueError, OSError, pa.ArrowException):
            raise _unreadable(self._path) from None


def _opened(path: Path) -> _Pack:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise _unreadable(path) from None
    return _open(path, found.st_size, found.st_mtime_ns, found.st_ino)


@lru_cache(maxsize=64)
def _open(path: Path, *_: int) -> _Pack:
    return _Pack(path)


def _unreadable(path: Path) -> DataError:
    return DataError(f"{path} is missing or damaged. Restore it from a backup.")
