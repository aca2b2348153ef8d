"""Fetches of one account that have not ended: which pages each has so far, so that the next run continues after them.

`under_way/<first>_<last>/<fetched at>/page-00000 …`, each with the digest, size and rows of a page. Where the list is
of more or less than the window, the folder is `<fetched at>_<created from>_<created before>`. Where single recordings
are asked for, and no list, it is `<fetched at>_single`.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from flows.stores.raw.journal import LandedPage
from flows.stores.whole_files import make_folder, put_in_place
from transforms.values.windows import Span, Window, fetch_name, read_stamp

_SECOND = "%Y%m%dT%H%M%SZ"
_SINGLE = "_single"

logger = logging.getLogger(__name__)


class Fetching(NamedTuple):
    """A fetch that has not ended: its window, and when it began (UTC).

    asked: what its list was asked for, if that is not the window. is_single: its pages are single recordings.
    """

    window: Window
    began: datetime
    asked: Span | None = None
    is_single: bool = False

    @property
    def folder(self) -> Path:
        """Its folder, relative to that of all."""
        asked = self.asked
        span = f"_{asked.created_from:{_SECOND}}_{asked.created_before:{_SECOND}}" if asked else ""
        return Path(f"{fetch_name(self.window, self.began)}{span}{_SINGLE * self.is_single}")


class UnderWay:
    """The unfinished fetches below an account's folder."""

    def __init__(self, account: Path) -> None:
        self._folder = account / "under_way"

    def begin(self, fetch: Fetching) -> None:
        """Note that a fetch began. A power cut may lose it: it begins again."""
        make_folder(self._folder)
        self._of(fetch).mkdir(parents=True, exist_ok=True)

    def fetches(self) -> list[Fetching]:
        """List the fetches that have not ended."""
        folders = list[Path]()
        for window in self._folder.glob("*_*"):
            with suppress(FileNotFoundError):  # another worker has just ended its last fetch
                folders += [*window.glob("*Z"), *window.glob(f"*Z{_SINGLE}")]
        return [each for folder in sorted(folders) if (each := _fetch_in(folder))]

    def note(self, fetch: Fetching, number: int, page: LandedPage) -> None:
        """Note that a page was stored, by its number (from 0). A power cut may lose it: the page is fetched again."""
        path = self._of(fetch) / _name(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(page))

    def pages(self, fetch: Fetching) -> Iterator[LandedPage]:
        """Yield the pages of a fetch in order, up to the first that is not known."""
        folder, number = self._of(fetch), 0
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            while True:
                yield msgspec.json.decode((folder / _name(number)).read_bytes(), type=LandedPage)
                number += 1

    def narrow(self, fetch: Fetching, narrowed: Fetching) -> None:
        """Give a fetch another window, and leave its pages."""
        make_folder(self._of(narrowed).parent)
        put_in_place(self._of(fetch), self._of(narrowed))
        self._remove_if_empty(self._of(fetch).parent)

    def end(self, fetch: Fetching) -> None:
        """Forget a fetch, because it ended or is not continued."""
        folder = self._of(fetch)
        shutil.rmtree(folder, ignore_errors=True)
        self._remove_if_empty(folder.parent)

    def _of(self, fetch: Fetching) -> Path:
        return self._folder / fetch.folder

    def _remove_if_empty(self, folder: Path) -> None:
        with suppress(OSError):  # the window has another fetch
            folder.rmdir()


def _name(number: int) -> str:
    return f"page-{number:05d}"


def _fetch_in(folder: Path) -> Fetching | None:
    first, _, last = folder.parent.name.partition("_")
    name = folder.name.removesuffix(_SINGLE)
    stamp, *bounds = name.split("_")
    try:
        window = Window(date.fromisoformat(first), date.fromisoformat(last))
        asked = Span(*map(_second, bounds)) if bounds else None
        return Fetching(window, read_stamp(stamp), asked, folder.name != name)
    except (ValueError, TypeError):
        logger.warning("%s is not a fetch and is ignored", folder)
        return None


def _second(text: str) -> datetime:
    return datetime.strptime(text, _SECOND).replace(tzinfo=UTC)
