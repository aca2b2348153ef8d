"""The level of spend before and after each day, and its lasting changes."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from math import isclose, sqrt
from statistics import fmean, median, pstdev
from typing import Any

from tests.whole_runs.recomputed.comparison import Close, OneOf
from tests.whole_runs.recomputed.figures.estimates import account_days, expected_daily_spend
from tests.whole_runs.recomputed.figures.outlook.unusual import is_known, switched_days
from tests.whole_runs.recomputed.figures.spend import grouped
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import Row

_LINE = ("account_sid", "currency")
_BEFORE, _AFTER = 28, 14
_DEVIATION = 1.4826
_NEAR = timedelta(days=14)
"""Marked days of one direction that are not further apart are one change."""
_LEAST_DAYS = {"before": 24, "after": 12, "with a level": 8}
_ALTERNATES = 0.12


class _Days:
    """Values by day, of one account and currency."""

    def __init__(self, values: dict[date, Any]) -> None:
        self._values = values

    def between(self, day: date, first: int, last: int) -> list[Any]:
        """Return the known values from some days after a day to some days after it; before it, these are negative."""
        days = (day + timedelta(days=number) for number in range(first, last + 1))
        return [self._values[each] for each in days if self._values.get(each) is not None]


def daily_levels(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """The level before and after each whole day, and whether it is another one."""
    for row in _levels(given, facts):
        yield row | {
            name: None if row[name] is None else Close(row[name])
            for name in ("level_before", "level_late", "level_after")
        }


def _levels(given: Given, facts: Sequence[Row]) -> list[Row]:
    known = [row for row in account_days(given, facts) if row["is_whole"] and is_known(row)]
    return [row for days in grouped(known, *_LINE).values() for row in _of_line(given, days)]


def _of_line(given: Given, days: Sequence[Row]) -> Iterator[Row]:
    spend = {row["usage_date"]: float(max(row["expected_cost"], 0)) for row in days}
    costs, recordings = _Days(spend), _Days({row["usage_date"]: row["recordings"] for row in days})
    changes = _Days(
        {
            now["usage_date"]: sqrt(spend[now["usage_date"]]) - sqrt(spend[before["usage_date"]])
            for same in grouped(days, "weekday").values()
            for before, now in pairwise(sorted(same, key=lambda row: row["usage_date"]))
        }
    )
    switched = _Days(switched_days(days, lambda row: row["expected_cost"] > 0))
    levels = _Days(_without_weekdays(spend))
    for row in days:
        day = row["usage_date"]
        before, after = costs.between(day, -_BEFORE, -1), costs.between(day, 0, _AFTER - 1)
        late = costs.between(day, -_AFTER, -1)
        around = (day, -_BEFORE, _AFTER - 1)
        spread = _spread(
            changes.between(*around),
            switched.between(*around),
            sum(costs.between(*around)),
            sum(recordings.between(*around)),
        )
        yield (
            given.named({"usage_date": day, **{name: row[name] for name in _LINE}})
            | {
                "days_before": len(before),
                "days_after": len(after),
                "level_before": fmean(before) if before else None,
                "level_late": fmean(late) if late else None,
                "level_after": fmean(after),
            }
            | _shift(
                float(given.settings.anomaly_min_share),
                levels.between(day, -_BEFORE, -_AFTER - 1),
                levels.between(day, -_AFTER, -1),
                levels.between(day, 0, _AFTER - 1),
                spread,
                has_days=len(before) >= _LEAST_DAYS["before"] and len(after) >= _LEAST_DAYS["after"],
            )
        )


def _without_weekdays(spend: dict[date, float]) -> dict[date, float | None]:
    """Return each day divided by the usual share of its weekday; None where that is nothing."""
    costs = _Days(spend)
    shares = {}
    for day, cost in spend.items():
        mean = fmean(costs.between(day, -3, 3))
        shares[day] = cost / mean if mean else None
    found: dict[date, float | None] = {}
    for day, cost in spend.items():
        same = [day - timedelta(days=7 * weeks) for weeks in range(8)]
        known = [share for each in same if (share := shares.get(each)) is not None]
        usual = median(known) if known else 0.0
        found[day] = cost / usual if usual else None
    return found


def _spread(
    changes: Sequence[float], switched: Sequence[bool], spend: float, recordings: int
) -> float | None:
    """Return how far days are from each other, as roots."""
    found = []
    if changes:
        middle = median(changes)
        found.append(_DEVIATION * median(abs(each - middle) for each in changes) / sqrt(2))
    if recordings:
        found.append(sqrt(spend / recordings / 2))
    if switched and sum(switched) / len(switched) > _ALTERNATES:
        found.append(pstdev(changes))
    return max(found, default=None)


def _shift(
    share: float,
    early_days: Sequence[float],
    late_days: Sequence[float],
    after_days: Sequence[float],
    spread: float | None,
    *,
    has_days: bool,
) -> Row:
    early, late, after = (
        sqrt(median(days)) if days else None for days in (early_days, late_days, after_days)
    )
    if late is None or after is None:
        return {"is_shifted": False, "direction": None}
    is_shifted = False
    if early is not None and spread is not None and has_days:
        moved_on = (late / early) ** 2 if early else 1.0
        is_shifted = (
            min(len(late_days), len(after_days)) >= _LEAST_DAYS["with a level"]
            and abs(after - late) > 1.88 * spread
            and abs(after - late) > 2 * abs(late - early)
            and (
                after**2 > (1 + share) * late**2 * max(1.0, moved_on)
                or after**2 < (1 - share) * late**2 * min(1.0, moved_on)
            )
        )
    direction: int | OneOf = (after > late) - (after < late)
    if isclose(after, late, rel_tol=1e-12):
        direction = OneOf((-1, 0, 1))
    return {"is_shifted": is_shifted, "direction": direction}


def spend_shifts(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """Lasting changes of the level, and because of which source."""
    daily = grouped(expected_daily_spend(given, facts), *_LINE)
    for place, days in grouped(_levels(given, facts), *_LINE).items():
        newest = max(row["usage_date"] for row in days)
        marked = [row for row in days if row["is_shifted"]]
        for same in grouped(marked, "direction").values():
            for run in _runs(same):
                first = min(
                    run,
                    key=lambda row: (
                        -round(abs(row["level_after"] - row["level_late"]), 9),
                        row["usage_date"],
                    ),
                )
                if first["usage_date"] + _NEAR <= newest:
                    yield _change(given, first, days, daily[place])


def _runs(days: Sequence[Row]) -> list[list[Row]]:
    runs: list[list[Row]] = []
    for row in sorted(days, key=lambda each: each["usage_date"]):
        if runs and row["usage_date"] - runs[-1][-1]["usage_date"] <= _NEAR:
            runs[-1].append(row)
        else:
            runs.append([row])
    return runs


def _change(given: Given, first: Row, levels: Sequence[Row], daily: Sequence[Row]) -> Row:
    since, known = first["usage_date"], {row["usage_date"] for row in levels}
    changes: dict[str, float] = {}
    for row in daily:
        number = (row["usage_date"] - since).days
        if row["usage_date"] in known and -_BEFORE <= number < _AFTER:
            part = float(row["expected_cost"] or 0)
            share = part / first["days_after"] if number >= 0 else -part / first["days_before"]
            changes[row["source"]] = changes.get(row["source"], 0.0) + share
    source = min(changes, key=lambda name: (-changes[name] * first["direction"], name))
    before, after = first["level_before"], first["level_after"]
    return given.named({"since": since, **{name: first[name] for name in _LINE}}) | {
        "level_before": Close(before),
        "level_after": Close(after),
        "change": Close(after - before),
        "change_percent": Close((after - before) * 100 / before) if before else None,
        "source": source,
        "source_change": Close(changes[source]),
    }
