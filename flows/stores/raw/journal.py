"""The journal of one account's landings: a line for each, in the order they ended.

`journal/<YYYY-MM>.jsonl`, by the month (UTC) in which the landing ended. A line is written when all of its pages are on
disk, and makes the landing complete. A power cut may cut the last line off: it does not count then, and is overwritten
by the next. Each line has a digest of itself, so that no damaged line is believed.

Months only go forward: after a clock was set back, lines are added to the newest month there is.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Annotated, NamedTuple, TypeVar

import msgspec

from flows.stores.folder.lines import append_line, whole_lines
from flows.stores.raw.packs import Packs, journal_in, unreadable
from transforms.errors import DataError
from transforms.values.windows import Window

T = TypeVar("T")


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
    """A place in a journal: everything before a month (YYYY-MM), and its first lines, with a digest of them."""

    month: str = ""
    lines: int = 0
    check: str = ""


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
                yield from self.lines(month, position.lines if month == position.month else 0)

    def has(self, position: Position) -> bool:
        """Check whether everything up to a position in its month is there, as it was."""
        if not position.lines:
            return True
        if position.month not in self.months():
            return False
        *before, rest = (content := self._whole_lines(position.month)).split(b"\n", position.lines)
        return (
            len(before) == position.lines and _digest(content[: len(content) - len(rest)]) == position.check
        )

    def end(self) -> Position:
        """Return the position after the last line."""
        months = self.months()
        if not months:
            return START
        content = self._whole_lines(months[-1])
        return Position(months[-1], content.count(b"\n"), _digest(content))

    def has_begun(self, instant: datetime) -> bool:
        """Check whether a landing that ended was begun at this very instant."""
        field = b'"fetched_at":' + msgspec.json.encode(instant)
        return any(
            field in self._whole_lines(month) for month in self.months() if month >= f"{instant:%Y-%m}"
        )

    def months(self) -> list[str]:
        """List the months (YYYY-MM) that have lines."""
        return sorted({*self.unpacked_months(), *self._packs.closed_months()})

    def path(self, month: str) -> Path:
        """Return the file of a month that is not packed."""
        return self.folder / f"{month}.jsonl"

    def content(self, month: str) -> bytes:
        """Return the whole lines of a month that is not packed, as they are in its file."""
        return _without_the_rest(self.path(month).read_bytes())

    def unpacked_months(self) -> list[str]:
        """List the months (YYYY-MM) that have a file of their own. A month that was being packed may be packed too."""
        return sorted(path.stem for path in self.folder.glob("*.jsonl"))

    def lines(self, month: str, begin: int = 0) -> tuple[Manifest, ...]:
        """Return the landings of a month, in the order they ended, from a line on (from 0).

        Raises:
            DataError: A line is damaged.
        """
        return self._of_file(month, lambda path: _lines_of(path, begin, *_state(path)))

    def _whole_lines(self, month: str) -> bytes:
        return self._of_file(month, lambda path: _whole_lines_of(path, *_state(path)))

    def _of_file(self, month: str, read: Callable[[Path], T]) -> T:
        with suppress(FileNotFoundError):
            return read(self.path(month))
        try:
            return read(self._packs.path(month))
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


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


@lru_cache(maxsize=32)
def _lines_of(path: Path, begin: int, *state: int) -> tuple[Manifest, ...]:
    """Decode the lines of a month but for the first ones: what was applied long ago need not be decoded each time."""
    lines = whole_lines(_whole_lines_of(path, *state))
    return tuple(_read_line(line, number, path) for number, line in enumerate(lines[begin:], begin + 1))


@lru_cache(maxsize=8)
def _whole_lines_of(path: Path, *_: int) -> bytes:
    return _without_the_rest(journal_in(path) if path.suffix == ".arrow" else path.read_bytes())


def _without_the_rest(content: bytes) -> bytes:
    """Leave out a last line that is not whole."""
    return content[: content.rfind(b"\n") + 1]


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
    return _digest(msgspec.json.encode(msgspec.structs.replace(manifest, check="")))


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12}-{number % 12 + 1:02d}"
