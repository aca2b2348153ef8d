"""Packs: the pages of an account that were received in one month, in one file.

`packs/<YYYY-MM>.arrow` is an Arrow IPC file of the columns sha256 (in order) and page, a zstd frame each as it was when
it was a file of its own. A closed month also has its journal, in the metadata of the file; a month that may still get
landings has its pages in `packs/<YYYY-MM>.open.arrow`, and its journal apart.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from flows.stores.raw.frames import compress, is_of
from flows.stores.whole_files import BESIDE, replaced_whole
from transforms.errors import DataError

PACK_SCHEMA = pa.schema(
    [pa.field("sha256", pa.binary(32), nullable=False), pa.field("page", pa.large_binary(), nullable=False)]
)

_INDEX = b"recspend.index"
_JOURNAL, _JOURNAL_BYTES = b"recspend.journal", b"recspend.journal.bytes"
_OPEN = ".open.arrow"
_ZSTD = pa.Codec("zstd")
_BATCH_BYTES = 16 << 20


class Packs:
    """The packs below an account's folder."""

    def __init__(self, account: Path) -> None:
        self._folder = account / "packs"

    def frame(self, sha256: str) -> memoryview | None:
        """Return the frame of the page with this digest; None if no pack has it.

        Raises:
            DataError: A pack cannot be read.
        """
        found = self._find(sha256)
        return found[1] if found else None

    def path_of(self, sha256: str) -> Path | None:
        """Return the pack that has the page with this digest; None if none has it.

        Raises:
            DataError: A pack cannot be read.
        """
        found = self._find(sha256)
        return found[0] if found else None

    def closed_months(self) -> set[str]:
        """Return the months (YYYY-MM) whose journal is packed."""
        return {path.stem for path in self.paths() if not self.is_open(path)}

    def digests(self, path: Path) -> list[str]:
        """List the pages of a pack in order; none if it does not exist.

        Raises:
            DataError: It cannot be read.
        """
        return _opened(path).digests() if path.exists() else []

    def frame_in(self, path: Path, sha256: str) -> memoryview | None:
        """Return the frame of a page in one pack; None if the pack does not exist or does not have it.

        Raises:
            DataError: It cannot be read.
        """
        return _opened(path).frame(bytes.fromhex(sha256)) if path.exists() else None

    def write(
        self,
        path: Path,
        digests: Sequence[str],
        frame_of: Callable[[str], bytes],
        journal: bytes | None = None,
    ) -> None:
        """Write a pack, in place of the one there is, and read it back before it counts.

        digests: of its pages, in order. journal: the lines of its month, if it is closed.

        Raises:
            DataError: It does not read back as what was written.
        """
        metadata = {_INDEX: _digest_of(b"".join(map(bytes.fromhex, digests)))}
        if journal is not None:
            metadata |= {_JOURNAL: compress(journal), _JOURNAL_BYTES: str(len(journal)).encode()}
        schema = PACK_SCHEMA.with_metadata(metadata)
        with replaced_whole(path) as partial:
            with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_file(sink, schema) as file:
                for rows in _batches(digests, frame_of):
                    file.write_batch(pa.record_batch(list(zip(*rows, strict=True)), schema=schema))
            if not _holds(partial, digests, journal):
                raise DataError(
                    f"{path} does not read back as it was written, so its pages and lines stay as they are. Check the "
                    "disk."
                )

    def paths(self) -> list[Path]:
        """List the packs, the oldest month first."""
        return sorted(self._folder.glob("*.arrow"))

    def is_open(self, path: Path) -> bool:
        """Check whether a pack is that of a month that is not closed."""
        return path.name.endswith(_OPEN)

    def unfinished(self) -> list[Path]:
        """List files that were being written when a run was killed. Only for the one who holds the data folder."""
        return [*self._folder.glob(f"*{BESIDE}")]

    def path(self, month: str) -> Path:
        """Return the pack of a closed month, whether or not it exists."""
        return self._folder / f"{month}.arrow"

    def open_path(self, month: str) -> Path:
        """Return the pack of a month that is not closed, whether or not it exists."""
        return self._folder / f"{month}{_OPEN}"

    def _find(self, sha256: str) -> tuple[Path, memoryview] | None:
        """Look for a page, in the newest packs first."""
        wanted = bytes.fromhex(sha256)
        for path in reversed(self.paths()):
            try:
                frame = _opened(path).frame(wanted)
            except FileNotFoundError:  # its month was closed in the meantime
                return self._find(sha256)
            if frame is not None:
                return path, frame
        return None


