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
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock

import msgspec
import pyarrow as pa

from flows.stores.raw.landing import ABANDONED, MANIFEST, STAMP, LandedPage, Landing, LandingWriter, Manifest
from transforms.errors import DataError
from transforms.pages.recordings import Page
from transforms.values.windows import Window

logger = logging.getLogger(__name__)

_ZSTD = pa.Codec("zstd")


class RawPages:
    """The raw pages under one data folder: those of recordings, or of another list in a folder of its own."""

    def __init__(self, data_dir: Path, root: str = "raw") -> None:
        self._data_dir = data_dir
        self._root = root
        self._begun: dict[str, set[datetime]] = {}
        self._beginning = Lock()
        self._manifests: dict[str, Manifest] = {}

    def accounts(self) -> list[str]:
        """Sids of all accounts that have landings."""
        folders = (self._data_dir / self._root).glob("account_sid=*")
        return sorted(folder.name.partition("=")[2] for folder in folders)

    def complete(self, account_sid: str) -> list[Landing]:
        """Landings with a manifest, in the order their walks began."""
        return [landing for landing in self._landings(account_sid) if self._has(landing, MANIFEST)]

    def readable(self, account_sid: str) -> list[Landing]:
        """Complete landings and abandoned ones, in the order their walks began: all whose pages count."""
        return [
            landing
            for landing in self._landings(account_sid)
            if not landing.is_whole or self._has(landing, MANIFEST)
        ]

    def unfinished(self, account_sid: str) -> list[Landing]:
        """Landings a walk was broken off in, that can go on."""
        return [
            landing
            for landing in self._landings(account_sid)
            if landing.is_whole and not self._has(landing, MANIFEST)
        ]

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
        landing = Landing(account_sid, window, now, root=self._root)
        self._folder(landing).mkdir(parents=True)
        return landing

    def manifest(self, landing: Landing) -> Manifest:
        """The manifest of a landing, complete or abandoned. Raises DataError when it cannot be read."""
        return self._read_manifest(self._folder(landing) / (MANIFEST if landing.is_whole else ABANDONED))

    def _manifest_of(self, folder: Path) -> Manifest:
        path = folder / (ABANDONED if (folder / ABANDONED).exists() else MANIFEST)
        try:
            return self._read_manifest(path)
        except OSError:
            raise DataError(f"{path} is missing. Restore the folder.") from None

    def _read_manifest(self, path: Path) -> Manifest:
        try:
            return msgspec.json.decode(path.read_bytes(), type=Manifest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{path} is no manifest ({error}). Delete its folder to fetch it anew.") from None

    def pages(self, landing: Landing) -> Iterator[Page]:
        """The pages of a landing, complete or abandoned, each compared with the manifest's digest.

        Raises DataError when a page is missing or is not what was received.
        """
        for page in self.manifest(landing).pages:
            yield Page(f"{landing.name}/{page.file}", _verified(self._folder(landing) / page.file, page))

    def page(self, name: str) -> tuple[Page, str]:
        """One page by the name a recording has it under, and its sha256, compared with the manifest's.

        Raises DataError when it is missing, is in no manifest, or is not what was received.
        """
        landing_name, _, file = name.rpartition("/")
        if landing_name not in self._manifests:
            self._manifests[landing_name] = self._manifest_of(self._data_dir / landing_name)
        for page in self._manifests[landing_name].pages:
            if page.file == file:
                return Page(name, _verified(self._data_dir / name, page)), page.sha256
        raise DataError(f"{self._data_dir / name} is in no manifest. Restore its folder.")

    def writer(self, landing: Landing) -> "LandingWriter":
        """A writer for a new landing, or to go on with an unfinished one."""
        return LandingWriter(landing, self._folder(landing))

    def abandon(self, landing: Landing, given_up_at: datetime) -> None:
        """Give up an unfinished landing, and keep the pages it has."""
        writer, url = self.writer(landing), ""
        for body, envelope in writer.kept_pages():
            writer.note(url, body, envelope.rows)
            url = envelope.next_page_uri or ""
        writer.abandon(given_up_at)

    def discard(self, landing: Landing) -> None:
        """Remove an unfinished landing: one without pages, or whose pages are asked for anew."""
        folder = self._folder(landing)
        shutil.rmtree(folder)
        with suppress(OSError):  # another landing of the window is there
            folder.parent.rmdir()

    def _folder(self, landing: Landing) -> Path:
        return self._data_dir / landing.name

    def _has(self, landing: Landing, file: str) -> bool:
        return (self._folder(landing) / file).exists()

    def _landings(self, account_sid: str) -> list[Landing]:
        folders = (self._data_dir / self._root / f"account_sid={account_sid}").glob("*_*/*Z")
        landings = []
        for folder in folders:
            first, _, last = folder.parent.name.partition("_")
            try:
                window = Window(date.fromisoformat(first), date.fromisoformat(last))
                began = datetime.strptime(folder.name, STAMP).replace(tzinfo=UTC)
            except ValueError:
                logger.warning("%s is no landing and is passed over", folder)
                continue
            is_whole = not (folder / ABANDONED).exists()
            landings.append(Landing(account_sid, window, began, is_whole, self._root))
        return sorted(landings, key=lambda landing: (landing.fetched_at, landing.name))


def _verified(path: Path, page: LandedPage) -> bytes:
    """The body of a landed page. Raises DataError when the file is missing or holds something else."""
    try:
        body = bytes(_ZSTD.decompress(path.read_bytes(), page.bytes, asbytes=True))
    except (OSError, pa.ArrowException):
        body = b""
    if hashlib.sha256(body).hexdigest() != page.sha256:
        raise DataError(
            f"{path} is not the page that was received. Restore it, or delete its folder to fetch it anew."
        )
    return body
