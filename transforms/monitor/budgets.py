"""Budgets that are exceeded, will be, or cannot be judged, as findings. Table rows in, findings out."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from transforms.monitor.findings import Finding, Row, facts_of
from transforms.values.counts import counted
from transforms.values.money import amounts, estimated, percentage

_USUAL_WAIT = timedelta(days=7)
"""Prices and lengths of younger recordings are probably on their way."""


def budgets(rows: Iterable[Row], as_of: date) -> list[Finding]:
    """Return budgets of this and the previous month that are exceeded, will be, or cannot be judged.

    rows: of marts.budgets. Every month is not known for a while, as long as recordings are young. It is a finding only
    if recordings have had no estimate for a week; missing days, and prices without a currency, are found elsewhere.
    """
    earliest = (as_of.replace(day=1) - timedelta(days=1)).replace(day=1)
    return [
        _budget(row)
        for row in rows
        if row["month"] >= earliest
        and (row["budget_status"] in ("exceeded", "will be exceeded") or _is_stuck(row, as_of))
    ]


def _is_stuck(row: Row, as_of: date) -> bool:
    since: date | None = row["unestimated_since"]
    return row["budget_status"] == "not known" and since is not None and since <= as_of - _USUAL_WAIT


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
    if row["budget_status"] == "not known":
        known = (
            "nothing is known yet"
            if row["expected_cost"] is None
            else f"about {estimated(row['expected_cost'])} {currency} is expected without them"
        )
        waiting = counted(row["unestimated_recordings"], "recording has", "recordings have")
        words = (
            f"{whose}: whether the budget of {budget} for {month} holds is not known, because {waiting} neither a "
            f"price nor an estimate since {row['unestimated_since']}; {known}."
        )
        return Finding("budget.unknown", subject, words, facts_of(row))
    expected = f"about {estimated(row['expected_cost'])} {currency}{_percent(row['expected_percent'])}"
    runs_out = f"; it will be used up on {row['runs_out_on']}" if row["runs_out_on"] else ""
    words = f"{whose}: {expected} is expected for {month}, above the budget of {budget}{runs_out}."
    return Finding("budget.expected", subject, words, facts_of(row))


def _percent(value: Decimal | None) -> str:
    return "" if value is None else f" ({percentage(value)})"
