"""Budgets that are exceeded or will be, as findings. Table rows in, findings out."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from transforms.monitor.findings import Finding, Row, facts_of
from transforms.values.money import amounts, estimated, percentage


def budgets(rows: Iterable[Row], as_of: date) -> list[Finding]:
    """Return budgets of this and the previous month that are exceeded or will be. rows: of marts.budgets."""
    earliest = (as_of.replace(day=1) - timedelta(days=1)).replace(day=1)
    return [_budget(row) for row in rows if row["month"] >= earliest and row["budget_status"] != "within"]


def _budget(row: Row) -> Finding:
    whose = row["account_name"] or row["account_sid"] or "All accounts together"
    currency, month = row["currency"], f"{row['month']:%Y-%m}"
    subject = f"{month} {row['account_sid'] or 'all'} {currency}"
    if row["budget_status"] == "exceeded":
        spent, budget = amounts((row["cost"], row["budget"]), currency)
        spent += _percent(row["used_percent"])
        words = f"{whose}: {spent} was spent in {month}, above the budget of {budget}."
        return Finding("budget.exceeded", subject, words, facts_of(row))
    (budget,) = amounts([row["budget"]], currency)
    expected = f"about {estimated(row['expected_cost'])} {currency}{_percent(row['expected_percent'])}"
    runs_out = f"; it will be used up on {row['runs_out_on']}" if row["runs_out_on"] else ""
    words = f"{whose}: {expected} is expected for {month}, above the budget of {budget}{runs_out}."
    return Finding("budget.expected", subject, words, facts_of(row))


def _percent(value: Decimal | None) -> str:
    return "" if value is None else f" ({percentage(value)})"