class _Pack:
    """A pack mapped into memory: only what is asked for is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            reader = pa.ipc.open_file(pa.memory_map(str(path)))
            self._batches = [reader.get_batch(number) for number in range(reader.num_record_batches)]
            for batch in self._batches:
                batch.validate(full=True)  # a damaged offset would lead out of the file
            columns = [batch.column("sha256") for batch in self._batches]
            self._index = b"".join(
                bytes(column.buffers()[1] or b"")[: 32 * len(column)] for column in columns
            )
            self._metadata: Mapping[bytes, bytes] = reader.schema.metadata or {}
            is_whole = reader.schema.equals(PACK_SCHEMA) and self._metadata[_INDEX] == _digest_of(self._index)
        except FileNotFoundError:
            raise
        except (OSError, KeyError, pa.ArrowException):
            is_whole = False
        if not is_whole:
            raise unreadable(path)
        self._ends = [0]
        for batch in self._batches:
            self._ends.append(self._ends[-1] + batch.num_rows)

    def frame(self, digest: bytes) -> memoryview | None:
        count = self._ends[-1]
        place = bisect_left(range(count), digest, key=self._digest)
        if place == count or self._digest(place) != digest:
            return None
        number = bisect_right(self._ends, place) - 1
        page = self._batches[number].column("page")[place - self._ends[number]]
        return memoryview(page.as_buffer()).cast("B")

    def digests(self) -> list[str]:
        return [self._digest(place).hex() for place in range(self._ends[-1])]

    def journal(self) -> bytes:
        try:
            size = int(self._metadata[_JOURNAL_BYTES])
            return bytes(_ZSTD.decompress(self._metadata[_JOURNAL], size, asbytes=True))
        except (KeyError, ValueError, OSError, pa.ArrowException):
            raise unreadable(self._path) from None

    def _digest(self, place: int) -> bytes:
        return self._index[32 * place : 32 * place + 32]


def journal_in(path: Path) -> bytes:
    """Return the lines in the pack of a closed month.

    Raises:
        FileNotFoundError: There is no such pack.
        DataError: It cannot be read.
    """
    return _opened(path).journal()


def _batches(digests: Sequence[str], frame_of: Callable[[str], bytes]) -> Iterator[list[tuple[bytes, bytes]]]:
    """Yield the rows of a pack, in parts that fit into memory."""
    rows, size = list[tuple[bytes, bytes]](), 0
    for digest in digests:
        frame = frame_of(digest)
        rows.append((bytes.fromhex(digest), frame))
        size += len(frame)
        if size >= _BATCH_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _holds(path: Path, digests: Sequence[str], journal: bytes | None) -> bool:
    """Check whether a pack reads as it should, page by page."""
    pack = _Pack(path)
    return (
        pack.digests() == digests
        and (journal is None or pack.journal() == journal)
        and all(is_of(pack.frame(bytes.fromhex(digest)) or b"", digest) for digest in digests)
    )


def _digest_of(index: bytes) -> bytes:
    return hashlib.sha256(index).hexdigest().encode()


def _opened(path: Path) -> _Pack:
    found = path.stat()
    return _open(path, found.st_size, found.st_mtime_ns, found.st_ino)


@lru_cache(maxsize=64)
def _open(path: Path, *_: int) -> _Pack:
    return _Pack(path)


def unreadable(path: Path) -> DataError:
    """Return the error that a pack is missing or damaged."""
    return DataError(f"{path} is missing or damaged. Restore it from a backup.")
