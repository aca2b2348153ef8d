"""Recordings that are of no use, and what they cost."""

from collections.abc import Sequence

from tests.whole_runs.recomputed.figures.months import Months
from tests.whole_runs.recomputed.figures.spend import by_month, grouped, is_priced, minutes, summed
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import Row, percent, total


def waste_kind(row: Row) -> str | None:
    """Return why a recording is useless; None if it is not."""
    if row["status"] == "failed":
        return "failed_and_charged" if row["cost"] and row["cost"] > 0 else "failed"
    if row["status"] == "absent":
        return "absent"
    return "short" if row["is_short"] else None


def waste(given: Given, facts: Sequence[Row]) -> list[Row]:
    """By month, account, kind of waste, error code and currency."""
    rows = by_month(facts)
    whole = {
        place: total(row["cost"] for row in same)
        for place, same in grouped(rows, "month", "account_sid", "currency").items()
    }

    def sums(group: list[Row]) -> Row:
        cost, priced = total(row["cost"] for row in group), list(filter(is_priced, group))
        of = whole[tuple(group[0][column] for column in ("month", "account_sid", "currency"))]
        return {
            "recordings": len(group),
            "priced_recordings": len(priced),
            "billed_minutes": minutes(group),
            "priced_minutes": minutes(priced),
            "cost": cost,
            "cost_percent": percent(cost, of) if of and of > 0 else None,
        }

    useless = [row | {"waste_kind": waste_kind(row)} for row in rows if waste_kind(row)]
    key = ("month", "account_sid", "waste_kind", "error_code", "currency")
    months = Months(given)
    return [
        given.named(row | months.mark(row["month"], row["account_sid"])) for row in summed(useless, key, sums)
    ]
