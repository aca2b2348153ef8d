"""The last eight weeks: usual days, the pattern of the week, and the level of each week and its moves."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from math import log, sqrt
from statistics import median
from typing import Any

from tests.whole_runs.recomputed.comparison import Near
from tests.whole_runs.recomputed.figures.estimates import account_days
from tests.whole_runs.recomputed.figures.spend import grouped
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import Row

HISTORY_DAYS = 56
_LINE = ("account_sid", "currency")
_DEVIATION = 1.4826
"""A median distance times this is a standard deviation."""


def usual_days(given: Given, facts: Sequence[Row]) -> list[Row]:
    """The whole days of the last eight weeks, and what a usual day would have cost."""
    kept = ("usage_date", *_LINE, "account_name", "weeks_ago", "weekday", "is_unusual", "expected_cost")
    return [
        {column: row[column] for column in kept} | {"usual_cost": Near(row["usual_cost"], 1)}
        for row in _days(given, facts)
    ]


def weekday_pattern(given: Given, facts: Sequence[Row]) -> list[Row]:
    """How spend spreads over the week."""
    rows = []
    for place, days in grouped(_days(given, facts), *_LINE).items():
        line = given.named(dict(zip(_LINE, place, strict=True)))
        weeks = _whole_weeks(days)
        rows += [
            line | {"weekday": weekday, "factor": Near(factor, 1), "weeks": weeks}
            for weekday, factor in _factors(days).items()
        ]
    return rows


def spend_weeks(given: Given, facts: Sequence[Row]) -> list[Row]:
    """The level of each week, and how far its days are from it."""
    rows = []
    for place, days in grouped(_days(given, facts), *_LINE).items():
        line, factors = given.named(dict(zip(_LINE, place, strict=True))), _factors(days)
        for (ago,), week in grouped(days, "weeks_ago").items():
            if len(week) >= 4 or ago == 0:
                rows.append(line | {"weeks_ago": ago} | _week(week, factors))
    return rows


def spend_moves(given: Given, facts: Sequence[Row]) -> list[Row]:
    """How the level moved from week to week, as logarithms."""
    rows = []
    for place, weeks in grouped(spend_weeks(given, facts), *_LINE).items():
        levels = {row["weeks_ago"]: _as_shown(row["level"].value) for row in weeks}
        least = median(levels.values()) / 20
        logs = {ago: log(max(level, least)) for ago, level in levels.items() if max(level, least)}
        pairs = [(now, before) for now in logs for before in logs if now < before]
        if pairs:
            line = given.named(dict(zip(_LINE, place, strict=True)))
            slope = median((logs[now] - logs[before]) / (before - now) for now, before in pairs)
            moves = [logs[now] - logs[before] for now, before in pairs if before - now == 1]
            wander = Near(Fraction(_wander(moves, slope)), 1) if moves else None
            rows.append(line | {"slope": Near(Fraction(slope), 1), "wander": wander})
    return rows


def _wander(moves: Sequence[float], slope: float) -> float:
    """Return the mean of two variances: from all moves, and from the median one."""
    middle = median(moves)
    usual = _DEVIATION * median(abs(move - middle) for move in moves)
    return (sum((move - slope) ** 2 for move in moves) / len(moves) + usual**2) / 2


def _week(week: Sequence[Row], factors: Mapping[int, Fraction]) -> Row:
    expected = [factors.get(row["weekday"], Fraction(1)) for row in week]
    level = _sum(row["usual_cost"] for row in week) / sum(expected) if sum(expected) else Fraction(0)
    misfits = [
        (row["usual_cost"] - level * factor) ** 2 / (level * factor)
        for row, factor in zip(week, expected, strict=True)
        if level * factor
    ]
    unusual = _sum(Fraction(row["expected_cost"]) - row["usual_cost"] for row in week)
    return {
        "days": len(week),
        "level": Near(level, 2),
        "misfit": Near(_sum(misfits), len(week)),
        "unusual_square": Near(unusual**2, len(week)),
    }


def _whole_weeks(days: Sequence[Row]) -> int:
    return sum(len(week) == 7 for week in grouped(days, "weeks_ago").values())


def _factors(days: Sequence[Row]) -> dict[int, Fraction]:
    """Return the spend of each weekday as a multiple of the average day, from whole weeks; none without two of them."""
    weeks = [week for week in grouped(days, "weeks_ago").values() if len(week) == 7]
    if len(weeks) < 2:
        return {}
    whole = _sum(row["usual_cost"] for week in weeks for row in week)
    by_weekday = grouped([row for week in weeks for row in week], "weekday")
    return {
        weekday: _as_shown(7 * _sum(row["usual_cost"] for row in rows) / whole) if whole else Fraction(1)
        for (weekday,), rows in by_weekday.items()
    }


def _sum(values: Iterable[Fraction]) -> Fraction:
    return sum(values, Fraction(0))


def _days(given: Given, facts: Sequence[Row]) -> list[Row]:
    days = [
        row | {"spend": Fraction(max(row["expected_cost"], 0))}
        for row in account_days(given, facts)
        if row["is_whole"]
        and row["days_ago"] <= HISTORY_DAYS
        and row["expected_cost"] is not None
        and not row["unestimated_minutes"]
    ]
    return [row for same in grouped(days, *_LINE).values() for row in _compared(same)]


def _compared(days: Sequence[Row]) -> list[Row]:
    """Return the days of one account and currency with what is usual for each."""
    usual = _usual(days)
    apart = {row["usage_date"]: abs(sqrt(row["spend"]) - sqrt(usual[row["usage_date"]])) for row in days}
    recordings, spend = sum(row["recordings"] for row in days), _sum(row["spend"] for row in days)
    distance = max(_DEVIATION * median(apart.values()), sqrt(spend / recordings / 2) if recordings else 0.0)
    far = {
        row["usage_date"]
        for row in days
        if median(each["spend"] for each in days) > 0
        and apart[row["usage_date"]] > 4.5 * distance
        and 4 * abs(row["spend"] - usual[row["usage_date"]]) > usual[row["usage_date"]]
    }
    unusual = far if 7 * len(far) <= len(days) else set()
    return [
        row
        | {
            "is_unusual": row["usage_date"] in unusual,
            "usual_cost": usual[row["usage_date"]] if row["usage_date"] in unusual else row["spend"],
        }
        for row in days
    ]


def _usual(days: Sequence[Row]) -> dict[date, Fraction]:
    """Return the median of each day's weekday, scaled to its week, or to its week and the one before."""
    of_weekday = {
        weekday: median(row["spend"] for row in rows) for (weekday,), rows in grouped(days, "weekday").items()
    }
    shares: dict[int, list[Any]] = {}
    for row in days:
        if of_weekday[row["weekday"]]:
            shares.setdefault(row["weeks_ago"], []).append(row["spend"] / of_weekday[row["weekday"]])
    usual = {}
    for row in days:
        own, before = (shares.get(row["weeks_ago"] + weeks, []) for weeks in (0, 1))
        scales = [median(each) for each in (own, [*own, *before]) if each]
        usual[row["usage_date"]] = of_weekday[row["weekday"]] * max(scales, default=0)
    return {day: _as_shown(cost) for day, cost in usual.items()}


def _as_shown(value: Fraction) -> Fraction:
    """Round a value to nine decimals. What follows is made of that."""
    return Fraction(round(value * 10**9), 10**9)
