"""An account that is billed by less than a minute: the minutes of months before and after closing."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from flows.emulator import Emulator, LivingLedger, Recording, open_living, serve
from flows.run.closing import close_month
from flows.run.request import RunRequest
from flows.stores.folder.statements import Sealed
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from tests.support.runs.ledger_runs import accesses_of, rows_of
from tests.support.runs.living_runs import ACCOUNTS, clock_of, context_by, epoch_of, in_haste, made, run_by

pytestmark = pytest.mark.builds("marts.adjustments", "marts.monthly_spend", "marts.charge_corrections")

ACCOUNT = ACCOUNTS[0]
FIRST, TODAY = date(2026, 7, 1), date(2026, 9, 5)
JULY, AUGUST, SEPTEMBER = date(2026, 7, 1), date(2026, 8, 1), date(2026, 9, 1)


def recording(sequence: int, day: date, seconds: int) -> Recording:
    return made(
        ACCOUNT,
        sequence,
        epoch_of(day, 3600),
        price=Decimal("0.01"),
        source="DialVerb",
        channels=1,
        duration_seconds=seconds,
    )


# Each month has 61 and 6 seconds: 3 full minutes, or 72 seconds in steps of 6.
RECORDINGS = [
    recording(2 * place + half, month.replace(day=2 + half), seconds)
    for place, month in enumerate((JULY, AUGUST, SEPTEMBER))
    for half, seconds in enumerate((61, 6))
]
FULL, BY_SIX = Decimal(3), Decimal("1.2")


def run(emulator: Emulator, ledger: LivingLedger, data_dir: Path, increment: int) -> None:
    """Read everything again with this setting. No check that compares minutes finds anything."""
    summary = run_by(
        clock_of(ledger),
        accesses_of(emulator),
        data_dir,
        RunRequest(first=FIRST, again=True),
        account_sid=ACCOUNT,
        billing_increment_seconds=increment,
    )
    assert (summary.exit_code, summary.failed) == (0, {})


def closed(ledger: LivingLedger, data_dir: Path, month: str, increment: int) -> Sealed:
    context = context_by(
        clock_of(ledger), [], data_dir, account_sid=ACCOUNT, billing_increment_seconds=increment
    )
    return close_month(context, month, accept_incomplete=True)


def months(data_dir: Path) -> list[Decimal]:
    select = "select sum(billed_minutes) as minutes from marts.monthly_totals group by month order by month"
    return [row["minutes"] for row in rows_of(data_dir, select)]


def changes(data_dir: Path) -> list[tuple[date, str, Decimal]]:
    select = "select month, kind, billed_minutes_change from marts.adjustments order by month"
    return [(row["month"], row["kind"], row["billed_minutes_change"]) for row in rows_of(data_dir, select)]


def type_of_whole_minutes(data_dir: Path) -> str:
    """Return the type of a column in which all minutes are whole."""
    select = "select billed_minutes from marts.monthly_totals where month = date '2026-07-01'"
    found = Warehouse(warehouse_path(data_dir)).table(select)
    assert found["billed_minutes"].to_pylist() == [3]
    return str(found["billed_minutes"].type)


@pytest.mark.slow
def test_minutes_follow_the_increment_and_closed_months_stay(tmp_path: Path) -> None:
    source = open_living(RECORDINGS, now=epoch_of(TODAY))
    ledger = source.ledger
    with in_haste(50), serve(source) as emulator:
        run(emulator, ledger, tmp_path, 60)
        assert months(tmp_path) == [FULL, FULL, FULL]
        assert type_of_whole_minutes(tmp_path) == "int64"
        july = closed(ledger, tmp_path, "2026-07", 60).statement
        assert july.billing_increments is msgspec.UNSET
        assert [row.billed_minutes for row in july.rows] == [3]
        assert "billing_increments" not in (tmp_path / "statements/2026-07/statement.json").read_text()
        run(emulator, ledger, tmp_path, 6)
        assert months(tmp_path) == [FULL, BY_SIX, BY_SIX]
        assert type_of_whole_minutes(tmp_path) == "decimal128(38, 10)"
        august = closed(ledger, tmp_path, "2026-08", 6).statement
        assert august.billing_increments == {ACCOUNT: 6}
        assert [row.billed_minutes for row in august.rows] == ["1.2000000000"]
        assert "1.2000000000" in (tmp_path / "statements/2026-08/statement.csv").read_text()
        assert changes(tmp_path) == []
        # Late, a recording of each month turns out to be 30 seconds longer.
        for place in (0, 2):
            ledger.change(RECORDINGS[place].sid, duration_seconds=91)
        for increment in (6, 60):
            run(emulator, ledger, tmp_path, increment)
            assert months(tmp_path) == [FULL, Decimal("1.7"), FULL if increment == 60 else BY_SIX]
            assert changes(tmp_path) == [(AUGUST, "correction", Decimal("0.5"))]
            assert type_of_whole_minutes(tmp_path) == "decimal128(38, 10)"  # August stays as it was closed
