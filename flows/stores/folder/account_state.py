"""What is known of an account besides its recordings: `state/account_sid=<sid>.json`, found out once and stored."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from flows.stores.folder.data_locks import DataLocks
from flows.stores.whole_files import write_whole
from transforms.ingest.dialect import Dialect


class AccountState(msgspec.Struct, frozen=True):
    """What was found out about an account.

    first_day: no recording is older (UTC); None until it is found. dialect: how to ask the account's API for dates.
    believed_on: the day (UTC) on which first_day was taken from the account's creation; None once the API was asked.
    deleted_since: fetches begun from then on (UTC) listed deleted recordings too; None while the API is not asked.
    asked: when (UTC) the unsettled recordings of a day were last asked for by themselves, if it was not read since.
    """

    first_day: date | None = None
    dialect: Dialect = Dialect()
    format: int = 1
    deleted_since: datetime | None = None
    asked: dict[date, datetime] = {}
    believed_on: date | None = None


class AccountStates:
    """The account states in a data folder. A lost state is found out again from the API."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "state"
        self._locks = DataLocks(data_dir)

    def read(self, account_sid: str) -> AccountState:
        """Return an account's state; an empty one when its file is missing or damaged."""
        try:
            return msgspec.json.decode(self._path(account_sid).read_bytes(), type=AccountState)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return AccountState()

    def write(self, account_sid: str, state: AccountState) -> None:
        """Store an account's state."""
        write_whole(self._path(account_sid), msgspec.json.encode(state))

    def change(self, account_sid: str, **found: Any) -> None:
        """Store what was found out about an account, by the names of the fields. The others stay as they are now.

        `--dry-run` does this too, and has no lock on the account.
        """
        with self._locks.briefly("states"):
            self.write(account_sid, msgspec.structs.replace(self.read(account_sid), **found))

    def _path(self, account_sid: str) -> Path:
        return self._folder / f"account_sid={account_sid}.json"
