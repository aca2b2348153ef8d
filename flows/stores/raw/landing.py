"""One landing: what it is called, and how its pages are written.

A landing that lists everything of its window is whole. One that was abandoned, because its cursor expired or its list
did not end, is not; its pages are kept, since they may be the only ones to list a recording. Nor is one of single
recordings: each of its pages is the answer for one of them, and says nothing about the others of its window.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from flows.stores.raw.journal import Journal, LandedPage, Manifest
from flows.stores.raw.page_files import PageFiles
from flows.stores.raw.under_way import Fetching, UnderWay
from transforms.errors import DataError
from transforms.pages.records import Envelope, read_envelope, read_single
from transforms.values.windows import Fetch, Span, Window, fetch_name


@dataclass(frozen=True, slots=True)
class Landing:
    """One fetched batch of pages: its account, its window, and when the fetch began (UTC).

    is_whole: it was not abandoned. root: the list it comes from: `raw` for recordings. asked: what its list was asked
    for, as long as it has not ended, if that is more than the window, which was narrowed since, or only hours of it.
    is_single: as long as it has not ended, whether its pages are single recordings.
    """

    account_sid: str
    window: Window
    fetched_at: datetime
    is_whole: bool = True
    root: str = "raw"
    asked: Span | None = None
    is_single: bool = False

    @property
    def span(self) -> Span:
        """The creation instants that its list was asked for."""
        return self.asked or self.window.span

    @property
    def is_part(self) -> bool:
        """Whether its list is only of hours of its window, and it is to be joined to another landing."""
        return self.span.created_before < self.window.created_before

    @property
    def fetching(self) -> Fetching:
        """What it is called as long as it has not ended."""
        return Fetching(self.window, self.fetched_at, self.asked, self.is_single)

    @property
    def name(self) -> str:
        """The name by which the lake knows the landing. Pages have names below it."""
        return f"{self.root}/account_sid={self.account_sid}/{fetch_name(self.window, self.fetched_at)}"

    def page_name(self, number: int) -> str:
        """Return the name of a page, by its number (from 0)."""
        return f"{self.name}/page-{number:05d}.json.zst"

    @property
    def fetch(self) -> Fetch:
        """The landing as a fetch of its window."""
        return Fetch(self.window, self.fetched_at, self.name, self.is_whole)


class LandingWriter:
    """Writes a landing: first it takes the pages already there, then new ones in order, and finally the journal."""

    def __init__(self, landing: Landing, files: PageFiles, under_way: UnderWay, journal: Journal) -> None:
        self._landing = landing
        self._files = files
        self._under_way = under_way
        self._journal = journal
        self._url = ""
        self._pages: list[LandedPage] = []

    @property
    def pages(self) -> int:
        """How many pages the landing has so far."""
        return len(self._pages)

    def kept_pages(self) -> Iterator[tuple[bytes, Envelope]]:
        """Yield the pages landed before the fetch was interrupted, up to the first that cannot be read.

        Call `note` for each of them to include it in the landing.
        """
        read = read_single if self._landing.is_single else read_envelope
        for page in self._under_way.pages(self._landing.fetching):
            body = self._files.read(page.sha256, page.bytes)
            if body is None:
                return  # this page and all after it are fetched again
            try:
                yield body, read(body)
            except DataError:
                return

    def note(self, url: str, body: bytes, rows: int) -> LandedPage:
        """Include a page that is already stored in the landing."""
        page = LandedPage(self._files.keep(body), len(body), rows)
        self._url = self._url or url
        self._pages.append(page)
        return page

    def add(self, url: str, body: bytes, rows: int) -> None:
        """Land a page: store its exact bytes, unless they are there, and note that the fetch has it."""
        number = self.pages
        page = self.note(url, body, rows)
        self._under_way.note(self._landing.fetching, number, page)

    def narrow(self, window: Window) -> Landing:
        """Narrow the landing to the newest days of its window, and keep its pages: the older days are fetched apart."""
        landing = self._landing
        narrowed = replace(landing, window=window, asked=landing.span)
        self._under_way.narrow(landing.fetching, narrowed.fetching)
        self._landing = narrowed
        return narrowed

    def join(self, part: "LandingWriter") -> None:
        """Include the pages of a part of the landing."""
        self._pages += part._pages

    def complete(self, completed_at: datetime) -> Manifest:
        """Complete the landing: its pages list everything of its window."""
        return self._end(completed_at, is_whole=True)

    def abandon(self, abandoned_at: datetime) -> Manifest:
        """Abandon the fetch and keep its pages: they may be the only ones to list a recording.

        This is also how a landing of single recordings ends.
        """
        return self._end(abandoned_at, is_whole=False)

    def _end(self, completed_at: datetime, *, is_whole: bool) -> Manifest:
        window, began = self._landing.window, self._landing.fetched_at
        manifest = Manifest(window.first, window.last, began, completed_at, is_whole, self._url, self._pages)
        self._files.flush()  # so that no line names a page that a power cut took away
        self._journal.append(manifest)
        self._under_way.end(self._landing.fetching)
        return manifest
