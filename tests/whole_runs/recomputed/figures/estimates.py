"""What recordings without a price will cost: by day, and as accruals. Estimates, from what was charged before."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from tests.whole_runs.recomputed.comparison import Near
from tests.whole_runs.recomputed.figures.months import Months
from tests.whole_runs.recomputed.figures.rates import KIND, due, rate_card
from tests.whole_runs.recomputed.figures.spend import CELL, daily_spend, grouped, minutes, summed
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import (
    NO_CURRENCY,
    Row,
    days_between,
    month_of,
    next_month,
    over,
    percent,
    total,
)

RECENT_DAYS = 28


def expected_daily_spend(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What each day will have cost once all its prices are known."""
    days = _by_day(given, facts)
    return [_expected(row, days) for row in days]


def _by_day(given: Given, facts: Sequence[Row]) -> list[Row]:
    """Return daily spend. What has no currency counts in the account's, if it is charged in only one."""
    daily = daily_spend(given, facts)
    charged: dict[str, set[str]] = {}
    for row in daily:
        if row["cost"] is not None and row["currency"] != NO_CURRENCY:
            charged.setdefault(row["account_sid"], set()).add(row["currency"])

    def currency(row: Row) -> str:
        known = charged.get(row["account_sid"], set())
        is_unknown = row["currency"] == NO_CURRENCY and row["cost"] is None
        return next(iter(known)) if is_unknown and len(known) == 1 else str(row["currency"])

    oldest = given.as_of - timedelta(days=given.settings.settle_days)

    def sums(rows: list[Row]) -> Row:
        return {
            "recordings": sum(row["recordings"] for row in rows),
            "billed_minutes": minutes(rows),
            "priced_minutes": sum(row["priced_minutes"] for row in rows),
            "awaited_minutes": sum(row["unpriced_minutes"] for row in rows if row["usage_date"] >= oldest),
            "cost": total(row["cost"] for row in rows),
        }

    assigned = [row | {"currency": currency(row)} for row in daily]
    return [given.named(row) for row in summed(assigned, ("usage_date", *CELL), sums)]


def _expected(row: Row, days: Sequence[Row]) -> Row:
    rate = _recent_rate(row, days) if row["awaited_minutes"] else None
    awaited, cost = row["awaited_minutes"], row["cost"]
    estimate = None if rate is None else Near(Fraction(cost or 0) + awaited * rate, awaited + 1)
    kept = {column: value for column, value in row.items() if column != "priced_minutes"}
    return kept | {
        "unestimated_minutes": 0 if rate is not None else awaited,
        "recent_rate": rate,
        "expected_cost": cost if estimate is None else estimate,
    }


def _recent_rate(row: Row, days: Sequence[Row]) -> Fraction | None:
    """Return the rate of the days up to this one: of the same source and channels, or else of the account."""
    first = row["usage_date"] - timedelta(days=RECENT_DAYS - 1)
    before = [
        each
        for each in days
        if (each["account_sid"], each["currency"]) == (row["account_sid"], row["currency"])
        and first <= each["usage_date"] <= row["usage_date"]
    ]
    same = [each for each in before if all(each[column] == row[column] for column in KIND)]
    return _rate(same) or _rate(before)


def _rate(rows: Sequence[Row]) -> Fraction | None:
    return over(total(row["cost"] for row in rows), sum(row["priced_minutes"] for row in rows))


class Offer(NamedTuple):
    """A rate for minutes without a price. source: trailing, rate card or none."""

    source: str
    currency: str
    rate: Fraction | None
    minutes: int


