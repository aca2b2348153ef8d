"""Fetches of one account that have not ended: which pages each has so far, so that the next run continues after them.

`under_way/<first>_<last>/<fetched at>/page-00000 …`, each with the digest, size and rows of a page.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from flows.stores.raw.journal import LandedPage
from flows.stores.whole_files import make_folder
from transforms.values.windows import Window

STAMP = "%Y%m%dT%H%M%S.%fZ"
"""How the instant (UTC) at which a fetch began is written in names."""

logger = logging.getLogger(__name__)


class UnderWay:
    """The unfinished fetches below an account's folder, each by its window and the instant it began."""

    def __init__(self, account: Path) -> None:
        self._folder = account / "under_way"

    def begin(self, window: Window, began: datetime) -> None:
        """Note that a fetch began."""
        make_folder(self._of(window, began))

    def fetches(self) -> list[tuple[Window, datetime]]:
        """List the fetches that have not ended."""
        return [each for folder in sorted(self._folder.glob("*_*/*Z")) if (each := _fetch_in(folder))]

    def note(self, window: Window, began: datetime, number: int, page: LandedPage) -> None:
        """Note that a page was stored, by its number (from 0). A power cut may lose it: the page is fetched again."""
        path = self._of(window, began) / _name(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(page))

    def pages(self, window: Window, began: datetime) -> Iterator[LandedPage]:
        """Yield the pages of a fetch in order, up to the first that is not known."""
        folder, number = self._of(window, began), 0
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            while True:
                yield msgspec.json.decode((folder / _name(number)).read_bytes(), type=LandedPage)
                number += 1

    def end(self, window: Window, began: datetime) -> None:
        """Forget a fetch, because it ended or is not continued."""
        folder = self._of(window, began)
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # the window has another fetch
            folder.parent.rmdir()

    def _of(self, window: Window, began: datetime) -> Path:
        return self._folder / f"{window.first}_{window.last}" / began.strftime(STAMP)


def _name(number: int) -> str:
    return f"page-{number:05d}"


def _fetch_in(folder: Path) -> tuple[Window, datetime] | None:
    first, _, last = folder.parent.name.partition("_")
    try:
        window = Window(date.fromisoformat(first), date.fromisoformat(last))
        return window, datetime.strptime(folder.name, STAMP).replace(tzinfo=UTC)
    except ValueError:
        logger.warning("%s is not a fetch and is ignored", folder)
        return None
