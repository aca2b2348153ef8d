"""Rates: what a minute cost, what it should have cost, and when that changed."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from tests.whole_runs.recomputed.figures.side_by_side import side_by_side
from tests.whole_runs.recomputed.figures.spend import (
    CELL,
    grouped,
    is_priced,
    minutes,
    rounded,
)
from tests.whole_runs.recomputed.figures.turns import Days, turns_and_changes
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import EXACT, NOTHING, Row, over, percent, total

KIND = ("account_sid", "source", "channels")
MEANING_OF_TURNS = "The two rates take turns, or are charged on the same days."
MEANING_OF_SIDE_BY_SIDE = "Both rates are charged on most days, such as by the time of day or by region."
MEANING_OF_A_TIER = "Each month begins at first_rate; minutes beyond the threshold cost the other rate."


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
        "credited_minutes": minutes(row for row in rows if (rounded(row["rate"]) or 0) < 0),
        "cost": cost,
        "cost_per_minute": over(cost, minutes(rows)),
        "prevailing_rate": prevailing(rows),
    }


def prevailing(rows: Sequence[Row]) -> Decimal | None:
    """Return the rate of most minutes; of two with as many, the higher one. Free minutes and credits have none."""
    charged = [row | {"rate": rate} for row in rows if (rate := rounded(row["rate"])) and rate > 0]
    by_rate = {rate: minutes(same) for (rate,), same in grouped(charged, "rate").items()}
    return max(by_rate, key=lambda rate: (by_rate[rate], rate)) if by_rate else None


def _rate_days(facts: Sequence[Row]) -> Iterator[tuple[Row, list[Row], Days]]:
    """Yield each account, source, channel count and currency, its charged recordings, and their minutes by day."""
    charged = [
        row | {"rate": rounded(row["rate"])} for row in facts if is_priced(row) and row["billed_minutes"]
    ]
    charged = [row for row in charged if row["rate"] > 0]
    for place, rows in grouped(charged, *CELL).items():
        days = {
            day: {rate: minutes(same) for (rate,), same in grouped(of_day, "rate").items()}
            for (day,), of_day in grouped(rows, "usage_date").items()
        }
        yield dict(zip(CELL, place, strict=True)), rows, days


def rate_changes(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """The first days of a new rate, where rates do not take turns."""
    for place, rows, days in _rate_days(facts):
        for change in turns_and_changes(days)[1]:
            same = [row for row in rows if (row["usage_date"], row["rate"]) == (change.day, change.after)]
            earliest = min(same, key=lambda row: (row["created_at"], row["recording_sid"]))
            yield given.named(
                place
                | {
                    "changed_on": change.day,
                    "rate_before": change.before,
                    "rate_after": change.after,
                    "change_percent": percent(EXACT.subtract(change.after, change.before), change.before),
                    "known_on": change.known_on,
                    "first_recording_sid": earliest["recording_sid"],
                    "first_created_at": earliest["created_at"],
                }
            )


def rates_in_turn(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """Rates that take turns, volume tiers, and rates side by side."""
    for place, rows, days in _rate_days(facts):
        for turns in turns_and_changes(days)[0]:
            yield given.named(
                place
                | {
                    "since": turns.since,
                    "kind": "volume tier" if turns.tier else "in turn",
                    "meaning": MEANING_OF_A_TIER if turns.tier else MEANING_OF_TURNS,
                    "last_day": turns.last_day,
                    "is_over": turns.is_over,
                    "switches": len(turns.switches),
                    "first_rate": turns.tier.rate if turns.tier else None,
                    "threshold_minutes": turns.tier.minutes if turns.tier else None,
                    "tier_months": turns.tier.months if turns.tier else None,
                }
                | _of_a_pair(rows, turns.pair, turns.since, turns.last_day)
            )
        for stretch in side_by_side(days):
            yield given.named(
                place
                | {
                    "since": stretch.since,
                    "kind": "side by side",
                    "meaning": MEANING_OF_SIDE_BY_SIDE,
                    "last_day": stretch.last_day,
                    "is_over": stretch.is_over,
                    "switches": stretch.switches,
                    "first_rate": None,
                    "threshold_minutes": None,
                    "tier_months": None,
                }
                | _of_a_pair(rows, stretch.pair, stretch.since, stretch.last_day)
            )


def _of_a_pair(rows: Sequence[Row], pair: tuple[Decimal, Decimal], since: date, last_day: date) -> Row:
    """Return two rates, and what was charged at each."""
    row: Row = {}
    for which, rate in zip(("lower", "higher"), pair, strict=True):
        own = [each for each in rows if each["rate"] == rate and since <= each["usage_date"] <= last_day]
        row |= {
            f"{which}_rate": rate,
            f"{which}_minutes": minutes(own),
            f"{which}_cost": total(each["cost"] for each in own) or NOTHING,
        }
    return row


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
    measured = [row for row in facts if is_priced(row) and row["billed_minutes"] and not row["is_credit"]]
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
