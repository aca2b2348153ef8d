"""The raw pages: the exact bytes the API sent, kept for ever, and the manifest that makes a landing complete.

`raw/account_sid=<sid>/<first>_<last>/<fetched at>/page-00000.json.zst …, manifest.json`

A landing is one walk over one window. Its manifest is written last, when the walk ended on `next_page_uri: null`;
without it the landing is unfinished, and the walk goes on behind its last page.
"""

import hashlib
import logging
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock

import msgspec
import pyarrow as pa

from flows.stores.files import write_whole
from transforms.errors import DataError
from transforms.recordings import Page
from transforms.records import Envelope, read_envelope
from transforms.windows import Reading, Window

logger = logging.getLogger(__name__)

_STAMP = "%Y%m%dT%H%M%S.%fZ"
_MANIFEST = "manifest.json"
_ZSTD = pa.Codec("zstd")


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
    """A walk's folder: its account, its window, and when the walk began."""

    account_sid: str
    window: Window
    fetched_at: datetime

    @property
    def name(self) -> str:
        """The folder, relative to the data folder."""
        window = f"{self.window.first}_{self.window.last}"
        return f"raw/account_sid={self.account_sid}/{window}/{self.fetched_at.strftime(_STAMP)}"

    @property
    def reading(self) -> Reading:
        """The landing as a reading of its window."""
        return Reading(self.window, self.fetched_at, self.name)


class RawPages:
    """The raw pages under one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._begun: dict[str, set[datetime]] = {}
        self._beginning = Lock()

    def accounts(self) -> list[str]:
        """Sids of all accounts that have landings."""
        folders = (self._data_dir / "raw").glob("account_sid=*")
        return sorted(folder.name.partition("=")[2] for folder in folders)

    def complete(self, account_sid: str) -> list[Landing]:
        """Landings with a manifest, in the order their walks began."""
        return [landing for landing in self._landings(account_sid) if self._is_complete(landing)]

    def unfinished(self, account_sid: str) -> list[Landing]:
        """Landings a walk was broken off in."""
        return [landing for landing in self._landings(account_sid) if not self._is_complete(landing)]

    def has_pages(self, landing: Landing) -> bool:
        """Whether any page was landed."""
        return any(self._folder(landing).glob("page-*.json.zst"))

    def begin(self, account_sid: str, window: Window, now: datetime) -> Landing:
        """A new landing, its folder made. No two of an account begin at the same instant, whatever the clock says."""
        with self._beginning:
            if account_sid not in self._begun:
                self._begun[account_sid] = {each.fetched_at for each in self._landings(account_sid)}
            begun = self._begun[account_sid]
            while now in begun:
                now += timedelta(microseconds=1)
            begun.add(now)
        landing = Landing(account_sid, window, now)
        self._folder(landing).mkdir(parents=True)
        return landing

    def manifest(self, landing: Landing) -> Manifest:
        """The manifest of a complete landing. Raises DataError when it cannot be read."""
        path = self._folder(landing) / _MANIFEST
        try:
            return msgspec.json.decode(path.read_bytes(), type=Manifest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{path} is no manifest ({error}). Delete its folder to fetch it anew.") from None

    def pages(self, landing: Landing) -> Iterator[Page]:
        """The pages of a complete landing, each compared with the manifest's digest.

        Raises DataError when a page is missing or is not what was received.
        """
        for page in self.manifest(landing).pages:
            path = self._folder(landing) / page.file
            try:
                body = bytes(_ZSTD.decompress(path.read_bytes(), page.bytes, asbytes=True))
            except (OSError, pa.ArrowException):
                body = b""
            if hashlib.sha256(body).hexdigest() != page.sha256:
                raise DataError(
                    f"{path} is not the page that was received. Restore it, or delete its folder to fetch it anew."
                )
            yield Page(f"{landing.name}/{page.file}", body)

    def writer(self, landing: Landing) -> "LandingWriter":
        """A writer for a new landing, or to go on with an unfinished one."""
        return LandingWriter(landing, self._folder(landing))

    def discard(self, landing: Landing) -> None:
        """Remove an unfinished landing that cannot go on."""
        folder = self._folder(landing)
        shutil.rmtree(folder)
        with suppress(OSError):  # another landing of the window is there
            folder.parent.rmdir()

    def _folder(self, landing: Landing) -> Path:
        return self._data_dir / landing.name

    def _is_complete(self, landing: Landing) -> bool:
        return (self._folder(landing) / _MANIFEST).exists()

    def _landings(self, account_sid: str) -> list[Landing]:
        folders = (self._data_dir / "raw" / f"account_sid={account_sid}").glob("*_*/*Z")
        landings = []
        for folder in folders:
            first, _, last = folder.parent.name.partition("_")
            try:
                window = Window(date.fromisoformat(first), date.fromisoformat(last))
                began = datetime.strptime(folder.name, _STAMP).replace(tzinfo=UTC)
            except ValueError:
                logger.warning("%s is no landing and is passed over", folder)
                continue
            landings.append(Landing(account_sid, window, began))
        return sorted(landings, key=lambda landing: (landing.fetched_at, landing.name))


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
        write_whole(self._folder / _MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
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
