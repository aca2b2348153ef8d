"""The record of every run: `runs/<instant it began>.json`, counts only."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from flows.stores.whole_files import write_whole


class RunRecord(msgspec.Struct):
    """What a run did. Instants in UTC; exit_code and finished_at are None until it ended."""

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


class Runs:
    """The records under one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "runs"

    def write(self, record: RunRecord) -> None:
        """Write (or overwrite) a run's record."""
        write_whole(self._folder / f"{record.run_id}.json", msgspec.json.encode(record))

    def all(self) -> list[RunRecord]:
        """Every record, oldest first; one that cannot be read is passed over, it holds no figures of its own."""
        return [*self.newest_first()][::-1]

    def newest_first(self) -> Iterator[RunRecord]:
        """The same the other way round, each read when it is asked for: who wants the last need not read them all."""
        for path in sorted(self._folder.glob("*.json"), reverse=True):
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                yield msgspec.json.decode(path.read_bytes(), type=RunRecord)
