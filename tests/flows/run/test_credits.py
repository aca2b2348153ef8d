"""An account whose prices of the unusual sign are credits: what months cost before and after closing."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.emulator import Emulator, LivingLedger, Recording, open_living, serve
from flows.emulator.ledger.forms import Forms
from flows.run.closing import close_month
from flows.run.request import RunRequest
from flows.stores.folder.statements import Sealed
from flows.stores.warehouse.checks import CheckResult
from tests.support.runs.ledger_runs import accesses_of, rows_of
from tests.support.runs.living_runs import ACCOUNTS, clock_of, context_by, epoch_of, in_haste, made, run_by

pytestmark = pytest.mark.builds("marts.adjustments", "marts.monthly_spend", "marts.charge_corrections")

ACCOUNT = ACCOUNTS[0]
FIRST, TODAY = date(2026, 7, 1), date(2026, 9, 5)
JULY, AUGUST = date(2026, 7, 1), date(2026, 8, 1)


REFUND = Forms(sign="positive")


def recording(sequence: int, day: date, price: str, **facts: Any) -> Recording:
    facts |= {"price": Decimal(price), "source": "DialVerb", "channels": 1}
    return made(ACCOUNT, sequence, epoch_of(day, 3600), **facts)


# Each month has two charges and a refund: 0.035 if all are charges, 0.015 net.
RECORDINGS = [
    recording(1, date(2026, 7, 2), "0.01"),
    recording(3, date(2026, 7, 3), "0.015"),
    recording(5, date(2026, 7, 4), "0.01", forms=REFUND),
    recording(7, date(2026, 8, 2), "0.01"),
    recording(9, date(2026, 8, 3), "0.015"),
    recording(11, date(2026, 8, 4), "0.01", forms=REFUND),
]


def run(emulator: Emulator, ledger: LivingLedger, data_dir: Path, credits: str) -> list[CheckResult]:
    """Read everything again with this setting, and return the checks that found something."""
    summary = run_by(
        clock_of(ledger),
        accesses_of(emulator),
        data_dir,
        RunRequest(first=FIRST, again=True),
        account_sid=ACCOUNT,
        credits=credits,
    )
    assert (summary.exit_code, summary.failed) == (0, {})
    assert summary.model is not None
    return [result for result in summary.model.checks if not result.is_passed]


def closed(ledger: LivingLedger, data_dir: Path, month: str, credits: str) -> Sealed:
    context = context_by(clock_of(ledger), [], data_dir, account_sid=ACCOUNT, credits=credits)
    return close_month(context, month, accept_incomplete=True)


def months(data_dir: Path) -> dict[date, tuple[Decimal, Decimal]]:
    select = (
        "select month, sum(cost) as cost, sum(credits) as credits from marts.monthly_totals group by month"
    )
    return {row["month"]: (row["cost"], row["credits"]) for row in rows_of(data_dir, select) if row["cost"]}


def changes(data_dir: Path) -> list[tuple[date, str, Decimal]]:
    select = "select month, kind, cost_change from marts.adjustments order by month"
    return [(row["month"], row["kind"], row["cost_change"]) for row in rows_of(data_dir, select)]


@pytest.mark.slow
def test_credits_count_or_are_net_and_closed_months_stay(tmp_path: Path) -> None:
    source = open_living(RECORDINGS, now=epoch_of(TODAY))
    ledger = source.ledger
    counted, net = (Decimal("0.035"), Decimal(0)), (Decimal("0.015"), Decimal("0.01"))
    with in_haste(50), serve(source) as emulator:
        found = run(emulator, ledger, tmp_path, "count")
        assert months(tmp_path) == {JULY: counted, AUGUST: counted}
        (mixed,) = [result for result in found if result.check.name == "signs_are_mixed"]
        assert all(amount in mixed.sample[0] for amount in ("0.070000000", "0.030000000"))
        sealed = closed(ledger, tmp_path, "2026-07", "count")
        assert "charge_signs" not in (tmp_path / "statements" / "2026-07" / "statement.json").read_text()
        # From now on refunds are credits, but July was reported as it was.
        found = run(emulator, ledger, tmp_path, "net")
        assert [result.check.name for result in found if "sign" in result.check.name] == []
        assert months(tmp_path) == {JULY: counted, AUGUST: net}
        assert changes(tmp_path) == []
        august = closed(ledger, tmp_path, "2026-08", "net").statement
        assert august.charge_signs == {ACCOUNT: -1}
        assert sum(Decimal(row.cost or 0) for row in august.rows) == Decimal("0.015")
        # Late, a charge of each month becomes a refund. Back to `count`: both months keep their meaning.
        for changed in (RECORDINGS[1], RECORDINGS[4]):
            ledger.change(changed.sid, forms=REFUND)
        for credits in ("net", "count"):
            run(emulator, ledger, tmp_path, credits)
            assert months(tmp_path) == {JULY: counted, AUGUST: (Decimal("-0.015"), Decimal("0.025"))}
            assert changes(tmp_path) == [(AUGUST, "correction", Decimal("-0.03"))]
    corrected = rows_of(
        tmp_path,
        "select is_credit, priced_recordings_change, cost_change from marts.charge_corrections order by is_credit",
    )
    assert [tuple(row.values()) for row in corrected] == [
        (False, -1, Decimal("-0.015")),
        (True, 1, Decimal("-0.015")),
    ]
    assert sealed.statement.month == "2026-07"
