"""Usage Records on disk: raw pages like those of recordings, and the resulting table per account.

`raw_usage/account_sid=<sid>/` has pages and a journal, as `raw/` has them of recordings.
`usage_records/account_sid=<sid>/usage_records.parquet` holds the latest figures of each day, and `_landings.json` next
to it says up to where in the journal they go.
"""

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from flows.stores.lake.account_table import AccountTable
from flows.stores.raw.journal import Position
from flows.stores.raw.raw_pages import RawPages
from flows.stores.whole_files import write_if_changed
from transforms.pages.usage import USAGE_SCHEMA
from transforms.values.covered import CoveredSpan

_NAME = "usage_records"


class AppliedUsage(msgspec.Struct, frozen=True):
    """Which landings are in the table: up to this position of the journal, how many, and when the last one began (UTC).

    covered: the days they fetched. file_sha256: of the table; only in the file.
    """

    position: Position = Position()
    landings: int = 0
    latest: datetime | None = None
    covered: list[CoveredSpan] = []
    file_sha256: str = ""


def raw_usage(data_dir: Path) -> RawPages:
    """Open the raw pages of Usage Records in a data folder."""
    return RawPages(data_dir, "raw_usage")


class UsageRecords:
    """Each account's known usage, in one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / _NAME
        self._table = AccountTable(data_dir, _NAME, USAGE_SCHEMA)

    def accounts(self) -> list[str]:
        """List the sids of all accounts whose usage is known."""
        return self._table.accounts()

    def path(self, account_sid: str) -> Path:
        """Return the file of an account's table, whether or not it exists."""
        return self._table.path(account_sid)

    def is_current(self, account_sid: str) -> bool:
        """Check whether the account's table, if there is one, has exactly the current columns."""
        return self._table.is_current(account_sid)

    def read(self, account_sid: str) -> pa.Table:
        """Read the account's rows (USAGE_SCHEMA); an empty table if nothing was fetched.

        Raises:
            DataError: The file is damaged.
        """
        return self._table.read(account_sid)

    def write(self, account_sid: str, rows: pa.Table, applied: AppliedUsage) -> None:
        """Replace the rows, then record their landings. Applying a landing twice is harmless."""
        self._table.write(account_sid, rows)
        written = msgspec.structs.replace(applied, file_sha256=_digest(self._table.path(account_sid)))
        write_if_changed(self._marker(account_sid), msgspec.json.encode(written))

    def remove(self, account_sid: str) -> None:
        """Remove the account's table, if there is one: it has no landing, or no longer has one."""
        if not self._marker(account_sid).parent.exists():
            return
        self._table.write(account_sid, USAGE_SCHEMA.empty_table())
        self._marker(account_sid).unlink(missing_ok=True)

    def applied(self, account_sid: str) -> AppliedUsage | None:
        """Return which landings are in the rows; None if that is not known, or the file is not as it was written."""
        try:
            applied = msgspec.json.decode(self._marker(account_sid).read_bytes(), type=AppliedUsage)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return applied if applied.file_sha256 == _digest(self._table.path(account_sid)) else None

    def _marker(self, account_sid: str) -> Path:
        return self._folder / f"account_sid={account_sid}" / "_landings.json"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes() if path.is_file() else b"").hexdigest()
