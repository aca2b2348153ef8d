"""The commit of an account's lake: which files are in it, and what is known of them.

`lake/account_sid=<sid>/commit.json` is replaced whole, and last. What it does not name is not in the lake.
"""

import hashlib
from datetime import date, datetime

import msgspec

from flows.stores.raw.journal import Position
from transforms.ingest.day_counts import DayTally
from transforms.normalize.corrections import CORRECTION_SCHEMA
from transforms.normalize.late_changes import CHANGE_SCHEMA
from transforms.schema import LAKE_SCHEMA, REJECT_SCHEMA
from transforms.values.covered import CoveredSpan

MOST_LANDINGS = 50
"""How many landings a commit has one by one, besides those that are the newest of a day."""

_COLUMNS = hashlib.sha256(
    "\n".join(map(str, (LAKE_SCHEMA, REJECT_SCHEMA, CORRECTION_SCHEMA, CHANGE_SCHEMA))).encode()
).hexdigest()[:16]


class FoundOddity(msgspec.Struct, frozen=True, array_like=True):
    """Something unexpected in a landing: kind, value, number of rows, and the sid and the text of one of them."""

    kind: str
    value: str
    rows: int
    sid: str = ""
    text: str = ""


class AppliedLanding(msgspec.Struct, frozen=True):
    """A landing that is in the lake, when its fetch ended (UTC), and what happened to its rows.

    rows = new + repeated + rejected + outside. new: seen for the first time. repeated: already known, or listed twice.
    rejected: not understood. outside: created outside the landing's window.
    """

    landing: str
    first: date
    last: date
    fetched_at: datetime
    completed_at: datetime
    is_whole: bool = True
    pages: int = 0
    rows: int = 0
    new: int = 0
    repeated: int = 0
    rejected: int = 0
    outside: int = 0
    oddities: list[FoundOddity] = []


class OlderLandings(msgspec.Struct, frozen=True):
    """Landings of a month (YYYY-MM, by the instant they began) that are summed up; counts as in AppliedLanding."""

    month: str
    landings: int = 0
    pages: int = 0
    rows: int = 0
    new: int = 0
    repeated: int = 0
    rejected: int = 0
    outside: int = 0
    oddities: list[FoundOddity] = []


class Repeat(msgspec.Struct, frozen=True, array_like=True):
    """A window whose last fetch would change nothing if it were listed once more.

    pages: a digest of them. rejected, outside, oddities: what happened to their rows.
    """

    first: date
    last: date
    pages: str
    rejected: int
    outside: int
    oddities: list[FoundOddity]


class LakeFile(msgspec.Struct, frozen=True):
    """A Parquet file, named by its content.

    first, last: the first and the last instant of creation in it (UTC). days: counts by day. totals: its control
    totals. Only files of recordings have these four.
    """

    name: str
    sha256: str
    bytes: int
    written_at_ns: int
    rows: int
    first: datetime | None = None
    last: datetime | None = None
    days: list[DayTally] = []
    totals: dict[str, str] = {}


class Commit(msgspec.Struct, frozen=True):
    """What is in an account's lake.

    position: up to where in the journal its landings are applied. landings: how many. latest: when the one that began
    last began (UTC). months: month of creation (YYYY-MM) → files in the order of creation. tables: name → files, of
    those that have rows; corrections and changes as they were found, generation by generation. covered: what was
    fetched. recent: landings one by one, older: those that are summed up. repeats: windows of which the same pages
    would change nothing. columns: of the files.
    sha256: of the rest; only in the file.
    """

    position: Position = Position()
    landings: int = 0
    latest: datetime | None = None
    months: dict[str, list[LakeFile]] = {}
    tables: dict[str, list[LakeFile]] = {}
    covered: list[CoveredSpan] = []
    recent: list[AppliedLanding] = []
    older: list[OlderLandings] = []
    repeats: list[Repeat] = []
    columns: str = _COLUMNS
    sha256: str = ""

    @property
    def files(self) -> list[LakeFile]:
        """All files that it names."""
        return [file for files in (*self.months.values(), *self.tables.values()) for file in files]

    @property
    def is_current(self) -> bool:
        """Whether its files have the current columns."""
        return self.columns == _COLUMNS

    @property
    def rows(self) -> int:
        """The number of recordings."""
        return sum(file.rows for files in self.months.values() for file in files)


def encoded(commit: Commit) -> bytes:
    """Encode a commit, with its digest."""
    return msgspec.json.encode(msgspec.structs.replace(commit, sha256=_digest(commit)))


def decoded(content: bytes) -> Commit | None:
    """Decode a commit; None if it is not what was encoded."""
    try:
        commit = msgspec.json.decode(content, type=Commit)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return commit if commit.sha256 == _digest(commit) else None


def _digest(commit: Commit) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(commit, sha256=""))).hexdigest()
