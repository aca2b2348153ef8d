"""What is on disk: the pages of each fetch in the order in which they were fetched, and the files kept by hand.

The only module that needs a library: raw pages are zstd frames, which Python 3.11 cannot read by itself.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Fetch:
    """One fetch of a window of days of creation (UTC, inclusive). began, ended: instants.

    is_whole: it read its window to the last page. pages: name of each page below the data folder → its rows.
    """

    account_sid: str
    first: date
    last: date
    began: datetime
    ended: datetime
    is_whole: bool
    name: str
    pages: dict[str, list[Any]]

    def has(self, day: date) -> bool:
        """Return whether the window has the day."""
        return self.first <= day <= self.last


def fetches(data_dir: Path, root: str = "raw", rows: str = "recordings") -> list[Fetch]:
    """Return all fetches below a folder, in the order in which they began."""
    ends = [*data_dir.glob(f"{root}/*/*/*/manifest.json"), *data_dir.glob(f"{root}/*/*/*/abandoned.json")]
    return sorted((_fetch(data_dir, end, rows) for end in ends), key=lambda each: each.began)


def _fetch(data_dir: Path, end: Path, rows: str) -> Fetch:
    said = json.loads(end.read_text())
    pages = [end.parent / page["file"] for page in said["pages"]]
    return Fetch(
        said["account_sid"],
        date.fromisoformat(said["first"]),
        date.fromisoformat(said["last"]),
        datetime.fromisoformat(said["fetched_at"]),
        datetime.fromisoformat(said["completed_at"]),
        end.name == "manifest.json",
        str(end.parent.relative_to(data_dir)),
        {str(page.relative_to(data_dir)): body(page)[rows] for page in pages},
    )


def first_days(data_dir: Path) -> dict[str, date]:
    """Return the first day of each account, where it is known: its sid is in the name of the file."""
    states = {
        path.stem.partition("=")[2]: json.loads(path.read_text()) for path in data_dir.glob("state/*.json")
    }
    return {
        sid: date.fromisoformat(state["first_day"]) for sid, state in states.items() if state.get("first_day")
    }


def body(page: Path) -> Any:
    """Return a page as JSON, its numbers with a point as the text that was sent."""
    with pa.input_stream(page, compression="zstd") as stream:
        return json.loads(stream.read(), parse_float=str)


def table(data_dir: Path, name: str) -> list[dict[str, str | None]]:
    """Return the lines of a reference file; an empty cell is None."""
    path = data_dir / "reference" / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: value or None for key, value in line.items()} for line in csv.DictReader(file)]


def report(data_dir: Path, name: str, like: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of a report in CSV, with the types that other rows have; an empty cell is None."""
    types = {column: type(value) for row in like for column, value in row.items() if value is not None}
    with (data_dir / "reports" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return [
            {column: _typed(text, types.get(column, str)) for column, text in line.items()}
            for line in csv.DictReader(file)
        ]


def _typed(text: str, as_type: type) -> Any:
    if not text:
        return None
    if as_type in (date, datetime):
        return as_type.fromisoformat(text)
    return text if as_type is str else Decimal(text)


def statements(data_dir: Path) -> Iterator[dict[str, Any]]:
    """Yield the statement of each closed month, the oldest first."""
    for path in sorted(data_dir.glob("statements/*/statement.json")):
        yield json.loads(path.read_text(), parse_float=Decimal)
