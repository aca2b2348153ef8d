"""Findings in the figures: coverage gaps, budgets, unusual days, rates, bills. Table rows in, findings out.

Only recent rows become findings, counted back from `as_of`, the newest day that was read; older ones are in the tables.
A first run over years of history therefore reports the current weeks only.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from transforms.monitor.findings import Finding, facts_of
from transforms.values.counts import counted
from transforms.values.money import amounts, estimated

RECENT_DAYS = 45
"""How many days up to the newest are recent, for unusual days, rates and daily bills."""
RECENT_BILL_DAYS = 100
"""The same for monthly bills, which arrive weeks later."""
_PRICES_ARRIVE_DAYS = 7
_DAY = timedelta(days=1)
_RATE_STEP = Decimal("0.000001")  # rates are kept with six decimals

Row = dict[str, Any]


def holes(rows: Iterable[Row]) -> list[Finding]:
    """Return one finding per gap of consecutive days that were not read, of any age.

    A gap is identified by its first day, so one that grows at its end stays the same finding.
    rows: account_sid, account_name and day (UTC) of each missing day, sorted in this order.
    """
    spans: list[list[Row]] = []
    for row in rows:
        last = spans[-1][-1] if spans else None
        if last and last["account_sid"] == row["account_sid"] and last["day"] + _DAY == row["day"]:
            spans[-1].append(row)
        else:
            spans.append([row])
    return [_hole(span[0], span[-1]["day"], len(span)) for span in spans]


def young_holes(found: Iterable[Finding], but_of: Collection[str], since: date) -> set[str]:
    """Return the keys of gaps that begin on a day (UTC) or later, except those of the given accounts (sids)."""
    return {
        finding.key
        for finding in found
        if finding.kind == "holes.found"
        and finding.facts["account_sid"] not in but_of
        and (finding.facts["first_day"] or "") >= since.isoformat()
    }


def _hole(row: Row, last: date, days: int) -> Finding:
    what = f"{counted(days, 'day was', 'days were')} not read"
    return Finding(
        "holes.found",
        f"{row['account_sid']} {row['day']}",
        f"{row['account_name']}: {what}, {_span(row['day'], last)} (UTC). No figure includes these days.",
        facts_of(
            {
                "account_sid": row["account_sid"],
                "account_name": row["account_name"],
                "first_day": row["day"],
                "last_day": last,
                "days": days,
            }
        ),
    )


def budgets(rows: Iterable[Row], as_of: date) -> list[Finding]:
    """Return budgets of this and the previous month that are exceeded or will be. rows: of marts.budgets."""
    earliest = (as_of.replace(day=1) - _DAY).replace(day=1)
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


def anomalies(rows: Iterable[Row], as_of: date) -> list[Finding]:
    """Return consecutive unusual days in the same direction as one finding, if the last is recent.

    After a lasting change the following days are unusual as well, until the window contains enough of them. They stay
    the same finding, identified by its first day. rows: of marts.anomalies.
    """
    by_series: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["usage_date"]):
        is_above = row["value"] > row["upper_bound"]
        by_series[row["account_sid"], row["currency"], row["measure"], is_above].append(row)
    stretches = [
        (stretch[-1]["usage_date"], _anomaly(stretch, is_above=is_above))
        for (*_, is_above), series in by_series.items()
        for stretch in _stretches(series)
    ]
    newest_first = sorted(stretches, key=lambda each: each[0], reverse=True)
    return [finding for last, finding in newest_first if _is_recent(last, as_of, RECENT_DAYS)]


def _stretches(series: Sequence[Row]) -> list[list[Row]]:
    stretches: list[list[Row]] = []
    for row in series:
        if stretches and stretches[-1][-1]["usage_date"] + _DAY == row["usage_date"]:
            stretches[-1].append(row)
        else:
            stretches.append([row])
    return stretches


def _anomaly(stretch: Sequence[Row], *, is_above: bool) -> Finding:
    first, last = stretch[0]["usage_date"], stretch[-1]["usage_date"]
    row = max(stretch, key=lambda row: abs(row["difference"]))
    direction, currency = "more" if is_above else "less", row["currency"]
    if row["measure"] == "cost":
        value, low, high = (estimated(row[name]) for name in ("value", "lower_bound", "upper_bound"))
        what, by_source = f"about {value} {currency}", estimated(row["source_difference"], signed=True)
    else:
        value, low, high = (f"{row[name]:,.0f}" for name in ("value", "lower_bound", "upper_bound"))
        what, by_source = f"{value} minutes ({currency})", f"{row['source_difference']:+,.0f}"
    all_days = f", and {direction} than usual on every day from {_span(first, last)}" if first != last else ""
    sentence = (
        f"{row['account_name']}: {what} on {row['usage_date']}, {direction} than the usual {low} to {high}; "
        f"mainly {row['source']} ({by_source}){all_days}."
    )
    subject = f"{first} {row['account_sid']} {currency} {row['measure']} {direction}"
    return Finding(
        "anomaly.found", subject, sentence, {**facts_of(row), "first_day": str(first), "last_day": str(last)}
    )


def rate_changes(rows: Iterable[Row], as_of: date) -> list[Finding]:
    """Return rates that changed recently. rows: of marts.rate_changes."""
    return [_rate_change(row) for row in rows if _is_recent(row["changed_on"], as_of, RECENT_DAYS)]


def _rate_change(row: Row) -> Finding:
    percent = "" if row["change_percent"] is None else f" ({row['change_percent']:+} %)"
    after, before = amounts((row["rate_after"], row["rate_before"]), row["currency"], is_rate=True)
    sentence = (
        f"{row['account_name']}: since {row['changed_on']} a minute of {_recorded(row)} costs {after} instead of "
        f"{before}{percent}."
    )
    return Finding("rate.changed", f"{row['changed_on']} {_recorded_key(row)}", sentence, facts_of(row))


def rate_differences(rows: Iterable[Row]) -> list[Finding]:
    """Return where the charged rate differs from the rate card, over all recent days together.

    rows: account_sid, account_name, source, channels, currency; first_day and last_day, priced_minutes, cost, cost_due
    and difference of the recent days of marts.rate_differences. A difference too
    small to be seen in a rate of six decimals is due to rounding.
    """
    return [
        _rate_difference(row)
        for row in rows
        if abs(row["difference"]) >= _RATE_STEP * row["priced_minutes"] / 2
    ]


def _rate_difference(row: Row) -> Finding:
    direction = "more" if row["difference"] > 0 else "less"
    charged, difference = amounts((abs(row["cost"]), abs(row["difference"])), row["currency"])
    sentence = (
        f"{row['account_name']}: {charged} was charged for {row['priced_minutes']:,} minutes of {_recorded(row)}, "
        f"{_span(row['first_day'], row['last_day'])}: {difference} {direction} than the rate card says."
    )
    return Finding("rate.differs", f"{_recorded_key(row)} {direction}", sentence, facts_of(row))


def bills(rows: Iterable[Row], as_of: date) -> list[Finding]:
    """Return bills that differ by more than the tolerance. rows: of marts.reconciliation.

    A bill that differs because recordings have no price here yet is reported after a week, when prices have arrived.
    """
    return [
        _bill(row)
        for row in rows
        if row["is_within_tolerance"] is False
        and _is_recent(row["period_start"], as_of, RECENT_BILL_DAYS if _is_invoice(row) else RECENT_DAYS)
        and not (row["class"] == "unpriced" and _is_recent(row["period_start"], as_of, _PRICES_ARRIVE_DAYS))
    ]


def _bill(row: Row) -> Finding:
    currency, more = row["currency"], "more" if row["difference"] > 0 else "less"
    whose = "the invoice" if _is_invoice(row) else "the provider's usage record"
    when = f"{row['period_start']:%Y-%m}" if _is_invoice(row) else f"{row['period_start']}"
    note = f"; {row['note']}" if row["note"] else ""
    cost, difference = amounts((row["their_cost"], abs(row["difference"])), currency)
    sentence = (
        f"{row['account_name']}: {whose} of {when} (UTC) shows {cost}, "
        f"{difference} {more} than the recordings cost (main reason: {row['class']}{note})."
    )
    subject = f"{row['against']} {row['period_start']} {row['account_sid']} {currency}"
    return Finding("bill.differs", subject, sentence, facts_of(row))


def _is_invoice(row: Row) -> bool:
    return bool(row["against"] == "invoice")


def _is_recent(day: date, as_of: date, days: int) -> bool:
    return day > as_of - timedelta(days=days)


def _recorded(row: Row) -> str:
    channels = {None: "unknown channels", 1: "1 channel"}.get(row["channels"], f"{row['channels']} channels")
    return f"{row['source']} ({channels})"


def _recorded_key(row: Row) -> str:
    return f"{row['account_sid']} {row['source']} {row['channels']} {row['currency']}"


def _span(first: date, last: date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _percent(value: Decimal | None) -> str:
    return "" if value is None else f" ({value} %)"
