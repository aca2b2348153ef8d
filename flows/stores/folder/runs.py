"""The record of every run, with counts only: `runs/<YYYY-MM>.jsonl`, by the month (UTC) in which the run began.

A run has a line for each time it was written: when it begins, on the way, and when it ends. The newest counts. Older
recspends wrote a file for each run, `runs/<start instant>.json`.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

import msgspec

from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.lines import append_line, whole_lines
from flows.stores.whole_files import flush_folder, write_if_changed, write_whole

MOST_RUNS = 1_000
"""The runs of a month are only summed up when at least this many are newer."""


class RunRecord(msgspec.Struct, omit_defaults=True):
    """What a run did. Instants are UTC; exit_code and finished_at are None until the run ends."""

    run_id: str
    started_at: datetime
    finished_at: datetime | None = None
    exit_code: int | None = None
    requests: int = 0
    retries: int = 0
    pages: int = 0
    rows: int = 0
    new: int = 0
    changed: int = 0
    deleted: int = 0
    rejected: int = 0
    unpriced: int = 0
    holes: int = 0


class RunsOfMonth(msgspec.Struct, frozen=True):
    """How many runs began in a month (its first day, UTC), and what they did together."""

    began_in: date
    runs: int
    requests: int
    retries: int
    pages: int
    rows: int
    new: int
    changed: int
    deleted: int


class _Sums(msgspec.Struct, frozen=True):
    """The sums of a month, and the bytes of the files they are of."""

    bytes: int
    sums: RunsOfMonth


_SUMMED = [name for name in RunsOfMonth.__struct_fields__ if name in RunRecord.__struct_fields__]


class Runs:
    """The run records in a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "runs"
        self._locks = DataLocks(data_dir)
        self._sums = self._folder / "sums.json"

    def write(self, record: RunRecord) -> None:
        """Write a run's record, or write it again. Raises BusyError if another process does not let it."""
        with self._locks.briefly("runs"):
            append_line(self._folder / f"{record.started_at:%Y-%m}.jsonl", _line(record))

    def all(self) -> list[RunRecord]:
        """Return every record, oldest first. Skips records that cannot be read: no figure depends on them."""
        return [*self.newest_first()][::-1]

    def newest_first(self) -> Iterator[RunRecord]:
        """Yield every record, newest first. Each file is read only when needed, so the last run is quick to get."""
        for files in self._months().values():
            yield from _records(files)

    def recent_and_older(self) -> tuple[list[RunRecord], list[RunsOfMonth]]:
        """Return the records of the newest months, MOST_RUNS or more, and the sums of older months, oldest first.

        The sums are kept: what it costs does not depend on how many runs there ever were. The caller has the lock of
        the warehouse.
        """
        recent, older, known = list[RunRecord](), dict[str, _Sums](), self._known_sums()
        for month, files in self._months().items():
            if len(recent) < MOST_RUNS:
                recent += _records(files)
                continue
            size = sum(path.stat().st_size for path in files)
            kept = known.get(month)
            older[month] = (
                kept if kept and kept.bytes == size else _Sums(size, _summed(month, _records(files)))
            )
        if older:
            write_if_changed(self._sums, msgspec.json.encode(older))
        return recent[::-1], [each.sums for each in older.values()][::-1]

    def fold(self) -> None:
        """Put the files of single runs into the months. If it is interrupted, calling it again ends the same."""
        with self._locks.briefly("runs"):
            self._fold()

    def _fold(self) -> None:
        for month, files in self._months().items():
            path = self._folder / f"{month}.jsonl"
            single = [each for each in files if each != path]
            if not single:
                continue
            content = path.read_bytes() if path.exists() else b""
            known = {record.run_id for record in _records([path])} if content else set[str]()
            added = [each for each in _records(single)[::-1] if each.run_id not in known]
            write_whole(path, b"".join(map(_line, added)) + content)
            for each in single:
                if _records([each]):
                    each.unlink()
            flush_folder(self._folder)

    def _months(self) -> dict[str, list[Path]]:
        """Return the files of each month (YYYY-MM), the newest month first. What was written later comes later."""
        months: dict[str, list[Path]] = {}
        for path in sorted(self._folder.glob("????????T*.json")):
            months.setdefault(f"{path.name[:4]}-{path.name[4:6]}", []).append(path)
        for path in self._folder.glob("????-??.jsonl"):
            months.setdefault(path.stem, []).append(path)
        return dict(sorted(months.items(), reverse=True))

    def _known_sums(self) -> dict[str, _Sums]:
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.json.decode(self._sums.read_bytes(), type=dict[str, _Sums])
        return {}


def _line(record: RunRecord) -> bytes:
    return msgspec.json.encode(record) + b"\n"


def _records(files: list[Path]) -> list[RunRecord]:
    """Read the newest record of each run, the newest run first."""
    found: dict[str, RunRecord] = {}
    for path in files:
        content = path.read_bytes()
        for line in whole_lines(content) if path.suffix == ".jsonl" else [content]:
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                record = msgspec.json.decode(line, type=RunRecord)
                found[record.run_id] = record
    return sorted(found.values(), key=lambda record: (record.started_at, record.run_id), reverse=True)


def _summed(month: str, records: list[RunRecord]) -> RunsOfMonth:
    sums = {name: sum(getattr(record, name) for record in records) for name in _SUMMED}
    return RunsOfMonth(date.fromisoformat(f"{month}-01"), len(records), **sums)
