"""Budgets: what each month may cost, what it did and will cost, and whether that is known."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from tests.whole_runs.recomputed.comparison import Close
from tests.whole_runs.recomputed.figures.estimates import account_days
from tests.whole_runs.recomputed.figures.months import months_read
from tests.whole_runs.recomputed.figures.outlook.forecast import days_of_month
from tests.whole_runs.recomputed.figures.spend import grouped
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import NO_CURRENCY, Row, month_of, next_month, percent, total


class Budget(NamedTuple):
    """What a month may cost. account_sid: None means all accounts together."""

    month: date
    account_sid: str | None
    currency: str
    amount: Decimal

    def has(self, row: Row) -> bool:
        """Return whether a day's spend may belong to the budget; without a currency it may belong to any."""
        return (
            month_of(row["usage_date"]) == self.month
            and self.account_sid in (None, row["account_sid"])
            and row["currency"] in (self.currency, NO_CURRENCY)
        )


def budget_months(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """The budgets month by month, and whether an account that nothing is forecast for lacks days."""
    lacking = _lacking(given, days_of_month(given, facts))
    for each in _budgets(given):
        yield {
            "month": each.month,
            "account_sid": each.account_sid,
            "currency": each.currency,
            "budget": each.amount,
            "is_partly_unknown": _is_partly_unknown(each, lacking),
        }


def _budgets(given: Given) -> Iterator[Budget]:
    """Yield the budget of each month: an amount applies until the next line, and an empty one ends it."""
    for (sid, currency), lines in grouped(given.table("budgets"), "account_sid", "currency").items():
        amounts = {
            date.fromisoformat(f"{line['valid_from']}-01"): Decimal(line["amount"])
            if line["amount"]
            else None
            for line in lines
        }
        month = min(amounts)
        while month <= month_of(given.as_of):
            amount = amounts[max(each for each in amounts if each <= month)]
            if amount is not None:
                yield Budget(month, sid, currency, amount)
            month = next_month(month)


def _lacking(given: Given, days: Sequence[Row]) -> set[tuple[date, str]]:
    """Return running months of accounts with missing days for which nothing is forecast."""
    with_forecast = {row["account_sid"] for row in days if row["expected_cost"] is not None}
    return {
        (row["month"], row["account_sid"])
        for row in months_read(given)
        if row["account_sid"] and row["is_running"] and row["days_missing"]
        if row["account_sid"] not in with_forecast
    }


def _is_partly_unknown(budget: Budget, lacking: set[tuple[date, str]]) -> bool:
    return any(month == budget.month and budget.account_sid in (None, sid) for month, sid in lacking)


def budgets(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """Each month compared with its budget."""
    running, now = days_of_month(given, facts), month_of(given.as_of)
    lacking = _lacking(given, running)
    past = [row for row in account_days(given, facts) if row["usage_date"] < now]
    marks = {(row["month"], row["account_sid"]): row for row in months_read(given)}
    for budget in _budgets(given):
        days = [row for row in (running if budget.month == now else past) if budget.has(row)]
        mark = marks.get((budget.month, budget.account_sid), {})
        line = {
            "month": budget.month,
            "account_sid": budget.account_sid,
            "account_name": given.name(budget.account_sid) if budget.account_sid else None,
            "currency": budget.currency,
            "budget": budget.amount,
            **{name: mark.get(name) for name in ("is_running", "days_read", "days_missing")},
        }
        yield line | _spent(budget, days, line, is_partly_unknown=_is_partly_unknown(budget, lacking))


def _spent(budget: Budget, days: Sequence[Row], line: Row, *, is_partly_unknown: bool) -> Row:
    own = [row for row in days if row["currency"] == budget.currency]
    cost = total(row["cost"] for row in own)
    by_day = {
        day: sum((_exact(row) for row in rows), Fraction(0))
        for (day,), rows in grouped(own, "usage_date").items()
    }
    is_known = any(row["expected_cost"] is not None for row in own)
    expected = sum(by_day.values(), Fraction(0)) if is_known else None
    # A forecast needs no further estimate.
    left = [row for row in days if not row.get("is_forecast") and row["unestimated_recordings"]]
    open_days = {
        row["usage_date"]
        for row in own
        if row.get("is_forecast") and row["expected_cost"] is None and budget.currency != NO_CURRENCY
    }
    is_unclear = any((row["cost"] or 0) > 0 for row in days if row["currency"] != budget.currency)
    row = {
        "cost": cost,
        "expected_cost": None if expected is None else Close(float(expected)),
        "used_percent": percent(cost, budget.amount),
        "expected_percent": Close(float(100 * expected / Fraction(budget.amount)))
        if expected is not None and budget.amount
        else None,
        "runs_out_on": _runs_out_on(by_day, budget.amount),
        "unestimated_recordings": sum(row["unestimated_recordings"] for row in left),
        "unestimated_minutes": sum(row["unestimated_minutes"] for row in days if not row.get("is_forecast")),
        "unestimated_since": min((row["usage_date"] for row in left), default=None),
        "days_without_forecast": len(open_days),
        "has_cost_without_currency": is_unclear,
    }
    may_be_more = left or open_days or is_unclear or is_partly_unknown or not line["days_read"]
    if line["days_missing"] and not (line["is_running"] and expected is not None):
        may_be_more = True
    return row | {"budget_status": _status(budget.amount, cost, expected, may_be_more=bool(may_be_more))}


def _exact(row: Row) -> Fraction:
    return Fraction(row["expected_cost"] or 0)


def _runs_out_on(by_day: Mapping[date, Fraction], amount: Decimal) -> date | None:
    so_far = Fraction(0)
    for day in sorted(by_day):
        so_far += by_day[day]
        if so_far > amount:
            return day
    return None


def _status(amount: Decimal, cost: Decimal | None, expected: Fraction | None, *, may_be_more: bool) -> str:
    if cost is not None and cost > amount:
        return "exceeded"
    if expected is not None and expected > amount:
        return "will be exceeded"
    return "not known" if may_be_more else "within"
