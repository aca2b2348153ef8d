"""Packing the pages of older months into one file each (`packs.py`). The caller holds the data folder.

A month is closed when it is over and its landings ended some days ago. What is packed is read back before its own
files go, and the journal goes last: killed at any point, the next compaction finishes it.
"""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flows.stores.raw.dropped import Dropped, Dropping
from flows.stores.raw.frames import is_of
from flows.stores.raw.journal import Manifest
from flows.stores.raw.packs import Packs, journal_in, unreadable
from flows.stores.raw.page_files import PageFiles
from flows.stores.raw.raw_pages import RawPages
from flows.stores.raw.superseded import Applied, superseded_pages
from flows.stores.raw.under_way import UnderWay
from flows.stores.whole_files import flush_folder
from transforms.errors import DataError

MANY_PAGES = 256
"""From this many older pages on, a month that is not closed gets a pack."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Compacted:
    """How many files there were in place of how many packs, and their bytes."""

    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0

    def __add__(self, other: "Compacted") -> "Compacted":
        """Add up two results."""
        return Compacted(
            self.files_before + other.files_before,
            self.files_after + other.files_after,
            self.bytes_before + other.bytes_before,
            self.bytes_after + other.bytes_after,
        )


@dataclass(frozen=True, slots=True)
class PackRules:
    """What is packed and what is dropped.

    after: how long ago the landings ended whose pages are packed. raw_keep: `all`, `latest` or `<N> days`: for how long
    superseded pages are kept.
    """

    after: timedelta
    raw_keep: str = "all"

    @property
    def kept_for(self) -> timedelta | None:
        """For how long superseded pages are kept; None: forever."""
        if self.raw_keep == "all":
            return None
        return timedelta(0 if self.raw_keep == "latest" else int(self.raw_keep.removesuffix(" days")))


def compact(raw: RawPages, account_sid: str, now: datetime, rules: PackRules, applied: Applied) -> Compacted:
    """Pack what is older, drop superseded pages, and remove those of no landing and no fetch under way.

    now: UTC. applied: no page goes that it may still need.

    Raises:
        DataError: A line of the journal or a pack is damaged. What was not packed yet stays as it is.
    """
    return _Compaction(raw, account_sid, now, rules, applied).run()


def is_overdue(raw: RawPages, account_sid: str, now: datetime, after: timedelta) -> bool:
    """Check whether there is a month that could be closed, as of now (UTC).

    Raises:
        DataError: A line of the journal is damaged.
    """
    journal = raw.journal(account_sid)
    return any(
        _is_over(month, journal.lines(month), now, now - after) for month in journal.unpacked_months()[:1]
    )


def _is_over(month: str, lines: Iterable[Manifest], now: datetime, due: datetime) -> bool:
    return month < f"{now:%Y-%m}" and all(line.completed_at < due for line in lines)


class _Compaction:
    def __init__(
        self, raw: RawPages, account_sid: str, now: datetime, rules: PackRules, applied: Applied
    ) -> None:
        account = raw.folder / f"account_sid={account_sid}"
        self._files, self._packs, self._under_way = PageFiles(account), Packs(account), UnderWay(account)
        self._dropped = Dropped(account)
        self._journal = raw.journal(account_sid)
        self._raw, self._sid = raw, account_sid
        self._now, self._rules, self._applied = now, rules, applied
        self._due = now - rules.after
        self._loose = self._files.unpacked()
        self._done = Compacted()

    def run(self) -> Compacted:
        for path in [*self._files.unfinished(), *self._packs.unfinished()]:
            path.unlink()
        for month in self._packs.closed_months().intersection(self._journal.unpacked_months()):
            self._finish(month)  # it was interrupted
        if self._rules.kept_for is not None:
            self._drop(self._now - self._rules.kept_for)
        months = {month: self._journal.lines(month) for month in self._journal.unpacked_months()}
        left = self._left(_pages(line for lines in months.values() for line in lines))
        while months and _is_over(*(first := next(iter(months.items()))), self._now, self._due):
            self._close(first[0], _pages(first[1]) | left)
            left = set()
            del months[first[0]]
        for month, lines in months.items():
            self._pack_older(month, lines)
        return self._done

    def _close(self, month: str, pages: set[str]) -> None:
        opened = self._packs.open_path(month)
        self._write(self._packs.path(month), opened, pages, self._journal.content(month))
        self._finish(month)

    def _finish(self, month: str) -> None:
        """Remove what is in the pack of a month. Its journal goes last."""
        path, journal = self._packs.path(month), self._journal.path(month)
        if journal_in(path) != self._journal.content(month):
            raise DataError(
                f"{journal} and {path} differ, although they are of one month. Restore both from a backup."
            )
        self._remove_packed(path)
        for each in (self._packs.open_path(month), journal):
            self._remove(each)
            flush_folder(each.parent)

    def _pack_older(self, month: str, lines: Iterable[Manifest]) -> None:
        """Pack the older pages of a month that is not closed, once there are many."""
        path = self._packs.open_path(month)
        self._remove_packed(path)  # it was interrupted
        older = self._loose & _pages(line for line in lines if line.completed_at < self._due)
        if len(older) >= max(
            MANY_PAGES, len(self._packs.digests(path)) // 2
        ):  # so that no page is copied often
            self._write(path, path, older)
            self._remove_packed(path)

    def _write(
        self,
        path: Path,
        opened: Path,
        pages: set[str],
        journal: bytes | None = None,
        without: Collection[str] = (),
    ) -> None:
        """Write a pack of these pages, where they have files of their own, and of the pages of a pack."""

        def frame_of(page: str) -> bytes:
            own = self._files.own_path(page).read_bytes() if page in self._loose else b""
            packed = self._packs.frame_in(opened, page)
            return own if packed is None or is_of(own, page) else bytes(packed)

        packed, wanted = set(self._packs.digests(opened)) - set(without), pages & self._loose
        damaged = {page for page in wanted | packed if not is_of(frame_of(page), page)}
        if damaged & packed:
            raise unreadable(opened)
        for page in sorted(damaged):
            logger.warning(
                "%s is not the page that was received, so it is not packed. Restore it from a backup.",
                self._files.own_path(page),
            )
        before = path.stat().st_size if path.exists() else 0
        self._packs.write(path, sorted((wanted | packed) - damaged), frame_of, journal)
        self._done += Compacted(int(before > 0), 1, before, path.stat().st_size)

    def _left(self, of_open_months: set[str]) -> set[str]:
        """Return the pages of closed months that have files of their own: they were damaged then, or came again.

        Removes pages that belong to no landing and to no fetch under way.
        """
        rest = self._loose - of_open_months
        if rest:
            rest -= self._pages_under_way()
        if not rest:
            return rest
        closed = self._packs.closed_months()
        known = rest & _pages(line for month in closed for line in self._journal.lines(month))
        if rest > known and self._applied(self._raw.readable(self._sid)) is not None:
            for path in map(self._files.own_path, rest - known):
                if path.stat().st_mtime < self._due.timestamp():
                    self._remove(path)
        return known

    def _drop(self, until: datetime) -> None:
        """Drop superseded pages of landings that ended before an instant. That is recorded before they go."""
        drop = superseded_pages(self._raw, self._sid, until, self._applied) - self._pages_under_way()
        packs = {path: drop.intersection(self._packs.digests(path)) for path in self._packs.paths()}
        # A pack is written again when that makes it a good deal smaller.
        again = {
            path: found for path, found in packs.items() if 4 * len(found) >= len(self._packs.digests(path))
        }
        stay = set[str]().union(*(found for path, found in packs.items() if path not in again))
        gone = (drop & self._loose).union(*again.values()) - stay
        if not gone:
            return
        self._dropped.add(Dropping(self._now.date(), self._rules.raw_keep, sorted(gone)))
        for page in drop & self._loose:
            self._remove(self._files.own_path(page))
        self._loose = self._files.unpacked()
        for path, found in again.items():
            if found:
                journal = None if self._packs.is_open(path) else journal_in(path)
                self._write(path, path, set(), journal, without=found)

    def _pages_under_way(self) -> set[str]:
        fetches = self._under_way.fetches()
        return {page.sha256 for fetch in fetches for page in self._under_way.pages(fetch)}

    def _remove_packed(self, pack: Path) -> None:
        """Remove the files of pages that are in a pack."""
        for page in self._loose.intersection(self._packs.digests(pack)):
            if is_of(self._packs.frame_in(pack, page) or b"", page):
                self._remove(self._files.own_path(page))
        self._files.flush()
        self._loose = self._files.unpacked()

    def _remove(self, path: Path) -> None:
        if path.exists():
            self._done += Compacted(files_before=1, bytes_before=path.stat().st_size)
            path.unlink()


def _pages(lines: Iterable[Manifest]) -> set[str]:
    return {page.sha256 for line in lines for page in line.pages}
