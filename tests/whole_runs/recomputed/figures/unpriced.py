"""Recordings without a price: how many wait, and how long prices took."""

from collections.abc import Sequence
from datetime import date

from tests.whole_runs.recomputed.figures.months import Months
from tests.whole_runs.recomputed.figures.spend import (
    by_month,
    grouped,
    is_awaiting_price,
    is_priced,
    minutes,
    summed,
)
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import Row

_BUCKETS = ((3, "0 to 3 days"), (7, "4 to 7 days"), (30, "8 to 30 days"), (90, "31 to 90 days"))


def age_bucket(days: int) -> str:
    """Return the age of a recording as it is shown."""
    return next((name for most, name in _BUCKETS if days <= most), "over 90 days")


def unpriced_backlog(given: Given, facts: Sequence[Row]) -> list[Row]:
    """Recordings without a price, by age."""

    def sums(rows: list[Row]) -> Row:
        days = [row["usage_date"] for row in rows]
        return {
            "unpriced_recordings": len(rows),
            "unpriced_minutes": minutes(rows),
            "oldest_usage_date": min(days),
            "newest_usage_date": max(days),
        }

    waiting = [
        row | {"age_bucket": age_bucket((given.as_of - row["usage_date"]).days)}
        for row in facts
        if is_awaiting_price(row)
    ]
    key = ("account_sid", "status", "currency", "age_bucket")
    return [given.named(row) for row in summed(waiting, key, sums)]


def price_settlement(given: Given, facts: Sequence[Row]) -> list[Row]:
    """How long prices took to arrive."""
    groups = grouped(by_month(facts), "month", "account_sid")
    months = Months(given)
    return [
        given.named({"month": month, "account_sid": sid} | _settled(given, rows) | months.mark(month, sid))
        for (month, sid), rows in groups.items()
    ]


def _settled(given: Given, rows: list[Row]) -> Row:
    priced = [row for row in rows if is_priced(row)]
    later = [row for row in priced if row["first_priced_at"] > row["first_seen_at"]]
    waited = sorted(_days(row["created_at"].date(), row["first_priced_at"].date()) for row in later)
    ages = [(given.as_of - row["usage_date"]).days for row in rows if is_awaiting_price(row)]
    return {
        "recordings": len(rows),
        "priced_at_first_sight": len(priced) - len(later),
        "priced_later": len(later),
        "waiting": sum(age <= given.settings.settle_days for age in ages),
        "never_priced": sum(age > given.settings.settle_days for age in ages),
        "median_days": _within(waited, 50),
        "p95_days": _within(waited, 95),
    }


def _days(first: date, last: date) -> int:
    return (last - first).days


def _within(ordered: Sequence[int], share: int) -> int | None:
    """Return the smallest number that at least this share, in percent, does not exceed."""
    return next((each for place, each in enumerate(ordered, 1) if 100 * place >= share * len(ordered)), None)
