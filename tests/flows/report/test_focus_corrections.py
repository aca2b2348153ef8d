"""Exports of closed months while the ledger keeps changing: each file compared with the previous one.

The expected values come from the statements, from earlier files, and from the ledger.
"""

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from flows.emulator import LivingLedger, open_living, serve
from flows.stores.shipped import shipped
from tests.flows.run.test_closing import TODAY, Chance, closed, first_recordings, run, statement_of
from tests.support.runs.ledger_runs import rows_of
from tests.support.runs.living_runs import ACCOUNTS, DAY_SECONDS, epoch_of, in_haste, made

Cells = dict[tuple[object, ...], Decimal]


def charges_of(data_dir: Path) -> list[dict[str, Any]]:
    """Return the rows of `focus.csv`, which a quick run does not write."""
    return rows_of(data_dir, (shipped("sql") / "reports" / "focus.sql").read_text("utf-8"))


def place(row: dict[str, Any]) -> tuple[object, ...]:
    names = ("BillingAccountId", "x_Source", "x_Channels", "BillingCurrency")
    return tuple(row[name] for name in names)


def by_day(charges: list[dict[str, Any]]) -> tuple[Cells, Cells]:
    """Return recordings and cost by UTC day and place, in any billing month."""
    recordings, cost = nothing(), nothing()
    for row in charges:
        recordings[row["ChargePeriodStart"].date(), *place(row)] += row["x_Recordings"]
        cost[row["ChargePeriodStart"].date(), *place(row)] += row["BilledCost"]
    return without_nothing(recordings), without_nothing(cost)


def in_the_ledger(ledger: LivingLedger) -> tuple[Cells, Cells]:
    """Return the same for every recording ever listed, deleted ones as last listed."""
    recordings, cost = nothing(), nothing()
    for each, _, listed in ledger.recordings():
        if listed is not None and each.price is not None and each.currency is not None:
            day = datetime.fromtimestamp(each.created_at, UTC).date()
            cell = (day, each.account_sid, each.source, each.channels, each.currency)
            recordings[cell] += 1
            cost[cell] += each.price
    return without_nothing(recordings), without_nothing(cost)


def nothing() -> Cells:
    return defaultdict(Decimal)


def without_nothing(cells: Cells) -> Cells:
    return {cell: figure for cell, figure in cells.items() if figure}


def billed_in(charges: list[dict[str, Any]], month: date) -> list[dict[str, Any]]:
    return [row for row in charges if row["BillingPeriodStart"].date() == month]


def stated(data_dir: Path, month: date) -> Cells:
    """Return the cost by place from the statement."""
    statement = statement_of(data_dir, month)
    return {
        where[1:]: said.cost for where, said in statement.items() if said.cost and where.currency != "XXX"
    }


def charged(charges: list[dict[str, Any]], month: date) -> Cells:
    """Return the cost by place charged for a month, without corrections."""
    cost = nothing()
    for row in charges:
        if row["ChargeClass"] is None and row["ChargePeriodStart"].date().replace(day=1) == month:
            assert row["BillingPeriodStart"].date() == month
            cost[place(row)] += row["BilledCost"]
    return without_nothing(cost)


@pytest.mark.slow
@pytest.mark.parametrize(("zone", "seed"), [("UTC", 5), ("America/New_York", 7)])
def test_closed_month_plus_corrections_equals_what_is_known_now(zone: str, seed: int, tmp_path: Path) -> None:
    source = open_living(first_recordings(), now=epoch_of(TODAY, 20 * 3600))
    ledger, chance = source.ledger, Chance(source.ledger, seed)
    frozen: dict[date, list[dict[str, Any]]] = {}
    charges: list[dict[str, Any]] = []
    with in_haste(50), serve(source) as emulator:
        run(emulator, ledger, tmp_path, zone)
        for step in range(6):
            for month in {0: ["2026-08"], 1: ["2026-09"], 4: ["2026-10"]}.get(step, []):
                closed(ledger, tmp_path, zone, month)
                first = date.fromisoformat(f"{month}-01")
                frozen[first] = billed_in(charges_of(tmp_path), first)
            chance.happen(12)
            ledger.advance(Random(seed + step).choice([3600, 9 * DAY_SECONDS]))
            if step == 3:
                ledger.advance_to(max(ledger.now, epoch_of(date(2026, 11, 3))))
            run(emulator, ledger, tmp_path, zone)
            charges = charges_of(tmp_path)
            assert by_day(charges) == in_the_ledger(ledger)
            if zone == "UTC":
                for month_closed, rows in frozen.items():
                    assert billed_in(charges, month_closed) == rows
                    assert charged(charges, month_closed) == stated(tmp_path, month_closed) != {}
    assert sum(row["ChargeClass"] == "Correction" for row in charges) > 10
    assert {row["BillingPeriodStart"].month for row in charges if row["ChargeClass"]} >= {10, 11}


@pytest.mark.slow
def test_late_findings_are_billed_in_the_month_they_were_found(tmp_path: Path) -> None:
    """By hand: one costs more, one is late, one moves to another day, and another time zone moves nothing."""
    days = {n: epoch_of(date(2026, 9, n), 12 * 3600) for n in (1, 2, 3)}
    facts: dict[str, Any] = {"source": "DialVerb", "channels": 1, "currency": "USD"}
    dear, goes = (
        made(ACCOUNTS[0], 1, days[1], price=Decimal("0.01"), **facts),
        made(ACCOUNTS[0], 3, days[2], price=Decimal("0.002"), **facts),
    )
    source = open_living([dear, goes], now=epoch_of(TODAY))
    ledger = source.ledger
    with in_haste(50), serve(source) as emulator:
        run(emulator, ledger, tmp_path, "UTC")
        closed(ledger, tmp_path, "UTC", "2026-09")
        ledger.change(dear.sid, price=Decimal("0.06"))
        ledger.insert(made(ACCOUNTS[0], 5, days[3], price=Decimal("0.5"), **facts))
        run(emulator, ledger, tmp_path, "UTC")
        ledger.advance_to(epoch_of(date(2026, 11, 5)))
        ledger.change(goes.sid, created_at=days[1])
        for zone in ("UTC", "America/New_York"):
            run(emulator, ledger, tmp_path, zone)
            found = [
                (
                    row["ChargePeriodStart"].day,
                    row["ChargeClass"],
                    row["BillingPeriodStart"].month,
                    row["x_Recordings"],
                    str(row["BilledCost"].normalize()),
                )
                for row in charges_of(tmp_path)
            ]
            assert found == [
                (1, None, 9, 1, "0.01"),
                (1, "Correction", 10, 0, "0.05"),
                (1, "Correction", 11, 1, "0.002"),
                (2, None, 9, 1, "0.002"),
                (2, "Correction", 11, -1, "-0.002"),
                (3, "Correction", 10, 1, "0.5"),
            ], zone
