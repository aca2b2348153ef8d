"""The record of every run: `runs/<start instant>.json`, with counts only."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from flows.stores.whole_files import write_whole


class RunRecord(msgspec.Struct):
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


class Runs:
    """The run records in a data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "runs"

    def write(self, record: RunRecord) -> None:
        """Write (or overwrite) a run's record."""
        write_whole(self._folder / f"{record.run_id}.json", msgspec.json.encode(record))

    def all(self) -> list[RunRecord]:
        """Return every record, oldest first. Skips records that cannot be read: no figure depends on them."""
        return [*self.newest_first()][::-1]

    def newest_first(self) -> Iterator[RunRecord]:
        """Yield every record, newest first. Each file is read only when needed, so the last run is quick to get."""
        for path in sorted(self._folder.glob("*.json"), reverse=True):
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                yield msgspec.json.decode(path.read_bytes(), type=RunRecord)
