"""The journal of one account's landings: a line for each, in the order they ended.

`journal/<YYYY-MM>.jsonl`, by the month (UTC) in which the landing ended. A line is written when all of its pages are on
disk, and makes the landing complete. A power cut may cut the last line off: it does not count then, and is overwritten
by the next. Each line has a digest of itself, so that no damaged line is believed.

Months only go forward: after a clock was set back, lines are added to the newest month there is.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Annotated, NamedTuple

import msgspec

from flows.stores.folder.lines import append_line, whole_lines
from flows.stores.raw.packs import Packs, journal_in, unreadable
from transforms.errors import DataError
from transforms.values.windows import Window


class LandedPage(msgspec.Struct, frozen=True, array_like=True):
    """One page of a landing: the sha256, size and row count of the exact bytes received."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    bytes: int
    rows: int


class Manifest(msgspec.Struct, frozen=True):
    """A landing that ended, and its pages. Days are in UTC and inclusive, instants in UTC.

    is_whole: it reached its last page; else it was abandoned. url: of its first page. check: a digest of the rest.
    """

    first: date
    last: date
    fetched_at: datetime
    completed_at: datetime
    is_whole: bool
    url: str
    pages: list[LandedPage]
    check: str = ""

    @property
    def window(self) -> Window:
        """The days of the landing."""
        return Window(self.first, self.last)

    @property
    def rows(self) -> int:
        """How many rows its pages have."""
        return sum(page.rows for page in self.pages)


class Position(NamedTuple):
    """A place in a journal: everything before a month (YYYY-MM), and its first lines. Later places are greater."""

    month: str = ""
    lines: int = 0


START = Position()


class Journal:
    """The journal below an account's folder. folder: where the months are that are not packed."""

    def __init__(self, account: Path) -> None:
        self.folder = account / "journal"
        self._packs = Packs(account)
        self._writing = Lock()

    def append(self, manifest: Manifest) -> None:
        """Add a landing, and wait until it is on disk."""
        line = encoded(manifest)
        with self._writing:
            # The clock may have been set back in between.
            ended = max(manifest.fetched_at, manifest.completed_at)
            append_line(self.path(max(f"{ended:%Y-%m}", self._newest())), line)

    def since(self, position: Position = START) -> Iterator[Manifest]:
        """Yield the landings after a position, in the order they ended.

        Raises:
            DataError: A line is damaged.
        """
        for month in self.months():
            if month >= position.month:
                yield from self.lines(month)[position.lines if month == position.month else 0 :]

    def has(self, position: Position) -> bool:
        """Check whether there is as much as a position says."""
        is_known = not position.lines or position.month in self.months()
        return is_known and len(self.lines(position.month) if position.lines else ()) >= position.lines

    def end(self) -> Position:
        """Return the position after the last line.

        Raises:
            DataError: A line is damaged.
        """
        months = self.months()
        return Position(months[-1], len(self.lines(months[-1]))) if months else Position()

    def months(self) -> list[str]:
        """List the months (YYYY-MM) that have lines."""
        return sorted({*self.unpacked_months(), *self._packs.closed_months()})

    def path(self, month: str) -> Path:
        """Return the file of a month that is not packed."""
        return self.folder / f"{month}.jsonl"

    def content(self, month: str) -> bytes:
        """Return the whole lines of a month that is not packed, as they are in its file."""
        content = self.path(month).read_bytes()
        return content[: content.rfind(b"\n") + 1]

    def unpacked_months(self) -> list[str]:
        """List the months (YYYY-MM) that have a file of their own. A month that was being packed may be packed too."""
        return sorted(path.stem for path in self.folder.glob("*.jsonl"))

    def lines(self, month: str) -> tuple[Manifest, ...]:
        """Return the landings of a month, in the order they ended.

        Raises:
            DataError: A line is damaged.
        """
        with suppress(FileNotFoundError):
            return _lines_in(self.path(month))
        try:
            return _lines_in(self._packs.path(month))
        except FileNotFoundError:
            raise unreadable(self._packs.path(month)) from None

    def _newest(self) -> str:
        """Return the newest month that may get lines."""
        closed = max(self._packs.closed_months(), default="")
        after = _next(closed) if closed else ""
        return max([after, *self.unpacked_months()])


def encoded(manifest: Manifest) -> bytes:
    """Encode a landing as a line, with its digest."""
    return msgspec.json.encode(msgspec.structs.replace(manifest, check=_check(manifest))) + b"\n"


def read_lines(content: bytes, path: Path) -> tuple[Manifest, ...]:
    """Decode the lines of a journal. path: the file they come from, for messages.

    Raises:
        DataError: A line is damaged.
    """
    return tuple(_read_line(line, number, path) for number, line in enumerate(whole_lines(content), 1))


def _lines_in(path: Path) -> tuple[Manifest, ...]:
    found = path.stat()
    return _lines_of(path, found.st_size, found.st_mtime_ns, found.st_ino)


@lru_cache(maxsize=32)
def _lines_of(path: Path, *_: int) -> tuple[Manifest, ...]:
    return read_lines(journal_in(path) if path.suffix == ".arrow" else path.read_bytes(), path)


def _read_line(line: bytes, number: int, path: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(line, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        manifest = None
    if manifest is None or manifest.check != _check(manifest):
        or_else = "" if path.suffix == ".arrow" else ", or remove the line to fetch its days again"
        raise DataError(f"Line {number} of {path} is damaged. Restore the file from a backup{or_else}.")
    return manifest


def _check(manifest: Manifest) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(manifest, check=""))).hexdigest()[:16]


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12}-{number % 12 + 1:02d}"
