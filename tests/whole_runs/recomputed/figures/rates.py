"""Rates: what a minute cost, what it should have cost, and when that changed."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from tests.whole_runs.recomputed.figures.spend import (
    CELL,
    grouped,
    is_priced,
    minutes,
    rounded,
)
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import EXACT, NOTHING, Row, over, percent, total

KIND = ("account_sid", "source", "channels")
RATE_DAYS = 3
"""A new rate counts when it has been the usual one on this many days with recordings."""


def effective_rates(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What a minute cost, by day."""
    groups = grouped(filter(is_priced, facts), "usage_date", *CELL)
    return [
        given.named(dict(zip(("usage_date", *CELL), place, strict=True)) | _effective(rows))
        for place, rows in groups.items()
        if minutes(rows)
    ]


def _effective(rows: list[Row]) -> Row:
    cost = total(row["cost"] for row in rows if row["billed_minutes"])
    return {
        "priced_minutes": minutes(rows),
        "free_minutes": minutes(row for row in rows if rounded(row["rate"]) == 0),
        "cost": cost,
        "cost_per_minute": over(cost, minutes(rows)),
        "prevailing_rate": prevailing(rows),
    }


def prevailing(rows: Sequence[Row]) -> Decimal | None:
    """Return the rate of most minutes; of two with as many, the higher one. Free minutes have none."""
    charged = [row | {"rate": rounded(row["rate"])} for row in rows if rounded(row["rate"])]
    by_rate = {rate: minutes(same) for (rate,), same in grouped(charged, "rate").items()}
    return max(by_rate, key=lambda rate: (by_rate[rate], rate)) if by_rate else None


def rate_changes(given: Given, facts: Sequence[Row]) -> list[Row]:
    """The first days of a new rate."""
    days = sorted(
        (row for row in effective_rates(given, facts) if row["prevailing_rate"] is not None),
        key=lambda row: row["usage_date"],
    )
    rows = []
    for place, series in grouped(days, *CELL).items():
        for before, first in _changes(series):
            same = [
                fact
                for fact in facts
                if all(fact[column] == first[column] for column in ("usage_date", *CELL))
                and fact["cost"]
                and rounded(fact["rate"]) == first["prevailing_rate"]
            ]
            earliest = min(same, key=lambda fact: (fact["created_at"], fact["recording_sid"]))
            rows.append(
                given.named(
                    dict(zip(CELL, place, strict=True))
                    | {
                        "changed_on": first["usage_date"],
                        "rate_before": before,
                        "rate_after": first["prevailing_rate"],
                        "change_percent": percent(EXACT.subtract(first["prevailing_rate"], before), before),
                        "first_recording_sid": earliest["recording_sid"],
                        "first_created_at": earliest["created_at"],
                    }
                )
            )
    return rows


def _changes(series: Sequence[Row]) -> Iterator[tuple[Decimal, Row]]:
    """Yield the rate before and the first day of each rate that lasted, as if the others had never been."""
    runs: list[list[Row]] = []
    for row in series:
        if runs and runs[-1][0]["prevailing_rate"] == row["prevailing_rate"]:
            runs[-1].append(row)
        else:
            runs.append([row])
    lasting = [run for run in runs if len(run) >= RATE_DAYS]
    rate: Decimal | None = None
    for run in lasting:
        if rate is not None and run[0]["prevailing_rate"] != rate:
            yield rate, run[0]
        rate = run[0]["prevailing_rate"]


def rate_card(given: Given) -> list[dict[str, Any]]:
    """The lines of the rate card."""
    return [
        line
        | {
            "channels": int(line["channels"]) if line["channels"] else None,
            "valid_from": date.fromisoformat(line["valid_from"] or ""),
            "price_per_minute": Decimal(line["price_per_minute"] or ""),
        }
        for line in given.table("rate_card")
    ]


def due(card: Sequence[Row], place: Row, day: date, currency: str) -> Decimal | None:
    """Return what a minute should cost: by a line for the account first, then for the source, then for the channels."""
    fitting = [
        line
        for line in card
        if line["currency"] == currency and line["valid_from"] <= day and _fits(line, place)
    ]
    if not fitting:
        return None
    best = max(
        fitting,
        key=lambda line: (
            *(line[column] is not None for column in KIND),
            line["valid_from"],
        ),
    )
    found: Decimal = best["price_per_minute"]
    return found


def rate_periods(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """What a minute should cost from each day on, up to the newest day with recordings."""
    card = rate_card(given)
    for place, rows in grouped(facts, *KIND).items():
        where, last = dict(zip(KIND, place, strict=True)), max(row["usage_date"] for row in rows)
        for currency in {line["currency"] for line in card}:
            fitting = [line for line in card if line["currency"] == currency and _fits(line, where)]
            days = sorted({line["valid_from"] for line in fitting if line["valid_from"] <= last})
            for number, day in enumerate(days):
                yield given.named(
                    where
                    | {
                        "currency": currency,
                        "valid_from": day,
                        "valid_until": days[number + 1] if number + 1 < len(days) else None,
                        "price_per_minute": due(card, where, day, currency),
                    }
                )


def _fits(line: Row, place: Row) -> bool:
    return all(line[column] in (None, place[column]) for column in KIND)


def rates_due(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What a minute should cost on each day with recordings, in each currency of the rate card."""
    card = rate_card(given)
    currencies = {line["currency"] for line in card}
    rows = []
    for place in grouped(facts, "usage_date", *KIND):
        where = dict(zip(("usage_date", *KIND), place, strict=True))
        for currency in currencies:
            price = due(card, where, where["usage_date"], currency)
            if price is not None:
                rows.append(given.named(where | {"currency": currency, "price_per_minute": price}))
    return rows


def rate_differences(given: Given, facts: Sequence[Row]) -> list[Row]:
    """Days with recordings that cost more or less than the rate card says."""
    card = rate_card(given)
    rows = []
    measured = [row for row in facts if is_priced(row) and row["billed_minutes"]]
    for place, same in grouped(measured, "usage_date", *CELL).items():
        row = dict(zip(("usage_date", *CELL), place, strict=True))
        price = due(card, row, row["usage_date"], row["currency"])
        if price is None:
            continue
        by_rate = grouped([each | {"rate": rounded(each["rate"])} for each in same], "rate").values()
        differences = [
            EXACT.subtract(
                total(each["cost"] for each in rated) or NOTHING, EXACT.multiply(price, minutes(rated))
            )
            for rated in by_rate
        ]
        if any(differences):
            cost = total(each["cost"] for each in same)
            rows.append(
                given.named(row)
                | {
                    "priced_minutes": minutes(same),
                    "priced_recordings": len(same),
                    "cost": cost,
                    "cost_per_minute": over(cost, minutes(same)),
                    "price_per_minute": price,
                    "cost_due": EXACT.multiply(price, minutes(same)),
                    "difference": total(differences),
                    "overcharged": total(max(each, NOTHING) for each in differences),
                    "undercharged": total(max(-each, NOTHING) for each in differences),
                }
            )
    return rows
