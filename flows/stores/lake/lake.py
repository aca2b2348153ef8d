"""The lake: one row per recording, in Parquet files by account and month of creation.

`lake/account_sid=<sid>/` has files named by their content, and `commit.json`, which says which of them are in the lake,
and what is known of them. A commit is replaced whole, so a reader sees all of a step or nothing. `recordings/` and the
folders next to it show the current files by names that stay the same (`shown.py`).
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from flows.stores.folder.data_locks import DataLocks
from flows.stores.lake.commit import Commit, LakeFile, decoded, encoded
from flows.stores.lake.known_sids import ENDING, may_have
from flows.stores.lake.lake_files import is_whole, read_columns, read_file, write_recordings, write_table
from flows.stores.lake.shown import Shown
from flows.stores.whole_files import flush_folder, write_whole
from transforms.ingest.day_counts import UNSETTLED_COLUMNS, DayCount, counts, unsettled_sids
from transforms.normalize.control_totals import added_up
from transforms.normalize.corrections import CORRECTION_SCHEMA
from transforms.normalize.history import IN_ORDER
from transforms.normalize.late_changes import CHANGE_SCHEMA
from transforms.schema import LAKE_SCHEMA, REJECT_SCHEMA
from transforms.values.fingerprints import Fingerprints
from transforms.values.windows import Window, is_created_in

_COMMIT = "commit.json"
_SCHEMAS = {"rejects": REJECT_SCHEMA, "corrections": CORRECTION_SCHEMA, "changes": CHANGE_SCHEMA}


class Lake:
    """The recordings in one data folder, with each account's remaining rejects, corrections and changes."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "lake"
        self._shown = Shown(data_dir)
        self._locks = DataLocks(data_dir)
        self._written_to: set[str] = set()

    def accounts(self) -> list[str]:
        """List the sids of all accounts in the lake."""
        return sorted(folder.name.partition("=")[2] for folder in self.folder.glob("account_sid=*"))

    def commit(self, account_sid: str) -> Commit | None:
        """Read what is in the lake of an account; None if nothing is, or if the commit cannot be read."""
        try:
            return decoded((self.account(account_sid) / _COMMIT).read_bytes())
        except OSError:
            return None

    def has_commit(self, account_sid: str) -> bool:
        """Check whether an account was ever brought into the lake."""
        return (self.account(account_sid) / _COMMIT).exists()

    def state(self, account_sid: str) -> Commit | None:
        """Read the commit of an account; None if its files are not as they were written, or have other columns."""
        commit = self.commit(account_sid)
        folder = self.account(account_sid)
        if commit is None or not commit.is_current:
            return None
        months = (file for files in commit.months.values() for file in files)
        tables = (
            file for files in commit.tables.values() for file in files
        )  # read as they are by the models
        is_right = all(is_whole(folder / file.name, file) for file in months) and all(
            is_whole(folder / file.name, file, thoroughly=True) for file in tables
        )
        return commit if is_right else None

    def is_damaged(self, account_sid: str) -> bool:
        """Check whether files of the account are not as they were written, without reading those that look alike."""
        folder = self.account(account_sid)
        return folder.exists() and self.state(account_sid) is None

    # Reading

    def months(self, account_sid: str) -> list[str]:
        """List the months (YYYY-MM) in which an account has recordings."""
        commit = self.commit(account_sid)
        return sorted(commit.months) if commit else []

    def rows(self, account_sid: str) -> int:
        """Count the recordings of an account."""
        commit = self.commit(account_sid)
        return commit.rows if commit else 0

    def files(self, account_sid: str, commit: Commit | None = None) -> dict[str, list[Path]]:
        """Return the files of each month (YYYY-MM) of an account, in the order of creation. commit: as of this one."""
        commit, folder = commit or self.commit(account_sid), self.account(account_sid)
        months = commit.months if commit else {}
        return {month: [folder / file.name for file in files] for month, files in sorted(months.items())}

    def read(self, account_sid: str, month: str) -> pa.Table:
        """Read a month's recordings (LAKE_SCHEMA); an empty table if there are none.

        Raises DamagedLakeError if a file is missing or damaged.
        """
        commit = self.commit(account_sid)
        return self.read_files(account_sid, commit.months.get(month, []) if commit else [])

    def read_files(self, account_sid: str, files: Iterable[LakeFile]) -> pa.Table:
        """Read recordings (LAKE_SCHEMA) of some files, one after another.

        Raises DamagedLakeError if a file is missing or damaged.
        """
        folder = self.account(account_sid)
        return pa.concat_tables(
            [LAKE_SCHEMA.empty_table(), *(read_file(folder, file, LAKE_SCHEMA) for file in files)]
        )

    def sids(
        self, account_sid: str, file: LakeFile, first_seen: Sequence[datetime] | None = None
    ) -> pa.Array:
        """Return the sids of the recordings in a file. first_seen: only those first seen at one of these instants.

        Raises DamagedLakeError if the file cannot be read.
        """
        columns = ["recording_sid"] if first_seen is None else ["recording_sid", "first_seen_at"]
        rows = read_columns(self.account(account_sid), file, columns)
        if first_seen is not None:
            instants = pa.array(first_seen, LAKE_SCHEMA.field("first_seen_at").type)
            rows = rows.filter(pc.is_in(rows["first_seen_at"], value_set=instants))
        return rows["recording_sid"].combine_chunks()

    def may_have(self, account_sid: str, file: LakeFile, wanted: Fingerprints) -> bool:
        """Check whether a file may have recordings whose sids have one of these fingerprints (in order).

        Raises DamagedLakeError if the file is missing or damaged.
        """
        return may_have(self.account(account_sid), file, wanted)

    def table(self, account_sid: str, name: str, commit: Commit | None = None) -> pa.Table:
        """Read the account's rejects, corrections or changes; the latter two in the order they were found.

        commit: as of this one.

        Raises DamagedLakeError if the file is missing or damaged.
        """
        commit = commit or self.commit(account_sid)
        files = commit.tables.get(name, []) if commit else []
        rows = self.read_table(account_sid, name, files)
        return rows.sort_by(IN_ORDER) if len(files) > 1 else rows  # each file is in order

    def read_table(self, account_sid: str, name: str, files: Iterable[LakeFile]) -> pa.Table:
        """Read rows of the account's rejects, corrections or changes from some files. Raises as `table`."""
        folder, schema = self.account(account_sid), _SCHEMAS[name]
        return pa.concat_tables([schema.empty_table(), *(read_file(folder, file, schema) for file in files)])

    def rejects(self, account_sid: str) -> pa.Table:
        """Read the records that could not be understood (REJECT_SCHEMA). Raises DamagedLakeError as `table`."""
        return self.table(account_sid, "rejects")

    def corrections(self, account_sid: str) -> pa.Table:
        """Read the prices that changed (CORRECTION_SCHEMA). Raises DamagedLakeError as `table`."""
        return self.table(account_sid, "corrections")

    def changes(self, account_sid: str) -> pa.Table:
        """Read what changed after its month was over (CHANGE_SCHEMA). Raises DamagedLakeError as `table`."""
        return self.table(account_sid, "changes")

    # What is known without reading files

    def control_totals(self, account_sid: str, commit: Commit | None = None) -> list[dict[str, str]]:
        """Return the control totals of each month (TOTALS_SCHEMA), taken from the rows as they were written.

        commit: as of this one.
        """
        commit = commit or self.commit(account_sid)
        return [
            {"account_sid": account_sid, "created_month": month, "measure": measure, "value": value}
            for month, files in sorted(commit.months.items() if commit else ())
            for measure, value in added_up([file.totals for file in files]).items()
        ]

    def count_by_day(
        self, account_sid: str, today: date, commit: Commit | None = None
    ) -> dict[date, DayCount]:
        """Count recordings, and the unsettled ones among them, by creation day (UTC), as of today.

        commit: as of this one.
        """
        commit = commit or self.commit(account_sid)
        files = (file for _, files in sorted(commit.months.items() if commit else ()) for file in files)
        return counts((day for file in files for day in file.days), today)

    def unsettled(self, account_sid: str, day: date, today: date) -> list[str]:
        """Return the sids of the recordings that `count_by_day` has as unsettled on a day (UTC), as of today.

        Raises DamagedLakeError if a file cannot be read.
        """
        commit, window = self.commit(account_sid), Window(day, day)
        found: list[str] = []
        for file in commit.months.get(f"{day:%Y-%m}", []) if commit else []:
            if any(tally.day == day for tally in file.days):
                rows = read_columns(self.account(account_sid), file, [*UNSETTLED_COLUMNS])
                found += unsettled_sids(rows.filter(is_created_in(rows["created_at"], window)), today)
        return found

    # Writing

    def write(self, account_sid: str, month: str, recordings: pa.Table) -> LakeFile:
        """Write recordings of a month (LAKE_SCHEMA, at least one). They count when a commit names them."""
        self._written_to.add(account_sid)
        return write_recordings(self.account(account_sid), month, recordings)

    def write_table(self, account_sid: str, name: str, rows: pa.Table) -> LakeFile:
        """Write rejects, corrections or changes (at least one). They count when a commit names them."""
        self._written_to.add(account_sid)
        return write_table(self.account(account_sid), name, rows)

    def replace(self, account_sid: str, commit: Commit) -> None:
        """Replace the commit of an account, and show its files."""
        folder = self.account(account_sid)
        if account_sid in self._written_to:
            flush_folder(folder)  # so that a commit never names a file that a power cut took away
        content = encoded(commit)
        path = folder / _COMMIT
        if not path.exists() or path.read_bytes() != content:
            write_whole(path, content)
        self._written_to.discard(account_sid)
        self._shown.show(account_sid, folder, commit)

    def show(self, account_sid: str, commit: Commit) -> None:
        """Show the files of the current commit, if they are not all shown, because a process was killed."""
        folder = self.account(account_sid)
        if not self._shown.is_current(account_sid, folder, commit):
            self._shown.show(account_sid, folder, commit)

    def tidy(self, account_sid: str, kept: Iterable[Commit | None]) -> None:
        """Remove files that none of these commits names; the last one is in place.

        Not while another process builds the tables: it may read an earlier commit. A build that begins later reads this
        one.
        """
        if self._locks.warehouse_holder():
            return
        folder = self.account(account_sid)
        named = {file.name for commit in kept if commit for file in commit.files}
        for path in folder.glob("*.parquet*"):
            if path.name.removesuffix(ENDING) not in named:
                path.unlink()

    def account(self, account_sid: str) -> Path:
        """Return the folder of an account, whether or not it exists."""
        return self.folder / f"account_sid={account_sid}"
