"""The journal of one account's landings: a line for each, in the order they ended.

`journal/<YYYY-MM>.jsonl`, by the month (UTC) in which the landing ended. A line is written when all of its pages are on
disk, and makes the landing complete. A power cut may cut the last line off: it does not count then, and is overwritten
by the next. Each line has a digest of itself, so that no damaged line is believed.

Months only go forward: after a clock was set back, lines are added to the newest month there is.
"""

import hashlib
import os
from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import msgspec

from flows.stores.raw.packs import Packs
from flows.stores.whole_files import flush_folder, make_folder
from transforms.errors import DataError
from transforms.values.windows import Window


class LandedPage(msgspec.Struct, frozen=True, array_like=True):
    """One page of a landing: the sha256, size and row count of the exact bytes received."""

    sha256: str
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
    """The journal below an account's folder."""

    def __init__(self, account: Path) -> None:
        self._folder = account / "journal"
        self._packs = Packs(account)
        self._writing = Lock()

    def append(self, manifest: Manifest) -> None:
        """Add a landing, and wait until it is on disk."""
        line = encoded(manifest)
        with self._writing:
            ended = max(
                manifest.fetched_at, manifest.completed_at
            )  # even if the clock was set back in between
            path = self.path(max(f"{ended:%Y-%m}", self._newest()))
            if not path.exists():
                make_folder(self._folder)
                path.touch()
                flush_folder(self._folder)
            with path.open("r+b") as file:
                _cut_off_the_rest(file.fileno())
                file.seek(0, os.SEEK_END)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())

    def since(self, position: Position = START) -> Iterator[Manifest]:
        """Yield the landings after a position, in the order they ended.

        Raises:
            DataError: A line is damaged.
        """
        for month in self.months():
            if month >= position.month:
                yield from self._lines(month)[position.lines if month == position.month else 0 :]

    def has(self, position: Position) -> bool:
        """Check whether there is as much as a position says."""
        is_known = not position.lines or position.month in self.months()
        return is_known and len(self._lines(position.month) if position.lines else ()) >= position.lines

    def end(self) -> Position:
        """Return the position after the last line.

        Raises:
            DataError: A line is damaged.
        """
        months = self.months()
        return Position(months[-1], len(self._lines(months[-1]))) if months else Position()

    def months(self) -> list[str]:
        """List the months (YYYY-MM) that have lines."""
        return sorted({path.stem for path in self._folder.glob("*.jsonl")} | self._packs.closed_months())

    def path(self, month: str) -> Path:
        """Return the file of a month that is not packed."""
        return self._folder / f"{month}.jsonl"

    def _lines(self, month: str) -> tuple[Manifest, ...]:
        path = self.path(month)
        try:
            found = path.stat()
        except FileNotFoundError:
            return read_lines(self._packs.journal(month), self._packs.path(month))
        return _lines_of(path, found.st_size, found.st_mtime_ns, found.st_ino)

    def _newest(self) -> str:
        """Return the newest month that may get lines."""
        closed = max(self._packs.closed_months(), default="")
        after = _next(closed) if closed else ""
        return max([after, *(path.stem for path in self._folder.glob("*.jsonl"))])


def encoded(manifest: Manifest) -> bytes:
    """Encode a landing as a line, with its digest."""
    return msgspec.json.encode(msgspec.structs.replace(manifest, check=_check(manifest))) + b"\n"


def read_lines(content: bytes, path: Path) -> tuple[Manifest, ...]:
    """Decode the lines of a journal. path: the file they come from, for messages.

    Raises:
        DataError: A line is damaged.
    """
    lines = content.split(b"\n")[:-1]  # what comes after the last end of a line is not a whole line
    return tuple(_read_line(line, number, path) for number, line in enumerate(lines, 1))


@lru_cache(maxsize=32)
def _lines_of(path: Path, *_: int) -> tuple[Manifest, ...]:
    return read_lines(path.read_bytes(), path)


def _read_line(line: bytes, number: int, path: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode(line, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError):
        manifest = None
    if manifest is None or manifest.check != _check(manifest):
        raise DataError(
            f"Line {number} of {path} is damaged. Restore the file from a backup, or remove the line to fetch its days "
            "again."
        )
    return manifest


def _check(manifest: Manifest) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(manifest, check=""))).hexdigest()[:16]


def _cut_off_the_rest(file: int) -> None:
    """Remove what follows the last end of a line."""
    size = os.fstat(file).st_size
    end = size
    while end and os.pread(file, 1, end - 1) != b"\n":
        end -= 1
    if end < size:
        os.ftruncate(file, end)


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12}-{number % 12 + 1:02d}"
