"""Charges by UTC day, corrections of those of closed months, and the FOCUS export that is made of both."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from tests.whole_runs.recomputed.figures.closing import adjustment_items, signed
from tests.whole_runs.recomputed.figures.rates import KIND, due, rate_card
from tests.whole_runs.recomputed.figures.spend import CELL, grouped, is_credit, is_priced, minutes, summed
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import EXACT, NO_CURRENCY, Row, month_of, next_month, total

_COST = ("charge_date", *CELL, "is_credit")


def daily_charges(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What was charged on each UTC day."""
    card = rate_card(given)

    def sums(rows: list[Row]) -> Row:
        return {
            "priced_recordings": len(rows),
            "duration_seconds": sum(row["duration_seconds"] or 0 for row in rows),
            "priced_minutes": minutes(rows),
            "cost": total(row["cost"] for row in rows),
            "list_cost": total(list_cost(card, row) for row in rows),
        }

    priced = [row | {"charge_date": row["created_at"].date()} for row in facts if is_priced(row)]
    return [given.named(row) for row in summed(priced, _COST, sums)]


def list_cost(card: Sequence[Row], row: Row) -> Decimal:
    """Return what a recording costs by the rate card; what it did cost if that does not say, or if it is a credit."""
    price = due(card, row, row["usage_date"], row["currency"])
    cost: Decimal = row["cost"]
    if price is None or not row["billed_minutes"] or row["is_credit"]:
        return cost
    return EXACT.multiply(price, row["billed_minutes"])


def charge_corrections(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What was charged for a UTC day after its month was closed."""
    card = rate_card(given)
    days = grouped(facts, "usage_date", *KIND)

    def listed(item: Row) -> Decimal:
        is_left = tuple(item[column] for column in ("usage_date", *KIND)) in days
        found: Decimal = list_cost(card, item) if is_left else item["cost"]
        return found

    def sums(items: list[Row]) -> Row:
        return {
            "priced_recordings_change": sum(item["sign"] for item in items),
            "duration_seconds_change": sum(item["sign"] * (item["duration_seconds"] or 0) for item in items),
            "priced_minutes_change": sum(item["sign"] * (item["billed_minutes"] or 0) for item in items),
            "cost_change": signed(items, "cost"),
            "list_cost_change": signed(items, "list_cost"),
        }

    items = [
        item | {"list_cost": listed(item)}
        for item in (row | {"is_credit": is_credit(row["cost"])} for row in adjustment_items(given))
        if item["is_priced"] and month_of(item["charge_date"]) < item["month_found"]
    ]
    rows = summed(items, ("month_found", *_COST), sums)
    return [
        given.named(row)
        for row in rows
        if any(value for column, value in row.items() if column.endswith("_change"))
    ]


FOCUS_KEY = (
    *("ChargePeriodStart", "BillingAccountId", "x_Source", "x_Channels", "BillingCurrency"),
    *("ChargeClass", "BillingPeriodStart", "ChargeCategory"),
)


def focus(given: Given, facts: Sequence[Row]) -> list[Row]:
    """The export: what was charged, in closed months as it was at closing, and the corrections."""
    corrections = grouped(charge_corrections(given, facts), *_COST)
    charges = {tuple(row[column] for column in _COST): row for row in daily_charges(given, facts)}
    rows = []
    for place in {*charges, *corrections}:
        changes = corrections.get(place, [])
        first = _less(charges.get(place), changes)
        if any(first.values()):
            rows.append(_focus(given, place, first, None, month_of(place[0])))
        rows += [
            _focus(
                given,
                place,
                {name: row[f"{name}_change"] for name in _AMOUNTS},
                "Correction",
                row["month_found"],
            )
            for row in changes
        ]
    return [row for row in rows if row["BillingCurrency"] != NO_CURRENCY]


_AMOUNTS = ("priced_recordings", "duration_seconds", "priced_minutes", "cost", "list_cost")


def _less(charge: Row | None, changes: Sequence[Row]) -> Row:
    now = charge or dict.fromkeys(_AMOUNTS, Decimal(0))
    return {name: now[name] - sum(row[f"{name}_change"] for row in changes) for name in _AMOUNTS}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _focus(given: Given, place: tuple[Any, ...], amounts: Row, kind: str | None, month: date) -> Row:
    day, account_sid, source, channels, currency, is_credited = place
    is_twilio = given.providers.get(account_sid) == "twilio"
    issuer, account_type = ("Twilio", "Account") if is_twilio else ("SignalWire", "Project")
    tags = {"source": source} | ({} if channels is None else {"channels": str(channels)})
    return {
        "BilledCost": amounts["cost"],
        "EffectiveCost": amounts["cost"],
        "ListCost": amounts["list_cost"],
        "ContractedCost": amounts["list_cost"],
        "BillingCurrency": currency,
        "BillingAccountId": account_sid,
        "BillingAccountName": given.name(account_sid),
        "BillingAccountType": account_type,
        "BillingPeriodStart": _midnight(month),
        "BillingPeriodEnd": _midnight(next_month(month)),
        "ChargePeriodStart": _midnight(day),
        "ChargePeriodEnd": _midnight(day + timedelta(days=1)),
        "ChargeCategory": "Credit" if is_credited else "Usage",
        "ChargeClass": kind,
        "ChargeFrequency": "Usage-Based",
        "ConsumedQuantity": None if is_credited else amounts["duration_seconds"],
        "ConsumedUnit": None if is_credited else "Seconds",
        "PricingQuantity": amounts["priced_minutes"],
        "PricingUnit": "Minutes",
        "PricingCategory": "Standard",
        "ProviderName": issuer,
        "PublisherName": issuer,
        "InvoiceIssuerName": issuer,
        "ServiceCategory": "Media",
        "ServiceName": "Call Recording",
        "ServiceSubcategory": "Other (Media)",
        "SubAccountId": account_sid,
        "SubAccountName": given.name(account_sid),
        "SubAccountType": account_type,
        "Tags": json.dumps(tags, sort_keys=True, separators=(",", ":")),
        "x_Channels": channels,
        "x_Recordings": amounts["priced_recordings"],
        "x_Source": source,
    }
