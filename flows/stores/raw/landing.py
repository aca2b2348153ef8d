"""One landing: its folder, its manifest, and how its pages are written.

A landing whose pagination reached `next_page_uri: null` has a `manifest.json`, which is written last. One that was
abandoned, because its window was split or its cursor expired, has an `abandoned.json` instead. Its pages are kept,
since they may be the only ones to list a recording.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from flows.stores.whole_files import flush_folder, write_whole
from transforms.errors import DataError
from transforms.pages.records import Envelope, read_envelope
from transforms.values.windows import Fetch, Window

STAMP = "%Y%m%dT%H%M%S.%fZ"
"""Format of a folder's name: the instant (UTC) its fetch began."""

MANIFEST = "manifest.json"
ABANDONED = "abandoned.json"

_SKIPPED = struct.pack("<II", 0x184D2A50, hashlib.sha256().digest_size)
"""The header of a skippable frame (RFC 8878, 3.1.2): magic number and size."""


class LandedPage(msgspec.Struct, frozen=True):
    """One page of a manifest: its URL, its file, and the sha256, size and row count of the exact bytes received."""

    url: str
    file: str
    sha256: str
    bytes: int
    rows: int


class Manifest(msgspec.Struct, frozen=True):
    """The pages of a landing; the file marks it as complete. Days are in UTC and inclusive, instants in UTC."""

    account_sid: str
    first: date
    last: date
    fetched_at: datetime
    completed_at: datetime
    rows: int
    pages: list[LandedPage]
    format: int = 1


@dataclass(frozen=True, slots=True)
class Landing:
    """One fetched batch of pages: its account, its window, and when the fetch began (UTC).

    is_whole: it was not abandoned. root: the folder it is in, below the data folder.
    """

    account_sid: str
    window: Window
    fetched_at: datetime
    is_whole: bool = True
    root: str = "raw"

    @property
    def name(self) -> str:
        """The landing's folder, relative to the data folder."""
        window = f"{self.window.first}_{self.window.last}"
        return f"{self.root}/account_sid={self.account_sid}/{window}/{self.fetched_at.strftime(STAMP)}"

    @property
    def fetch(self) -> Fetch:
        """The landing as a fetch of its window."""
        return Fetch(self.window, self.fetched_at, self.name, self.is_whole)


class LandingWriter:
    """Writes a landing: first it takes the pages already there, then new ones in order, and finally the manifest."""

    def __init__(self, landing: Landing, folder: Path) -> None:
        self._landing = landing
        self._folder = folder
        self._pages: list[LandedPage] = []

    @property
    def pages(self) -> int:
        """How many pages the landing has so far."""
        return len(self._pages)

    def kept_pages(self) -> Iterator[tuple[bytes, Envelope]]:
        """Yield the pages landed before the fetch was interrupted, up to the first that cannot be read.

        Call `note` for each of them to include it in the manifest.
        """
        for path in sorted(self._folder.glob("page-*.json.zst")):
            try:
                body = decompress(path.read_bytes())
                envelope = read_envelope(body)
            except (DataError, OSError):
                return  # this page and all after it are fetched again
            if path.name != self._next_file():
                return
            yield body, envelope

    def note(self, url: str, body: bytes, rows: int) -> None:
        """Include a page that is already in the folder in the manifest."""
        digest = hashlib.sha256(body).hexdigest()
        self._pages.append(LandedPage(url, self._next_file(), digest, len(body), rows))

    def add(self, url: str, body: bytes, rows: int) -> None:
        """Land a page: write its exact bytes to a temporary file, and rename it."""
        write_whole(self._folder / self._next_file(), compress(body), is_flushed_later=True)
        self.note(url, body, rows)

    def complete(self, completed_at: datetime) -> Manifest:
        """Write the manifest: pagination reached the last page."""
        return self._end(MANIFEST, completed_at)

    def abandon(self, abandoned_at: datetime) -> Manifest:
        """Abandon the fetch and keep its pages: they may be the only ones to list a recording."""
        return self._end(ABANDONED, abandoned_at)

    def _end(self, file: str, completed_at: datetime) -> Manifest:
        landing = self._landing
        manifest = Manifest(
            account_sid=landing.account_sid,
            first=landing.window.first,
            last=landing.window.last,
            fetched_at=landing.fetched_at,
            completed_at=completed_at,
            rows=sum(page.rows for page in self._pages),
            pages=self._pages,
        )
        flush_folder(self._folder)  # so that a manifest never names a page that a power cut took away
        write_whole(self._folder / file, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        return manifest

    def _next_file(self) -> str:
        return f"page-{len(self._pages):05d}.json.zst"


def compress(body: bytes) -> bytes:
    """Compress a body into a zstd frame that any zstd tool can read, and add its sha256 in a frame that tools skip.

    Until there is a manifest, nothing else says what was received.
    """
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(body)
    return bytes(sink.getvalue()) + _SKIPPED + hashlib.sha256(body).digest()


def decompress(frame: bytes) -> bytes:
    """Decompress a zstd frame.

    Raises:
        OSError: It is not a whole zstd frame, or not what was compressed.
    """
    with pa.CompressedInputStream(pa.BufferReader(frame), "zstd") as stream:
        body = bytes(stream.read())
    end = len(_SKIPPED) + hashlib.sha256().digest_size
    # Pages of an older recspend have no digest.
    if frame[-end:].startswith(_SKIPPED) and frame[-end:] != _SKIPPED + hashlib.sha256(body).digest():
        raise OSError("The page is not what was received.")
    return body
