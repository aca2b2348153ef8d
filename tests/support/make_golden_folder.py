"""Make the golden data folder of the current format: `python -m tests.support.make_golden_folder`.

It is made once for each format, by the first recspend that writes it, and never again: it contains what that
recspend wrote. `tests/golden/folders/README.md` says what is in it.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

from flows.emulator import LivingLedger, Recording, open_living, serve
from flows.run.closing import close_month
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.stores.folder.data_format import FORMAT
from tests.support import GOLDEN
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import ACCOUNTS, Clock, context_by, epoch_of, in_haste, made

FOLDERS = GOLDEN / "folders"
FIRST, TODAY = date(2026, 8, 1), date(2026, 10, 2)
NOT_KEPT = ["warehouse.duckdb", "warehouse.json", ".lock"]
SUPPORT, SALES = ACCOUNTS[:2]
UNPRICED = made(SUPPORT, 1, epoch_of(date(2026, 8, 3)), price=None, currency=None, source="DialVerb")
PRICED = made(SUPPORT, 2, epoch_of(date(2026, 8, 20)), price=Decimal("0.01"), source="DialVerb")
GOES = made(SUPPORT, 3, epoch_of(date(2026, 8, 21)), price=Decimal("0.002"), source="Conference")


def recordings() -> Iterator[Recording]:
    """Return recordings of August, which change later, and some of September."""
    yield from (UNPRICED, PRICED, GOES)
    for sequence in range(4, 7):
        yield made(SUPPORT, sequence, epoch_of(date(2026, 9, sequence)))
    for sequence in range(1, 4):
        price = Decimal("-0.004100001") * sequence
        yield made(SALES, sequence, epoch_of(date(2026, 9, 10 + sequence)), price=price, currency="EUR")


def slow_clock(ledger: LivingLedger) -> Clock:
    """Return the ledger's clock. It advances by a second at each call: whole seconds are easier to read."""
    seconds = count(1)
    return lambda: datetime.fromtimestamp(ledger.now, UTC) + timedelta(seconds=next(seconds))


def make(folder: Path, seed: int) -> None:
    """Read, close August, let the ledger change, and read again. Write the ledger's totals next to the folder."""
    data_dir = folder / "data"
    source = open_living(recordings(), now=epoch_of(TODAY))
    ledger = source.ledger
    with in_haste(5), serve(source, faults=["bad-records"], seed=seed) as emulator:
        support, sales = accesses_of(emulator)
        accounts = [replace(support, name="support"), replace(sales, name="sales", provider="twilio")]
        context = context_by(slow_clock(ledger), accounts, data_dir)
        request = RunRequest("run", FIRST, TODAY, again=True)
        perform(context, request)
        close_month(context, "2026-08", accept_incomplete=True)
        ledger.advance_to(epoch_of(TODAY, 3600))
        ledger.change(UNPRICED.sid, price=Decimal("0.4"), currency="USD")
        ledger.change(PRICED.sid, price=Decimal("0.06"))
        ledger.delete(GOES.sid)
        perform(context, request)
        totals = emulator.totals()
    (folder / "ledger.json").write_text(json.dumps(totals["cells"], indent=1) + "\n")
    for name in NOT_KEPT:
        (data_dir / name).unlink()
    for name in ("wide", ".locks"):
        shutil.rmtree(data_dir / name)


if __name__ == "__main__":
    place = FOLDERS / f"format-{FORMAT}"
    for chance in count(1):
        shutil.rmtree(place, ignore_errors=True)
        make(place, chance)
        if any(place.rglob(f"account_sid={SUPPORT}/rejects.parquet")):  # the emulator served a broken record
            break
