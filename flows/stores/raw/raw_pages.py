"""The raw pages: the exact bytes the API sent, each once, and the journal that makes a landing complete.

`raw/account_sid=<sid>/` has `pages/` with each page by its digest, `journal/` with a line for each landing,
`under_way/` with the fetches that have not ended, and `packs/` with the pages and lines of older months.

A landing holds the pages of one pagination run over one window. Its line is written last, after the page with
`next_page_uri: null` or, if the window was narrowed on the way, after the page that reaches the days before it.
Without it the landing is unfinished, and the next run continues after its last page. A landing may also hold single
recordings of its window, each asked for by itself; it is never whole.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from msgspec import structs

from flows.stores.raw.dropped import Dropped, Dropping
from flows.stores.raw.journal import START, Journal, LandedPage, Manifest, Position
from flows.stores.raw.landing import Landing, LandingWriter
from flows.stores.raw.page_files import PageFiles
from flows.stores.raw.under_way import UnderWay
from transforms.errors import DataError, DroppedPageError
from transforms.pages.recordings import Page
from transforms.values.covered import CoveredSpan, days_of_spans
from transforms.values.windows import CoveredDay, Span, Window, covered_days, read_stamp

_PAGE_NAME = re.compile(r"[^/]+/account_sid=([^/]+)/([^/_]+)_([^/_]+)/([^/]+)/page-(\d+)\.json\.zst")


class RawPages:
    """The raw pages of one list, below a folder of the data folder: `raw` for recordings, another for another list."""

    def __init__(self, data_dir: Path, root: str = "raw") -> None:
        self.folder = data_dir / root
        self.root = root
        self._begun: dict[str, set[datetime]] = {}
        self._beginning = Lock()
        self._journals: dict[str, Journal] = {}
        self._manifests: dict[tuple[str, Window, datetime], Manifest] = {}

    def accounts(self) -> list[str]:
        """List the sids of all accounts that have landings."""
        return sorted(folder.name.partition("=")[2] for folder in self.folder.glob("account_sid=*"))

    def journal(self, account_sid: str) -> Journal:
        """Return the journal of an account."""
        return self._journals.setdefault(account_sid, Journal(self._account(account_sid)))

    def complete(self, account_sid: str, since: datetime | None = None) -> list[Landing]:
        """List the whole landings, in the order they began. since: only of the months that have those begun later."""
        first = START if since is None else _month_of(since)
        return [landing for landing in self.readable(account_sid, first) if landing.is_whole]

    def days_of(self, account_sid: str, spans: Iterable[CoveredSpan]) -> list[CoveredDay]:
        """List the days of spans of an account, with the names of their landings."""
        return days_of_spans(spans, f"{self.root}/account_sid={account_sid}")

    def covered(self, account_sid: str) -> dict[date, CoveredDay]:
        """Return every day that the complete landings cover, with its last fetch."""
        return {day.day: day for day in covered_days(each.fetch for each in self.complete(account_sid))}

    def readable(self, account_sid: str, since: Position = START) -> list[Landing]:
        """List the landings whose pages count, complete or abandoned, in the order they began.

        since: only those that ended after this position of the journal.

        Raises:
            DataError: A line of the journal is damaged.
        """
        found = [self._landing(account_sid, each) for each in self._since(account_sid, since)]
        return sorted(found, key=lambda landing: (landing.fetched_at, landing.name))

    def pending(
        self, account_sid: str, position: Position, latest: datetime | None = None
    ) -> list[Landing] | None:
        """List the landings to apply on top of those up to a position of the journal, in the order they began.

        None if the journal does not have that position as it was, or if one of them did not begin after `latest`, when
        the last one that is applied began (UTC).

        Raises:
            DataError: A line of the journal is damaged.
        """
        if not self.journal(account_sid).has(position):
            return None
        pending = self.readable(account_sid, position)
        in_order = latest is None or all(landing.fetched_at > latest for landing in pending)
        return pending if in_order else None

    def unfinished(self, account_sid: str) -> list[Landing]:
        """List the interrupted landings, which can be continued, in the order they began."""
        under_way = self._under_way(account_sid)
        found = []
        for each in under_way.fetches():
            landing = Landing(
                account_sid, each.window, each.began, True, self.root, each.asked, each.is_single
            )
            if self._find(landing) is None:
                found.append(landing)
            else:
                under_way.end(each)  # its line was written, and then it was interrupted
        return sorted(found, key=lambda landing: (landing.fetched_at, landing.name))

    def has_pages(self, landing: Landing) -> bool:
        """Check whether an unfinished landing has any page."""
        return any(self._under_way(landing.account_sid).pages(landing.fetching))

    def begin(
        self,
        account_sid: str,
        window: Window,
        now: datetime,
        asked: Span | None = None,
        *,
        is_single: bool = False,
    ) -> Landing:
        """Begin a landing of an account. asked: what its list is asked for, if that is only hours of the window.

        is_single: its pages are single recordings. No two landings of an account begin at the same instant, even if the
        clock repeats itself.
        """
        with self._beginning:
            if account_sid not in self._begun:
                self._begun[account_sid] = {each.began for each in self._under_way(account_sid).fetches()}
            begun, journal = self._begun[account_sid], self.journal(account_sid)
            while now in begun or journal.has_begun(now):
                now += timedelta(microseconds=1)
            begun.add(now)
        landing = Landing(account_sid, window, now, root=self.root, asked=asked, is_single=is_single)
        self._under_way(account_sid).begin(landing.fetching)
        return landing

    def manifest(self, landing: Landing) -> Manifest:
        """Return the line of a landing in the journal, complete or abandoned.

        Raises:
            DataError: There is none, or it is damaged.
        """
        manifest = self._find(landing)
        if manifest is None:
            raise DataError(
                f"{landing.name} is not in the journal. Restore {self._account(landing.account_sid)}."
            )
        return manifest

    def pages(self, landing: Landing) -> Iterator[Page]:
        """Yield the pages of a landing, complete or abandoned, each verified against the digest in the journal.

        Raises:
            DataError: A page is missing or is not what was received.
        """
        manifest = self.manifest(landing)
        for number in range(len(manifest.pages)):
            yield self._page(landing, manifest, number)

    def page(self, name: str) -> tuple[Page, str]:
        """Read one page by the name that a recording's raw_page has, and its sha256, verified against the journal's.

        Raises:
            DroppedPageError: The page was dropped.
            DataError: The page is missing, is not in the journal, or is not what was received.
        """
        found = _PAGE_NAME.fullmatch(name)
        if found is None:
            raise DataError(f"{name} is not the name of a page.")
        sid, first, last, stamp, number = found.groups()
        window = Window(date.fromisoformat(first), date.fromisoformat(last))
        landing = Landing(sid, window, read_stamp(stamp), root=self.root)
        manifest = self.manifest(landing)
        if int(number) >= len(manifest.pages):
            raise DataError(f"{name} is not in the journal. Restore {self._account(sid)}.")
        return self._page(landing, manifest, int(number)), manifest.pages[int(number)].sha256

    def writer(self, landing: Landing) -> LandingWriter:
        """Create a writer for a new landing, or to continue an unfinished one."""
        sid = landing.account_sid
        return LandingWriter(landing, self._files(sid), self._under_way(sid), self.journal(sid))

    def abandon(self, landing: Landing, abandoned_at: datetime) -> None:
        """Abandon an unfinished landing, and keep the pages it has."""
        writer, url = self.writer(landing), ""
        for body, envelope in writer.kept_pages():
            writer.note(url, body, envelope.rows)
            url = envelope.next_page_uri or ""
        writer.abandon(abandoned_at)

    def discard(self, landing: Landing) -> None:
        """Forget an unfinished landing that has no pages, or whose pages are fetched again."""
        self._under_way(landing.account_sid).end(landing.fetching)

    def _page(self, landing: Landing, manifest: Manifest, number: int) -> Page:
        page = manifest.pages[number]
        body = self._files(landing.account_sid).read(page.sha256, page.bytes)
        if body is None:
            raise self._lost(landing, page)
        return Page(landing.page_name(number), body, urlsplit(manifest.url).hostname or "")

    def dropped(self, account_sid: str) -> list[Dropping]:
        """Return what was dropped of an account, without the pages that came again; the oldest first."""
        files = self._files(account_sid)
        found = (
            structs.replace(each, pages=[page for page in each.pages if not files.path(page).exists()])
            for each in Dropped(self._account(account_sid)).all()
        )
        return [each for each in found if each.pages]

    def _lost(self, landing: Landing, page: LandedPage) -> DataError:
        if dropping := Dropped(self._account(landing.account_sid)).find(page.sha256):
            return DroppedPageError(
                f"It was dropped on {dropping.day}, because raw_keep was {dropping.raw_keep}."
            )
        path = self._files(landing.account_sid).path(page.sha256)
        window = landing.window
        return DataError(
            f"{path} is not the page that was received. Restore it from a backup, or read its days again with "
            f"`recspend ingest --from {window.first} --to {window.last}`, in case the API still sends this page."
        )

    def _find(self, landing: Landing) -> Manifest | None:
        key = landing.account_sid, landing.window, landing.fetched_at
        if key not in self._manifests:
            for _ in self._since(landing.account_sid, _month_of(landing.fetched_at)):
                pass  # each line that is read is kept
        return self._manifests.get(key)

    def _since(self, account_sid: str, position: Position) -> Iterator[Manifest]:
        for manifest in self.journal(account_sid).since(position):
            self._manifests[account_sid, manifest.window, manifest.fetched_at] = manifest
            yield manifest

    def _landing(self, account_sid: str, manifest: Manifest) -> Landing:
        return Landing(account_sid, manifest.window, manifest.fetched_at, manifest.is_whole, self.root)

    def _account(self, account_sid: str) -> Path:
        return self.folder / f"account_sid={account_sid}"

    def _files(self, account_sid: str) -> PageFiles:
        return PageFiles(self._account(account_sid))

    def _under_way(self, account_sid: str) -> UnderWay:
        return UnderWay(self._account(account_sid))


def _month_of(began: datetime) -> Position:
    """Return where the line of a landing can be at the earliest: it ended after it began."""
    return Position(f"{began:%Y-%m}")
