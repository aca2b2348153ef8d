"""The lake: one Parquet file per account and month of creation, one row per recording.

`recordings/account_sid=<sid>/created_month=<YYYY-MM>/recordings.parquet`, sorted by created_at and recording_sid.
Next to the months is `_landings.json`, which records the landings that are in them. It is written last.
`_files.json` has the digests of the files, and each file its control totals (`written_files.py`).
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.stores.lake.account_table import (
    AccountTable,
    has_columns,
    holds,
    null_count,
    read_parquet,
    table_files,
)
from flows.stores.lake.lookups import in_several_files
from flows.stores.lake.month_file import next_to, write_month
from flows.stores.lake.state import LakeState, decoded, encoded
from flows.stores.lake.written_files import changed_files, record_files, total_rows, totals_in
from flows.stores.whole_files import put_in_place, remove_for_good, write_whole
from transforms.ingest.plan import DAY_COUNT_SCHEMA, DayCount, count_by_day
from transforms.normalize.corrections import CORRECTION_SCHEMA
from transforms.normalize.late_changes import CHANGE_SCHEMA
from transforms.schema import LAKE_SCHEMA, REJECT_SCHEMA

_FILE = "recordings.parquet"
_STATE = "_landings.json"


class Lake:
    """The recordings in one data folder, with each account's remaining `rejects`, `corrections` and `changes`."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "recordings"
        self.rejects = AccountTable(data_dir, "rejects", REJECT_SCHEMA)
        self.corrections = AccountTable(data_dir, "corrections", CORRECTION_SCHEMA)
        self.changes = AccountTable(data_dir, "changes", CHANGE_SCHEMA)
        self._tables = (self.rejects, self.corrections, self.changes)

    def accounts(self) -> list[str]:
        """List the sids of all accounts in the lake."""
        return sorted(folder.name.partition("=")[2] for folder in self.folder.glob("account_sid=*"))

    def months(self, account_sid: str) -> list[str]:
        """List the months (YYYY-MM) in which an account has recordings."""
        files = self._account(account_sid).glob(f"created_month=*/{_FILE}")
        return sorted(file.parent.name.partition("=")[2] for file in files)

    def rows(self, account_sid: str) -> int:
        """Count the recordings of an account."""
        return sum((self._rows_by_month(account_sid) or {}).values())

    def read(self, account_sid: str, month: str) -> pa.Table:
        """Read a month's recordings (LAKE_SCHEMA); an empty table if there are none.

        Raises:
            DataError: The file cannot be read.
        """
        return read_parquet(self._month(account_sid, month), LAKE_SCHEMA)

    def replace(self, account_sid: str, month: str, recordings: pa.Table) -> None:
        """Replace a month's recordings; an empty table removes the file."""
        path = self._month(account_sid, month)
        if not recordings.num_rows:
            path.unlink(missing_ok=True)
            return
        write_month(path, recordings)

    def prepare(self, account_sid: str, month: str, recordings: pa.Table) -> None:
        """Write what a month's recordings will be next to its file, until `publish` or `withdraw`."""
        write_month(next_to(self._month(account_sid, month)), recordings, is_flushed_later=True)

    def publish(self, account_sid: str) -> None:
        """Replace the files of the months that were prepared."""
        for month, path in self._prepared(account_sid).items():
            put_in_place(path, self._month(account_sid, month))

    def withdraw(self, account_sid: str) -> None:
        """Remove what was prepared."""
        for path in self._prepared(account_sid).values():
            path.unlink()
            with suppress(OSError):  # the month has a file
                path.parent.rmdir()

    def _prepared(self, account_sid: str) -> dict[str, Path]:
        files = self._account(account_sid).glob(f"created_month=*/{next_to(Path(_FILE))}")
        return {file.parent.name.partition("=")[2]: file for file in sorted(files)}

    def state(self, account_sid: str, *, thoroughly: bool = False) -> LakeState | None:
        """Read the state of the account's months; None if it is unknown or does not match the files.

        thoroughly: also read the files that look as they were written.
        """
        state = self.recorded_state(account_sid)
        if state is None or state.months is None:
            return state
        is_valid = state.months == self._rows_by_month(account_sid) and not self._changed(
            account_sid, thoroughly=thoroughly
        )
        return state if is_valid else None

    def is_damaged(self, account_sid: str) -> bool:
        """Check whether files of the account are not as they were written, without reading those that look alike."""
        state = self.recorded_state(account_sid)
        if state is None or state.months is None:
            return False
        return state.months.keys() != set(self.months(account_sid)) or bool(self._changed(account_sid))

    def _changed(self, account_sid: str, *, thoroughly: bool = False) -> list[str]:
        return changed_files(
            self._account(account_sid),
            self.files(account_sid),
            table_files(self._tables, account_sid),
            thoroughly=thoroughly,
        )

    def recorded_state(self, account_sid: str) -> LakeState | None:
        """Read the state as last recorded, whether or not it matches the files; None if it cannot be read."""
        try:
            return decoded((self._account(account_sid) / _STATE).read_bytes())
        except OSError:
            return None

    def is_current(self, account_sid: str) -> bool:
        """Check whether all files of the account have the current columns."""
        months = (self._month(account_sid, month) for month in self.months(account_sid))
        return all(has_columns(month, LAKE_SCHEMA) for month in months) and all(
            table.is_current(account_sid) for table in self._tables
        )

    def begin(self, account_sid: str, state: LakeState) -> None:
        """Record that months are being rewritten. What an interrupted attempt prepared is removed."""
        self.withdraw(account_sid)
        state.months = None
        self._write_state(account_sid, state)

    def finish(self, account_sid: str, state: LakeState) -> None:
        """Record the state of the months after all of them were written."""
        state.months = self._rows_by_month(account_sid) or {}
        record_files(
            self._account(account_sid), self.files(account_sid) | table_files(self._tables, account_sid)
        )
        self._write_state(account_sid, state)

    def adopt(self, account_sid: str, built: "Lake") -> None:
        """Take over an account that was built in another lake: replace files that differ, and remove those it lacks."""
        state = built.recorded_state(account_sid)
        changed = self._changed(account_sid, thoroughly=True)
        remove_for_good(self._account(account_sid) / _STATE)
        for month in self.months(account_sid):
            if not built._month(account_sid, month).exists():
                self._month(account_sid, month).unlink()
        for month in built.months(account_sid):
            path = self._month(account_sid, month)
            # Damage may be where only another library reads, so equal rows are not enough.
            if month in changed or not totals_in(path) or not holds(path, built.read(account_sid, month)):
                put_in_place(built._month(account_sid, month), path)
        for own, other in zip(self._tables, built._tables, strict=True):
            if own.name in changed:  # a file with the same rows would otherwise stay as it is
                own.path(account_sid).unlink(missing_ok=True)
            own.write(account_sid, other.read(account_sid))
        if state is not None:
            self.finish(account_sid, state)

    def _write_state(self, account_sid: str, state: LakeState) -> None:
        write_whole(self._account(account_sid) / _STATE, encoded(state))

    def _rows_by_month(self, account_sid: str) -> dict[str, int] | None:
        """Count the rows of each month; None if a month cannot be read."""
        try:
            return {
                month: pq.read_metadata(self._month(account_sid, month)).num_rows
                for month in self.months(account_sid)
            }
        except (OSError, pa.ArrowException):
            return None

    def control_totals(self, account_sid: str) -> list[dict[str, str]]:
        """Read the control totals in the account's files (TOTALS_SCHEMA), taken from the rows as they were written."""
        return total_rows(account_sid, self.files(account_sid).items())

    def kept_by_month(self, account_sid: str) -> dict[str, int]:
        """Count the recordings that are not known to be deleted, by month (YYYY-MM), without reading them.

        Raises:
            DataError: A file cannot be read.
        """
        return {
            month: null_count(self._month(account_sid, month), "deleted_at")
            for month in self.months(account_sid)
        }

    def count_by_day(
        self,
        account_sid: str,
        today: date,
        since: date = date.min,
        months: Collection[str] | None = None,
    ) -> dict[date, DayCount]:
        """Count recordings, and the unsettled ones among them, by creation day (UTC), from `since`, as of today.

        months: only count these (YYYY-MM).

        Raises:
            DataError: A file cannot be read.
        """
        days: dict[date, DayCount] = {}
        for month in self.months(account_sid):
            if month >= f"{since:%Y-%m}" and (months is None or month in months):
                days |= count_by_day(read_parquet(self._month(account_sid, month), DAY_COUNT_SCHEMA), today)
        return {day: count for day, count in days.items() if day >= since}

    def in_several_months(self, account_sid: str) -> Iterator[tuple[str, list[str]]]:
        """Find recordings that are in more than one month, because their creation date moved: yields sid and months.

        Months that are prepared count as they will be.
        """
        files = self.files(account_sid) | self._prepared(account_sid)
        return in_several_files(list(files.values()), self.folder.with_name(".spill"))

    def files(self, account_sid: str) -> dict[str, Path]:
        """Return the file of each month (YYYY-MM) of an account."""
        return {month: self._month(account_sid, month) for month in self.months(account_sid)}

    def _account(self, account_sid: str) -> Path:
        return self.folder / f"account_sid={account_sid}"

    def _month(self, account_sid: str, month: str) -> Path:
        return self._account(account_sid) / f"created_month={month}" / _FILE
