"""Prices that come with an older date_updated than was read earlier."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from flows.emulator import open_living, serve
from flows.run.request import RunRequest
from flows.run.stages import perform
from tests.support.runs.ledger_runs import accesses_of, rows_of
from tests.support.runs.living_runs import ACCOUNTS, context_by, epoch_of, instant, made

SUPPORT = ACCOUNTS[0]
pytestmark = pytest.mark.builds("marts.daily_spend", "ops.oddities", "marts.spend_by_account")


def test_price_with_an_older_update_is_taken_and_shown(tmp_path: Path) -> None:
    day = date(2026, 9, 14)
    waiting = made(SUPPORT, 1, epoch_of(day), price=None, currency=None)
    waiting = replace(waiting, updated_at=waiting.updated_at + 86_400)
    priced = replace(waiting, price=Decimal("0.01"), currency="USD", updated_at=waiting.updated_at - 3600)
    for ledger_recording, later in ((waiting, 0), (priced, 1)):
        with serve(open_living([ledger_recording])) as emulator:
            now = instant(epoch_of(day + timedelta(days=2 + later)))
            context = context_by(lambda now=now: now, accesses_of(emulator), tmp_path)  # type: ignore[misc]
            summary = perform(context, RunRequest(first=day))
    assert summary.unpriced == 0
    assert rows_of(tmp_path, "select cost, unpriced_recordings from marts.daily_spend") == [
        {"cost": Decimal("0.01"), "unpriced_recordings": 0}
    ]
    (oddity,) = rows_of(tmp_path, "select kind, rows, example_sid from ops.oddities")
    assert oddity == {"kind": "date_updated went back", "rows": 1, "example_sid": priced.sid}
    assert summary.oddities.counts == {("date_updated went back", ""): 1}
