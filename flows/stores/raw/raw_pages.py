"""The raw pages: the exact bytes the API sent, kept forever, and the manifest that marks a landing as complete.

`raw/account_sid=<sid>/<first>_<last>/<fetched at>/page-00000.json.zst …, manifest.json`

A landing holds the pages of one pagination run over one window. Its manifest is written last, after the page with
`next_page_uri: null`. Without it the landing is unfinished, and the next run continues after its last page.
"""

import hashlib
import logging
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

import msgspec
import pyarrow as pa

from flows.stores.raw.landing import ABANDONED, MANIFEST, STAMP, LandedPage, Landing, LandingWriter, Manifest
from flows.stores.whole_files import make_folder
from transforms.errors import DataError
from transforms.pages.recordings import Page
from transforms.values.windows import CoveredDay, Window, covered_days

logger = logging.getLogger(__name__)

_ZSTD = pa.Codec("zstd")


class RawPages:
    """The raw pages of one list, below a folder of the data folder: `raw` for recordings, another for another list."""

    def __init__(self, data_dir: Path, root: str = "raw") -> None:
        self._data_dir = data_dir
        self._root = root
        self._begun: dict[str, set[datetime]] = {}
        self._beginning = Lock()
        self._manifests: dict[str, Manifest] = {}

    def accounts(self) -> list[str]:
        """List the sids of all accounts that have landings."""
        folders = (self._data_dir / self._root).glob("account_sid=*")
        return sorted(folder.name.partition("=")[2] for folder in folders)

    def complete(self, account_sid: str) -> list[Landing]:
        """List the landings with a manifest, in the order they began."""
        return [landing for landing in self._landings(account_sid) if self._has(landing, MANIFEST)]

    def covered(self, account_sid: str) -> dict[date, CoveredDay]:
        """Return every day that the complete landings cover, with its last fetch."""
        return {day.day: day for day in covered_days(each.fetch for each in self.complete(account_sid))}

    def readable(self, account_sid: str) -> list[Landing]:
        """List all landings whose pages count, complete or abandoned, in the order they began."""
        return [
            landing
            for landing in self._landings(account_sid)
            if not landing.is_whole or self._has(landing, MANIFEST)
        ]

    def unfinished(self, account_sid: str) -> list[Landing]:
        """List the interrupted landings, which can be continued."""
        return [
            landing
            for landing in self._landings(account_sid)
            if landing.is_whole and not self._has(landing, MANIFEST)
        ]

    def has_pages(self, landing: Landing) -> bool:
        """Check whether a landing has any page."""
        return any(self._folder(landing).glob("page-*.json.zst"))

    def begin(self, account_sid: str, window: Window, now: datetime) -> Landing:
        """Create a landing and its folder.

        No two landings of an account begin at the same instant, even if the clock repeats itself.
        """
        with self._beginning:
            if account_sid not in self._begun:
                self._begun[account_sid] = {each.fetched_at for each in self._landings(account_sid)}
            begun = self._begun[account_sid]
            while now in begun:
                now += timedelta(microseconds=1)
            begun.add(now)
        landing = Landing(account_sid, window, now, root=self._root)
        make_folder(self._folder(landing))
        return landing

    def manifest(self, landing: Landing) -> Manifest:
        """Read the manifest of a landing, complete or abandoned.

        Raises:
            DataError: It cannot be decoded.
        """
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
            raise DataError(
                f"{path} is not a valid manifest ({error}). Restore it from a backup, or delete its folder to fetch it "
                "again."
            ) from None

    def pages(self, landing: Landing) -> Iterator[Page]:
        """Yield the pages of a landing, complete or abandoned, each verified against the manifest's digest.

        Raises:
            DataError: A page is missing or is not what was received.
        """
        manifest = self.manifest(landing)
        host = _api_host(manifest)
        for page in manifest.pages:
            body = _verified(self._folder(landing) / page.file, page)
            yield Page(f"{landing.name}/{page.file}", body, host)

    def page(self, name: str) -> tuple[Page, str]:
        """Read one page by the name that a recording's raw_page has, and its sha256, verified against the manifest's.

        Raises:
            DataError: The page is missing, is not listed in a manifest, or is not what was received.
        """
        landing_name, _, file = name.rpartition("/")
        if landing_name not in self._manifests:
            self._manifests[landing_name] = self._manifest_of(self._data_dir / landing_name)
        for page in self._manifests[landing_name].pages:
            if page.file == file:
                return Page(name, _verified(self._data_dir / name, page)), page.sha256
        raise DataError(f"{self._data_dir / name} is not listed in a manifest. Restore its folder.")

    def writer(self, landing: Landing) -> "LandingWriter":
        """Create a writer for a new landing, or to continue an unfinished one."""
        return LandingWriter(landing, self._folder(landing))

    def abandon(self, landing: Landing, abandoned_at: datetime) -> None:
        """Abandon an unfinished landing, and keep the pages it has."""
        writer, url = self.writer(landing), ""
        for body, envelope in writer.kept_pages():
            writer.note(url, body, envelope.rows)
            url = envelope.next_page_uri or ""
        writer.abandon(abandoned_at)

    def discard(self, landing: Landing) -> None:
        """Remove an unfinished landing that has no pages, or whose pages are fetched again."""
        folder = self._folder(landing)
        shutil.rmtree(folder)
        with suppress(OSError):  # the window has another landing
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
                logger.warning("%s is not a landing and is ignored", folder)
                continue
            is_whole = not (folder / ABANDONED).exists()
            landings.append(Landing(account_sid, window, began, is_whole, self._root))
        return sorted(landings, key=lambda landing: (landing.fetched_at, landing.name))


def _api_host(manifest: Manifest) -> str:
    """Return the host that the pages came from, in lower case; empty if no page has a whole URL."""
    hosts = (urlsplit(page.url).hostname for page in manifest.pages)
    return next((host for host in hosts if host), "")


def _verified(path: Path, page: LandedPage) -> bytes:
    """Read the body of a landed page.

    Raises:
        DataError: The file is missing or has other content.
    """
    try:
        body = bytes(_ZSTD.decompress(path.read_bytes(), page.bytes, asbytes=True))
    except (OSError, pa.ArrowException):
        body = b""
    if hashlib.sha256(body).hexdigest() != page.sha256:
        raise DataError(
            f"{path} is not the page that was received. Restore it, or delete its folder to fetch it again."
        )
    return body
