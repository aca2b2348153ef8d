"""Forecasts compared with the actual spend, on ledgers whose truth is known."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from statistics import mean, median
from typing import NamedTuple

import pytest

from tests.support.sql.ledgers import LAST_DAY, MONTH, OUTLOOK_SHAPES, Ledger, daily_spend, ledger, warehouse

SEEDS = range(40)
LEDGERS: Mapping[str, list[Ledger]] = {
    name: [ledger(shape, name, seed) for seed in SEEDS] for name, shape in OUTLOOK_SHAPES.items()
}

# (day of as_of, shape) → median and worst error of the month, in percent, at most; sql/README.md has other seeds.
BOUNDS: Mapping[tuple[int, str], tuple[float, float]] = {
    (2, "flat"): (2.5, 9), (2, "growing"): (4, 13), (2, "shrinking"): (6, 18), (2, "weekdays"): (2.5, 9),
    (2, "step"): (3, 11), (2, "few"): (12, 70),
    (8, "flat"): (2.5, 7), (8, "growing"): (3, 11), (8, "shrinking"): (4.5, 15), (8, "weekdays"): (2, 9),
    (8, "step"): (6, 17), (8, "few"): (11, 40),
    (16, "flat"): (1.5, 5), (16, "growing"): (2, 6.5), (16, "shrinking"): (2, 7), (16, "weekdays"): (1.5, 5),
    (16, "step"): (4, 10), (16, "few"): (7, 22),
    (24, "flat"): (1, 3), (24, "growing"): (1, 3), (24, "shrinking"): (1, 5), (24, "weekdays"): (1, 3),
    (24, "step"): (1.5, 3), (24, "few"): (4.5, 14),
    # 50 % more for five days: the forecast lags, and gets closer as the month proceeds.
    (8, "just begun"): (14, 22), (16, "just begun"): (2.5, 7), (24, "just begun"): (1.5, 3),
    # Growth is a share of the level, and a few days out of the ordinary are not the level.
    (2, "fast growth"): (4, 12), (8, "fast growth"): (4, 12), (16, "fast growth"): (2.5, 6),
    (24, "fast growth"): (1, 3),
    (2, "outage"): (3, 10), (8, "outage"): (2.5, 8), (16, "outage"): (1.5, 5), (24, "outage"): (1, 5),
    # The peaks of the 2nd and 3rd are not foreseen on the 2nd; afterwards they do not count as the level.
    (2, "month start"): (12, 18), (8, "month start"): (3, 10), (16, "month start"): (1.5, 4),
    (24, "month start"): (1, 3),
    # Nobody can know where a random walk goes; the interval says so.
    (2, "walk"): (17, 50), (8, "walk"): (12, 40), (16, "walk"): (6, 25), (24, "walk"): (2.5, 8),
}  # fmt: skip
DAYS_OF_MONTH = sorted({day for day, _ in BOUNDS})


class Forecast(NamedTuple):
    expected: Decimal
    low: Decimal
    high: Decimal


def forecasts(ledgers: list[Ledger], as_of: date, unpriced_days: int = 0) -> dict[str, Forecast]:
    rows = daily_spend(ledgers, as_of, unpriced_days=unpriced_days)
    with warehouse(rows, as_of, "forecast") as connection:
        found = connection.execute(
            "select account_sid, expected_cost, low_cost, high_cost from marts.forecast where currency = 'USD' "
            "and month = ? and interval_percent = 90",
            [MONTH],
        ).fetchall()
    return {sid: Forecast(*amounts) for sid, *amounts in found}


def everything() -> list[Ledger]:
    return [each for ledgers in LEDGERS.values() for each in ledgers]


@pytest.fixture(scope="module", params=DAYS_OF_MONTH)
def day_and_forecasts(request: pytest.FixtureRequest) -> tuple[int, dict[str, Forecast]]:
    return request.param, forecasts(everything(), MONTH.replace(day=request.param))


def test_forecast_error_stays_within_the_documented_limits(
    day_and_forecasts: tuple[int, dict[str, Forecast]],
) -> None:
    day, found = day_and_forecasts
    for shape in [shape for bound_day, shape in BOUNDS if bound_day == day]:
        errors = [
            100 * abs(float(found[each.account_sid].expected / each.cost(MONTH, LAST_DAY)) - 1)
            for each in LEDGERS[shape]
        ]
        assert len(errors) == len(SEEDS)
        assert median(errors) <= BOUNDS[day, shape][0]
        assert max(errors) <= BOUNDS[day, shape][1]


def test_forecast_interval_holds_nine_outcomes_in_ten(
    day_and_forecasts: tuple[int, dict[str, Forecast]],
) -> None:
    _, found = day_and_forecasts
    covered = {
        shape: mean(
            found[each.account_sid].low <= each.cost(MONTH, LAST_DAY) <= found[each.account_sid].high
            for each in ledgers
        )
        for shape, ledgers in LEDGERS.items()
        if shape != "just begun"
    }
    assert 0.86 <= mean(covered.values()) <= 0.97
    assert min(covered.values()) >= 0.75


def test_forecast_interval_is_not_wider_than_needed(
    day_and_forecasts: tuple[int, dict[str, Forecast]],
) -> None:
    """An interval that always holds would be useless."""
    _, found = day_and_forecasts
    for shape, widest in (
        ("flat", 0.25),
        ("fast growth", 0.25),
        ("outage", 0.5),
        ("month start", 0.7),
        ("walk", 0.8),
    ):
        widths = [
            float((found[sid].high - found[sid].low) / found[sid].expected)
            for sid in (each.account_sid for each in LEDGERS[shape])
        ]
        assert median(widths) <= widest, shape


def test_forecast_does_not_count_unpriced_days_as_cheap() -> None:
    as_of = MONTH.replace(day=16)
    ledgers = LEDGERS["flat"]
    priced, unpriced = forecasts(ledgers, as_of), forecasts(ledgers, as_of, unpriced_days=6)
    assert priced.keys() == unpriced.keys() == {each.account_sid for each in ledgers}
    for sid, forecast in unpriced.items():
        assert abs(forecast.expected / priced[sid].expected - 1) < Decimal("0.000001")


def test_forecast_needs_four_weeks_of_history_for_an_interval() -> None:
    as_of = MONTH.replace(day=16)
    for days, has_interval in ((7, False), (27, False), (28, True)):
        first = as_of - timedelta(days=days)
        rows = [row for row in daily_spend(LEDGERS["flat"][:5], as_of) if row["usage_date"] >= first]
        with warehouse(rows, as_of, "forecast") as connection:
            found = connection.execute(
                "select history_days, expected_cost > 0, low_cost is not null, high_cost is not null, "
                "interval_percent is not null from marts.forecast"
            ).fetchall()
        assert found == [(days, True, has_interval, has_interval, has_interval)] * 5


def test_forecast_does_not_count_coverage_gaps_as_zero_spend() -> None:
    as_of = MONTH.replace(day=16)
    unread = [MONTH.replace(day=day) for day in (9, 10, 11)]
    rows = [row for row in daily_spend(LEDGERS["flat"], as_of) if row["usage_date"] not in unread]
    landed = [
        {"account_sid": each.account_sid, "day": day.isoformat()}
        for each in LEDGERS["flat"]
        for day in unread
    ]
    with warehouse(rows, as_of, "forecast", unread_days=landed) as connection:
        found = dict(connection.execute("select account_sid, expected_cost from marts.forecast").fetchall())
    errors = [
        100 * abs(float(found[each.account_sid] / each.cost(MONTH, LAST_DAY)) - 1) for each in LEDGERS["flat"]
    ]
    assert median(errors) <= 3
    assert max(errors) <= 7
