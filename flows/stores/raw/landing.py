"""One landing: its folder, its manifest, and how its pages are written.

A walk that ended on `next_page_uri: null` has a `manifest.json`, written last. One that was given up, because its
window was cut or its cursor died, has an `abandoned.json` instead: its pages stay, since what they list may be seen
nowhere else.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from flows.stores.whole_files import write_whole
from transforms.errors import DataError
from transforms.pages.records import Envelope, read_envelope
from transforms.values.windows import Fetch, Window

STAMP = "%Y%m%dT%H%M%S.%fZ"
"""How a folder is named after the instant (UTC) its walk began."""

MANIFEST = "manifest.json"
ABANDONED = "abandoned.json"


class LandedPage(msgspec.Struct, frozen=True):
    """One page of a manifest: where it came from, its file, and what it must hold (sha256 of the exact bytes)."""

    url: str
    file: str
    sha256: str
    bytes: int
    rows: int


class Manifest(msgspec.Struct, frozen=True):
    """What makes a landing complete. Days are UTC and inclusive; instants UTC."""

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
    """A walk's folder: its account, its window, and when the walk began. is_whole: not given up before its end.

    root: the folder it is in, below the data folder.
    """

    account_sid: str
    window: Window
    fetched_at: datetime
    is_whole: bool = True
    root: str = "raw"

    @property
    def name(self) -> str:
        """The folder, relative to the data folder."""
        window = f"{self.window.first}_{self.window.last}"
        return f"{self.root}/account_sid={self.account_sid}/{window}/{self.fetched_at.strftime(STAMP)}"

    @property
    def fetch(self) -> Fetch:
        """The landing as a reading of its window."""
        return Fetch(self.window, self.fetched_at, self.name, self.is_whole)


class LandingWriter:
    """A landing being written: first the pages it already has, then new ones in order, at last the manifest."""

    def __init__(self, landing: Landing, folder: Path) -> None:
        self._landing = landing
        self._folder = folder
        self._pages: list[LandedPage] = []

    @property
    def pages(self) -> int:
        """How many pages the landing has so far."""
        return len(self._pages)

    def kept_pages(self) -> Iterator[tuple[bytes, Envelope]]:
        """Pages landed before the walk was broken off, up to the first that cannot be read.

        Each one counts again through `note`.
        """
        for path in sorted(self._folder.glob("page-*.json.zst")):
            try:
                body = decompress(path.read_bytes())
                envelope = read_envelope(body)
            except (DataError, OSError):
                return  # this one and all behind it are asked again
            if path.name != self._next_file():
                return
            yield body, envelope

    def note(self, url: str, body: bytes, rows: int) -> None:
        """Count a page that lies in the folder into the manifest to come."""
        digest = hashlib.sha256(body).hexdigest()
        self._pages.append(LandedPage(url, self._next_file(), digest, len(body), rows))

    def add(self, url: str, body: bytes, rows: int) -> None:
        """Land a page: the exact bytes, written beside and renamed."""
        write_whole(self._folder / self._next_file(), compress(body))
        self.note(url, body, rows)

    def complete(self, completed_at: datetime) -> Manifest:
        """Write the manifest: the walk ended on null."""
        return self._end(MANIFEST, completed_at)

    def abandon(self, given_up_at: datetime) -> Manifest:
        """Give the walk up, and keep its pages: what they list was seen, and perhaps nowhere else."""
        return self._end(ABANDONED, given_up_at)

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
        write_whole(self._folder / file, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        return manifest

    def _next_file(self) -> str:
        return f"page-{len(self._pages):05d}.json.zst"


def compress(body: bytes) -> bytes:
    """A zstd frame of the body, readable by any zstd tool."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(body)
    return bytes(sink.getvalue())


def decompress(frame: bytes) -> bytes:
    """The body of a zstd frame. Raises OSError when it is none."""
    with pa.CompressedInputStream(pa.BufferReader(frame), "zstd") as stream:
        return bytes(stream.read())
