"""Days with unusual spend or minutes, as findings. Table rows in, findings out."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from transforms.monitor.findings import RECENT_DAYS, Finding, Row, facts_of, is_recent, span
from transforms.values.money import estimated


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
    return [finding for last, finding in newest_first if is_recent(last, as_of, RECENT_DAYS)]


def _stretches(series: Sequence[Row]) -> list[list[Row]]:
    stretches: list[list[Row]] = []
    for row in series:
        if stretches and stretches[-1][-1]["usage_date"] + timedelta(days=1) == row["usage_date"]:
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
    all_days = f", and {direction} than usual on every day from {span(first, last)}" if first != last else ""
    sentence = (
        f"{row['account_name']}: {what} on {row['usage_date']}, {direction} than the usual {low} to {high}; "
        f"mainly {row['source']} ({by_source}){all_days}."
    )
    subject = f"{first} {row['account_sid']} {currency} {row['measure']} {direction}"
    return Finding(
        "anomaly.found", subject, sentence, {**facts_of(row), "first_day": str(first), "last_day": str(last)}
    )