def accruals(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What recordings without a price will cost, at the rate charged recently or else at the rate card's."""
    daily = daily_spend(given, facts)
    trailing = _trailing(given, daily)
    card = rate_card(given)
    oldest = given.as_of - timedelta(days=given.settings.settle_days)
    items = []
    for row in daily:
        if row["unpriced_recordings"]:
            offer = _best(row, trailing, card)
            accrual = None if offer.rate is None else offer.rate * row["unpriced_minutes"]
            items.append(
                row
                | {"month": month_of(row["usage_date"]), "currency": offer.currency}
                | {"rate_source": offer.source, "accrual": accrual}
                | {"is_overdue": row["usage_date"] < oldest}
            )

    def sums(rows: list[Row]) -> Row:
        return {
            "unpriced_recordings": sum(row["unpriced_recordings"] for row in rows),
            "unpriced_minutes": sum(row["unpriced_minutes"] for row in rows),
            "accrual": _near(rows),
            "overdue_accrual": _near([row for row in rows if row["is_overdue"]]),
        }

    return [given.named(row) for row in summed(items, ("month", *CELL, "rate_source"), sums)]


def _near(rows: Sequence[Row]) -> Near | None:
    known = [row for row in rows if row["accrual"] is not None]
    parts = sum(row["unpriced_minutes"] + 1 for row in known)
    return Near(sum((row["accrual"] for row in known), Fraction(0)), parts) if known else None


def _trailing(given: Given, daily: Iterable[Row]) -> list[tuple[dict[str, Any], Offer]]:
    """Return the rates of each account, source and channels in the days up to their newest with a price."""
    found = []
    for place, rows in grouped((row for row in daily if row["priced_minutes"]), *CELL).items():
        newest = max(row["usage_date"] for row in rows)
        first = newest - timedelta(days=given.settings.accrual_rate_days - 1)
        recent = [row for row in rows if row["usage_date"] >= first]
        where = dict(zip(CELL, place, strict=True))
        found.append(
            (
                where,
                Offer("trailing", where["currency"], _rate(recent), sum(r["priced_minutes"] for r in recent)),
            )
        )
    return found


def _best(row: Row, trailing: Sequence[tuple[dict[str, Any], Offer]], card: Sequence[Row]) -> Offer:
    recent = [offer for where, offer in trailing if all(where[column] == row[column] for column in KIND)]
    offers = [offer for offer in recent if row["currency"] in (NO_CURRENCY, offer.currency)]
    if offers:
        return max(offers, key=lambda offer: offer.minutes)
    for currency in sorted({line["currency"] for line in card}):
        price = due(card, row, row["usage_date"], currency)
        if price is not None and row["currency"] in (NO_CURRENCY, currency):
            return Offer("rate card", currency, Fraction(price), 0)
    return Offer("none", row["currency"], None, 0)


def account_days(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What each account spent day by day, also on days without recordings."""
    months, rows = Months(given), []
    for (sid, currency), days in grouped(
        expected_daily_spend(given, facts), "account_sid", "currency"
    ).items():
        by_day = grouped(days, "usage_date")
        known = {row["usage_date"] for row in days}
        for day in sorted(known | {*days_between(min(known), months.open_day)}):
            rows.append(
                given.named({"account_sid": sid, "currency": currency})
                | _account_day(months, sid, day, by_day.get((day,), []))
            )
    return rows


def _account_day(months: Months, sid: str, day: date, rows: Sequence[Row]) -> Row:
    ago = (months.open_day - day).days
    expected = [row["expected_cost"] for row in rows if row["expected_cost"] is not None]
    estimates = [each for each in expected if isinstance(each, Near)]
    known = total(each for each in expected if isinstance(each, Decimal))
    value = Fraction(known or 0) + sum((each.value for each in estimates), Fraction(0))
    return {
        "usage_date": day,
        "days_ago": ago,
        "weeks_ago": (ago - 1) // 7,
        "weekday": day.isoweekday(),
        "is_whole": ago > 0 and months.is_read(day, sid),
        "recordings": sum(row["recordings"] for row in rows),
        "billed_minutes": minutes(rows),
        "unestimated_minutes": sum(row["unestimated_minutes"] for row in rows),
        "cost": total(row["cost"] for row in rows),
        "expected_cost": Near(value, sum(each.parts for each in estimates) + 1)
        if expected or not rows
        else None,
    }


def budgets(given: Given, facts: Sequence[Row]) -> list[Row]:
    """What each month with a budget did cost. Its end is a forecast, which is not worked out here."""
    days = [row for row in account_days(given, facts) if row["recordings"]]
    if not days:
        return []
    first, last = min(month_of(row["usage_date"]) for row in days), month_of(given.as_of)
    rows = []
    for sid, currency, lines in _budget_lines(given):
        month = first
        while month <= last:
            amount = next((amount for valid_from, amount in reversed(lines) if valid_from <= month), None)
            if amount is not None:
                spent = [
                    row["cost"]
                    for row in days
                    if month_of(row["usage_date"]) == month
                    and row["currency"] == currency
                    and sid in (None, row["account_sid"])
                ]
                cost = total(spent)
                rows.append(
                    {"month": month, "account_sid": sid, "currency": currency, "budget": amount}
                    | {"cost": cost, "used_percent": percent(cost, amount)}
                )
            month = next_month(month)
    return rows


def _budget_lines(given: Given) -> list[tuple[str | None, str, list[tuple[date, Decimal | None]]]]:
    found: dict[tuple[str | None, str], list[tuple[date, Decimal | None]]] = {}
    for line in given.table("budgets"):
        amount = Decimal(line["amount"]) if line["amount"] else None
        place = line["account_sid"], line["currency"] or ""
        found.setdefault(place, []).append((date.fromisoformat(f"{line['valid_from']}-01"), amount))
    return [
        (sid, currency, sorted(lines, key=lambda line: line[0])) for (sid, currency), lines in found.items()
    ]
