"""Every kind of file in a data folder, and what can happen to one."""

import os
import shutil
from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple


class Kind(NamedTuple):
    """Files of a kind: which paths in the data folder it has."""

    name: str
    pattern: str

    @property
    def is_unfinished(self) -> bool:
        """Whether only an interrupted run leaves such files."""
        return "/under_way/" in self.pattern


KINDS = (
    Kind("raw page", "raw/*/pages/*"),
    Kind("page of an unfinished landing", "raw/*/under_way/*/*/page-*"),
    Kind("journal of landings", "raw/*/journal/*"),
    Kind("pack of an older month", "raw/*/packs/*"),
    Kind("record of dropped pages", "raw*/*/dropped.jsonl"),
    Kind("raw page of Usage Records", "raw_usage/*/pages/*"),
    Kind("journal of Usage Records", "raw_usage/*/journal/*"),
    Kind("pack of Usage Records", "raw_usage/*/packs/*"),
    Kind("month of the lake", "lake/*/20*.parquet"),
    Kind("commit of the lake", "lake/*/commit.json"),
    Kind("rejects", "lake/*/rejects-*"),
    Kind("corrections", "lake/*/corrections-*"),
    Kind("changes", "lake/*/changes-*"),
    Kind("month as people open it", "recordings/*/*/recordings.parquet"),
    Kind("rejects as people open them", "rejects/*/*"),
    Kind("corrections as people open them", "corrections/*/*"),
    Kind("changes as people open them", "changes/*/*"),
    Kind("Usage Records", "usage_records/*/*.parquet"),
    Kind("state of Usage Records", "usage_records/*/_landings.json"),
    Kind("statement", "statements/*/statement.json"),
    Kind("statement as CSV", "statements/*/statement.csv"),
    Kind("sums of older runs", "runs/sums.json"),
    Kind("run record", "runs/*"),
    Kind("figures reported last", "told.json"),
    Kind("notifications sent", "notified.json"),
    Kind("time of the last packing", "state/compacted.json"),
    Kind("account state", "state/*"),
    Kind("format", "format.json"),
    Kind("wide model", "wide/[!_]*/*.parquet"),
    Kind("record of wide models", "wide/_made/*/*"),
    Kind("warehouse", "warehouse.duckdb"),
    Kind("fingerprint of the warehouse", "warehouse.json"),
    Kind("list of reference files", "reference.json"),
    Kind("report", "reports/*.csv"),
    Kind("manifest of the reports", "reports/manifest.json"),
    Kind("export for a cost system", "reports/*.parquet"),
    Kind("fingerprint of the reports", "reports.json"),
    Kind("metrics", "metrics.prom"),
    Kind("lock", ".*lock"),
    Kind("reference file", "reference/*.csv"),
)


def files_of(data_dir: Path) -> dict[Kind, list[Path]]:
    """Return the files of each kind, in order. Raises ValueError for a file of no kind."""
    found: dict[Kind, list[Path]] = {kind: [] for kind in KINDS}
    for path in sorted(data_dir.rglob("*")):
        if path.is_dir():
            continue
        name = str(path.relative_to(data_dir))
        matching = [kind for kind in KINDS if fnmatch(name, kind.pattern)]
        if not matching:
            raise ValueError(f"{name} is of no kind")
        found[matching[0]].append(path)
    return found


def _flipped(path: Path, at: float) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[min(int(at * len(content)), len(content) - 1)] ^= 0x01
    path.write_bytes(content)


def _rotten(path: Path) -> None:
    found = path.stat()
    _flipped(path, 0.5)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def _halved(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _gone(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


DAMAGES: Mapping[str, Callable[[Path], None]] = {
    "a byte flipped": lambda path: _flipped(path, 0.5),
    "bit rot": _rotten,
    "cut in half": _halved,
    "emptied": _emptied,
    "removed": _gone,
    "a folder instead": _folder,
    "unreadable": lambda path: path.chmod(0),
}
