"""How to ask an account's API for dates: as stored, as another account of the API found out, or else probed now."""

from datetime import date
from pathlib import Path

from flows.ingest.workers import Workers
from flows.stores.folder.account_state import AccountStates
from transforms.ingest.dialect import Dialect, calibrate


class Dialects:
    """What the accounts of a run found out, by the address of their API. Usable from any thread.

    An account takes over what another one found if it could miss nothing by it: a request for whole days then lists at
    least these days, however the API compares dates, and an API that ignores hours is noticed.
    """

    def __init__(self) -> None:
        self._found: dict[str, Dialect] = {}

    def find(self, workers: Workers, data_dir: Path, today: date) -> Dialect:
        """Return how to ask the account's API, and store it. Raises RequestRefusedError as `calibrate`."""
        states, api = AccountStates(data_dir), workers.base_url
        dialect = states.read(workers.account_sid).dialect
        if dialect.filter is None:
            dialect = self._found.get(api) or calibrate(workers.newest, today)
            states.change(workers.account_sid, dialect=dialect)
        if dialect.misses_nothing:
            self._found[api] = dialect
        return dialect


def forget_dialect(data_dir: Path, account_sid: str) -> None:
    """Have the next run probe the account's API again."""
    AccountStates(data_dir).change(account_sid, dialect=Dialect())
