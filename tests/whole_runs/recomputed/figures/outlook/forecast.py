"""The trend of an account's spend, and where it leads this month. Estimates."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import exp, sqrt
from typing import NamedTuple

from tests.whole_runs.recomputed.comparison import Close
from tests.whole_runs.recomputed.figures.estimates import account_days
from tests.whole_runs.recomputed.figures.months import Months
from tests.whole_runs.recomputed.figures.outlook.trends import spend_moves, spend_weeks, weekday_pattern
from tests.whole_runs.recomputed.figures.spend import grouped
from tests.whole_runs.recomputed.given import Given
from tests.whole_runs.recomputed.values import Row, days_between, month_of, next_month, total

_LINE = ("account_sid", "currency")
_WEEKS_FOR_A_TREND = 4
_DAYS_FOR_AN_INTERVAL = 28
_MOST_GROWTH = 0.3


class Trend(NamedTuple):
    """What the last weeks say: the level of an average day, its growth, and how uncertain they are.

    days, weeks: what it is made of. Deviations are standard deviations; None: not enough is known.
    """

    days: int
    weeks: int
    level: float
    growth: float
    dispersion: float | None
    level_deviation: float | None
    drift_deviation: float | None
    change_deviation: float | None
    unusual_deviation: float


def spend_trends(given: Given, facts: Sequence[Row]) -> list[Row]:
    """The level of spend and how fast it changes."""
    return [
        given.named(dict(zip(_LINE, place, strict=True)))
        | {
            "history_days": trend.days,
            "history_weeks": trend.weeks,
            "level": Close(trend.level),
            "change_per_week": Close(trend.level * (exp(trend.growth) - 1)),
            "dispersion": _close(trend.dispersion),
            "level_deviation": _close(trend.level_deviation),
            "drift_deviation": _close(trend.drift_deviation),
            "change_deviation": _close(trend.change_deviation),
            "unusual_deviation": Close(trend.unusual_deviation),
            "growth_per_week": Close(trend.growth),
        }
        for place, trend in _trends(given, facts).items()
    ]


def _close(value: float | None) -> Close | None:
    return None if value is None else Close(value)


def _trends(given: Given, facts: Sequence[Row]) -> dict[tuple[str, str], Trend]:
    moves = {(row["account_sid"], row["currency"]): row for row in spend_moves(given, facts)}
    return {
        (sid, currency): _trend(weeks, moves.get((sid, currency)))
        for (sid, currency), weeks in grouped(spend_weeks(given, facts), *_LINE).items()
    }


def _trend(weeks: Sequence[Row], moves: Row | None) -> Trend:
    number, days = len(weeks), sum(row["days"] for row in weeks)
    levels = {row["weeks_ago"]: _shown(row["level"].value) for row in weeks}
    degrees, mean = days - number - 6, sum(levels.values()) / number
    dispersion = sum(_shown(row["misfit"].value) for row in weeks) / degrees if degrees > 0 else None
    noise = (dispersion / 7 / mean if mean else 0.0) if dispersion is not None else None
    slope, drift, slope_variance = 0.0, None, None
    if number >= _WEEKS_FOR_A_TREND and noise is not None:
        slope = _shown(moves["slope"].value, 12) if moves else 0.0
        wander = _shown(moves["wander"].value, 12) if moves and moves["wander"] else 0.0
        drift = 1.75 * max(wander - 2 * noise, noise / 20, 0.0)
        slope_variance = 12 * noise / (number * (number**2 - 1)) + 1.2 * drift / number
    growth = 0.0
    if slope and slope_variance is not None:
        growth = slope**3 / (slope**2 + 2 * slope_variance)
        growth = min(max(growth, -_MOST_GROWTH), _MOST_GROWTH)
    gain = _gain(noise, drift)
    level = _level(levels, gain, growth)
    return Trend(
        days,
        number,
        level,
        growth,
        dispersion,
        None if noise is None else level * sqrt(gain * noise + (drift or 0.0) / 3),
        None if drift is None else level * sqrt(drift),
        None if slope_variance is None else level * sqrt(slope_variance + (slope - growth) ** 2),
        sqrt(sum(_shown(row["unusual_square"].value) for row in weeks) / number),
    )


def _gain(noise: float | None, drift: float | None) -> float:
    """Return how much the newest week counts for the level: each one before counts less by what is left of 1."""
    if noise is None or drift is None or not noise + drift:
        return 0.25
    return max(0.25, 1 - 2 * noise / (drift + sqrt(drift**2 + 4 * drift * noise) + 2 * noise))


def _level(levels: Mapping[int, float], gain: float, growth: float) -> float:
    """Return the level at the end of the weeks: each grows from its middle until then."""
    weights = {ago: (1 - gain) ** (ago - min(levels)) for ago in levels}
    grown = {ago: level * exp(growth * (ago + 0.5)) for ago, level in levels.items()}
    return sum(weights[ago] * grown[ago] for ago in levels) / sum(weights.values())


def _shown(value: Fraction, decimals: int = 9) -> float:
    """Round a value to the decimals that the mart of which it is made has."""
    return float(Fraction(round(value * 10**decimals), 10**decimals))


def forecast_days(given: Given, facts: Sequence[Row]) -> list[Row]:
    """The month of as_of, day by day: whole days as they are, and what is expected of the others."""
    return [
        row
        | {"expected_cost": row["expected_cost"] if not row["is_forecast"] else _said(row["expected_cost"])}
        for row in days_of_month(given, facts)
    ]


def _said(value: float | Decimal | None) -> Close | None:
    return None if value is None else Close(float(value))


def days_of_month(given: Given, facts: Sequence[Row]) -> list[Row]:
    """Return the same, with what is expected as a float, or exactly on whole days."""
    trends = _trends(given, facts)
    factors = {
        (row["account_sid"], row["currency"], row["weekday"]): float(row["factor"].value)
        for row in weekday_pattern(given, facts)
    }
    month, open_day, rows = month_of(given.as_of), Months(given).open_day, []
    for (sid, currency), known in grouped(account_days(given, facts), *_LINE).items():
        by_day = {row["usage_date"]: row for row in known}
        first, trend = max(month, min(by_day)), trends.get((sid, currency))
        for day in days_between(first, next_month(month) - timedelta(days=1)):
            predicted = None
            if trend:
                factor = factors.get((sid, currency, day.isoweekday()), 1.0)
                predicted = _predicted(trend, (open_day - day).days, factor)
            line = given.named({"account_sid": sid, "currency": currency, "usage_date": day})
            rows.append(line | _day(by_day.get(day), predicted))
    return rows


def _predicted(trend: Trend, days_ago: int, factor: float) -> float:
    weeks = (days_ago - 1) // 7
    level, growth = _shown(Fraction(trend.level)), _shown(Fraction(trend.growth))
    return level * exp(-growth * (weeks + 0.5)) * factor


def _day(known: Row | None, predicted: float | None) -> Row:
    is_forecast = known is None or not known["is_whole"]
    expected: float | Decimal | None = predicted
    if known and not is_forecast:
        expected = known["expected_cost"]
    elif known and known["recordings"]:
        both = [float(each) for each in (predicted, known["expected_cost"]) if each is not None]
        expected = max(both, default=None)
    return {
        "is_forecast": is_forecast,
        "unestimated_minutes": known["unestimated_minutes"] if known else 0,
        "cost": known["cost"] if known else None,
        "expected_cost": expected,
        "unestimated_recordings": known["unestimated_recordings"] if known else 0,
    }


def forecast(given: Given, facts: Sequence[Row]) -> Iterator[Row]:
    """What the month of as_of will have cost at its end."""
    trends, months = _trends(given, facts), Months(given)
    month = month_of(given.as_of)
    for (sid, currency), days in grouped(days_of_month(given, facts), *_LINE).items():
        to_come, trend = [row for row in days if row["is_forecast"]], trends.get((sid, currency))
        line = given.named({"month": month, "account_sid": sid, "currency": currency}) | {
            "cost": total(row["cost"] for row in days),
            "spent_cost": total(row["expected_cost"] for row in days if not row["is_forecast"]),
            "forecast_days": len(to_come),
            "history_days": trend.days if trend else 0,
            "unestimated_minutes": sum(row["unestimated_minutes"] for row in days),
            "unestimated_recordings": sum(row["unestimated_recordings"] for row in days),
        }
        rest = sum(float(row["expected_cost"] or 0) for row in to_come)
        expected = None
        if all(row["expected_cost"] is not None for row in days):
            expected = sum(float(row["expected_cost"]) for row in days)
        margin = _margin(trend, rest, len(to_come))
        yield line | _interval(expected, margin, float(line["cost"] or 0)) | months.mark(month, sid)


# The deviations are rounded to nine decimals before they are squared, which shows in amounts below a cent.
_SLACK = 1e-6


def _interval(expected: float | None, margin: float | None, cost: float) -> Row:
    if expected is None or margin is None:
        none = dict.fromkeys(("low_cost", "high_cost", "interval_percent"))
        return {"expected_cost": _close(expected)} | none
    return {
        "expected_cost": Close(expected),
        "low_cost": Close(max(expected - margin, cost), of=expected + margin, slack=_SLACK),
        "high_cost": Close(expected + margin, slack=_SLACK),
        "interval_percent": 90,
    }


def _margin(trend: Trend | None, rest: float, days: int) -> float | None:
    """Return how far the result may be from what is expected, nine times out of ten. rest: what is forecast."""
    if trend is None or trend.days < _DAYS_FOR_AN_INTERVAL:
        return None
    if None in (trend.dispersion, trend.level_deviation, trend.drift_deviation, trend.change_deviation):
        return None
    average_days = rest / trend.level if trend.level else 0.0
    of_level = (
        (trend.level_deviation or 0) ** 2
        + (trend.drift_deviation or 0) ** 2 * days / 21
        + ((trend.change_deviation or 0) * (days / 14 + 1)) ** 2
    )
    variance = (trend.dispersion or 0) * rest + trend.unusual_deviation**2 * days / 7
    return (1.645 + 1.9 / trend.weeks) * sqrt(variance + average_days**2 * of_level)
