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
    found = []
    for account in data_dir.glob(f"{root}/*"):
        lines, pages = _stored(account)
        found += [_fetch(account, json.loads(line), pages, rows) for line in lines]
    return sorted(found, key=lambda each: each.began)


def _stored(account: Path) -> tuple[list[bytes], dict[str, bytes]]:
    """Return the lines of an account's journal, and its pages, compressed, by their sha256."""
    pages = {path.name.split(".")[0]: path.read_bytes() for path in account.glob("pages/*")}
    lines = [line for path in account.glob("journal/*.jsonl") for line in path.read_bytes().splitlines()]
    for path in account.glob("packs/*.arrow"):
        pack = pa.ipc.open_file(path).read_all()
        pages |= zip(
            (each.hex() for each in pack["sha256"].to_pylist()), pack["page"].to_pylist(), strict=True
        )
        if journal := (pack.schema.metadata or {}).get(b"recspend.journal"):
            lines += _unpacked(journal).splitlines()
    return lines, pages


def _fetch(account: Path, said: Mapping[str, Any], pages: Mapping[str, bytes], rows: str) -> Fetch:
    began = datetime.fromisoformat(said["fetched_at"])
    name = f"{account.parent.name}/{account.name}/{said['first']}_{said['last']}/{began:%Y%m%dT%H%M%S.%fZ}"
    bodies = [_body(pages[sha256]) for sha256, _, _ in said["pages"]]
    return Fetch(
        account.name.partition("=")[2],
        date.fromisoformat(said["first"]),
        date.fromisoformat(said["last"]),
        began,
        datetime.fromisoformat(said["completed_at"]),
        said["is_whole"],
        name,
        {f"{name}/page-{number:05d}.json.zst": body[rows] for number, body in enumerate(bodies)},
    )


def first_days(data_dir: Path) -> dict[str, date]:
    """Return the first day of each account, where it is known: its sid is in the name of the file."""
    states = {
        path.stem.partition("=")[2]: json.loads(path.read_text()) for path in data_dir.glob("state/*.json")
    }
    return {
        sid: date.fromisoformat(state["first_day"]) for sid, state in states.items() if state.get("first_day")
    }


def _body(page: bytes) -> Any:
    """Return a page as JSON, its numbers with a point as the text that was sent."""
    return json.loads(_unpacked(page), parse_float=str)


def _unpacked(frame: bytes) -> bytes:
    with pa.input_stream(pa.BufferReader(frame), compression="zstd") as stream:
        return bytes(stream.read())


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
