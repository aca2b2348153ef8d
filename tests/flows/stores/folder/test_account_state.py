from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.stores.folder.account_state import AccountState, AccountStates
from flows.stores.folder.data_locks import DataLocks
from transforms.ingest.dialect import Dialect


def test_change_keeps_what_another_process_found_out_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, since = AccountStates(tmp_path), datetime(2026, 9, 1, tzinfo=UTC)
    with ExitStack() as other:
        other.enter_context(DataLocks(tmp_path).briefly("states"))

        def sleep(_: float) -> None:
            states.write("A", AccountState(dialect=Dialect("iso", "instant-inclusive")))
            other.close()

        monkeypatch.setattr("flows.stores.waiting.time.sleep", sleep)
        states.change("A", first_day=date(2026, 8, 1), deleted_since=since)
    expected = AccountState(date(2026, 8, 1), Dialect("iso", "instant-inclusive"), deleted_since=since)
    assert states.read("A") == expected
    assert states.read("B") == AccountState()
