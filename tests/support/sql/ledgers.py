"""Generated daily spend with a known truth, written directly into DuckDB: many accounts at once, one per seed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from tests.support.sql.tables import GIVEN, MODELS, TWINS, Row, build, connect, create
from transforms.model.models import references

FIRST_DAY = date(2026, 6, 1)
LAST_DAY = date(2026, 9, 30)
MONTH = date(2026, 9, 1)
SHARES: Mapping[str, float] = {"DialVerb": 0.5, "Conference": 0.3, "OutboundAPI": 0.2}
RATES: Mapping[str, Decimal] = {
    "DialVerb": Decimal("0.0025"),
    "Conference": Decimal("0.004"),
    "OutboundAPI": Decimal("0.003"),
}
OFFICE_WEEK = (1.1, 1.15, 1.2, 1.15, 1.1, 0.7, 0.6)


@dataclass(frozen=True, slots=True)
class Shape:
    """The pattern of an account's recordings: number per day, weekdays, noise, growth, and a step.

    empty: share of days with nothing, at random. walk: standard deviation of the daily change of the level, as a
    logarithm. peak: factor on the days of month in `peak_days`. outage_days: at most this many days with nothing,
    ending at most ten days before MONTH. factors: of single days.
    """

    recordings: float = 400
    week: Sequence[float] = OFFICE_WEEK
    noise: float = 0.1
    growth_a_month: float = 0.0
    step_on: date = LAST_DAY
    step: float = 1.0
    walk: float = 0.0
    peak: float = 1.0
    peak_days: Sequence[int] = ()
    outage_days: int = 0
    empty: float = 0.0
    factors: Mapping[date, float] = field(default_factory=dict)

    def level(self, seed: Sequence[int], first_day: date) -> list[float]:
        """Return the factor of each day from `first_day` to LAST_DAY, without weekday and noise."""
        random = np.random.default_rng([*seed, 1])
        days = (LAST_DAY - first_day).days + 1
        walked = np.exp(np.cumsum(random.normal(0, self.walk, days)))
        outage = int(random.integers(2, self.outage_days + 1)) if self.outage_days else 0
        resumed = (MONTH - first_day).days - int(random.integers(0, 10))
        is_empty = random.random(days) < self.empty
        levels = []
        for number in range(days):
            day = first_day + timedelta(days=number)
            level = float(walked[number]) * (1 + self.growth_a_month) ** (number / 30)
            level *= self.step if day >= self.step_on else 1
            level *= self.peak if day.day in self.peak_days else 1
            level *= 0 if resumed - outage <= number < resumed or is_empty[number] else 1
            levels.append(level * self.factors.get(day, 1))
        return levels


OUTLOOK_SHAPES: Mapping[str, Shape] = {
    "flat": Shape(),
    "growing": Shape(growth_a_month=0.2),
    "shrinking": Shape(growth_a_month=-0.2),
    "weekdays": Shape(week=(1.3, 1.3, 1.4, 1.3, 1.2, 0.3, 0.2)),
    "step": Shape(step_on=date(2026, 8, 20), step=1.5),
    "few": Shape(recordings=8),
    "just begun": Shape(step_on=date(2026, 9, 3), step=1.5),
    "fast growth": Shape(growth_a_month=0.6),
    "outage": Shape(outage_days=5),
    "walk": Shape(walk=0.05),
    "month start": Shape(peak=3, peak_days=(1, 2, 3)),
}
"""What forecasts are measured on."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The actual data: (day, source) → minutes and recordings. Minutes per recording are geometrically distributed."""

    account_sid: str
    minutes: dict[tuple[date, str], int] = field(default_factory=dict)
    recordings: dict[tuple[date, str], int] = field(default_factory=dict)

    def cost(self, first: date, last: date) -> Decimal:
        """Return the total cost of the days from first to last."""
        costs = (
            RATES[source] * minutes for (day, source), minutes in self.minutes.items() if first <= day <= last
        )
        return sum(costs, Decimal(0))

    def with_day(self, day: date, factor: Decimal, source: str | None = None) -> "Ledger":
        """Return a copy with one day scaled: all of it, or one source."""

        def changed(counts: dict[tuple[date, str], int]) -> dict[tuple[date, str], int]:
            return {
                key: int(count * factor) if key[0] == day and source in (None, key[1]) else count
                for key, count in counts.items()
            }

        return replace(self, minutes=changed(self.minutes), recordings=changed(self.recordings))


def ledger(shape: Shape, name: str, seed: int, first_day: date = FIRST_DAY) -> Ledger:
    """Generate a ledger of this shape up to LAST_DAY; the same seed gives the same ledger."""
    random = np.random.default_rng([seed, *name.encode()])
    levels = shape.level([seed, *name.encode()], first_day)
    result = Ledger(f"{name}-{seed}")
    for number, level in enumerate(levels):
        day = first_day + timedelta(days=number)
        usual = shape.recordings * shape.week[day.weekday()] * level
        for source, share in SHARES.items():
            mean = usual * share * random.lognormal(-(shape.noise**2) / 2, shape.noise)
            recordings = int(random.poisson(mean))
            result.recordings[day, source] = recordings
            result.minutes[day, source] = recordings + int(
                random.negative_binomial(recordings, 0.3) if recordings else 0
            )
    return result


def daily_spend(ledgers: Iterable[Ledger], as_of: date, *, unpriced_days: int = 0) -> list[dict[str, Any]]:
    """Return the rows of marts.daily_spend on as_of, with half the recordings of that day.

    unpriced_days: number of newest days without prices; every other one has no currency either.
    """
    rows = []
    for each in ledgers:
        for (day, source), minutes in each.minutes.items():
            share = 2 if day == as_of else 1
            recordings = each.recordings[day, source] // share
            if day > as_of or not recordings:
                continue
            age = (as_of - day).days
            is_priced = age >= unpriced_days
            billed = max(minutes // share, recordings)
            rows.append(
                {
                    "usage_date": day,
                    "account_sid": each.account_sid,
                    "account_name": each.account_sid,
                    "source": source,
                    "channels": 1,
                    "currency": "USD" if is_priced or age % 2 else "XXX",
                    "recordings": recordings,
                    "unpriced_recordings": 0 if is_priced else recordings,
                    "duration_seconds": 60 * billed,
                    "billed_minutes": billed,
                    "priced_minutes": billed if is_priced else 0,
                    "cost": RATES[source] * billed if is_priced else None,
                    "priced_recordings": recordings if is_priced else 0,
                    "unpriced_minutes": 0 if is_priced else billed,
                    "unmeasured_recordings": 0,
                    "cost_without_minutes": Decimal(0),
                }
            )
    return rows


def warehouse(
    rows: Sequence[Mapping[str, Any]], as_of: date, target: str, **landed: Sequence[Row]
) -> duckdb.DuckDBPyConnection:
    """Build a model (such as `forecast`) and all models it needs over these rows of marts.daily_spend."""
    settings = {
        "reporting_timezone": "UTC",
        "as_of": as_of.isoformat(),
        "settle_days": 90,
        "accrual_rate_days": 30,
        "anomaly_window_days": 56,
        "anomaly_deviations": "4.5",
        "anomaly_min_share": "0.25",
    }
    connection = connect()
    for name in GIVEN:
        given = [settings] if name == "landed.settings" else landed.get(name.removeprefix("landed."), [])
        create(connection, name, given)
    create(connection, "marts.daily_spend", [])
    table = pa.Table.from_pylist(
        list(rows),
        pa.schema(
            [
                pa.field(
                    name,
                    {"VARCHAR": pa.string(), "DATE": pa.date32(), "DECIMAL(38,9)": pa.decimal128(38, 9)}.get(
                        column.type, pa.int64()
                    ),
                )
                for name, column in TWINS["marts.daily_spend"].columns.items()
            ]
        ),
    )
    connection.register("rows_to_insert", table)
    connection.execute("insert into marts.daily_spend by name select * from rows_to_insert")
    # What was charged: each source has one rate.
    create(connection, "marts.effective_rates", [])
    connection.execute("""
        insert into marts.effective_rates by name
        select
            usage_date, account_sid, account_name, source, channels, currency, priced_minutes, 0 as free_minutes,
            0 as credited_minutes, cost,
            cost / priced_minutes as cost_per_minute, cost / priced_minutes as prevailing_rate
        from marts.daily_spend where priced_minutes > 0
    """)
    needed = _needed(f"marts.{target}")
    for model in MODELS:
        if model.name in needed:
            build(connection, model)
    return connection


_GIVEN_MARTS = ("marts.daily_spend", "marts.effective_rates")


def _needed(target: str) -> set[str]:
    reads = {model.name: references(model.sql, model.file) for model in MODELS}
    needed: set[str] = set()
    waiting = [target]
    while waiting:
        name = waiting.pop()
        if name in reads and name not in needed and name not in _GIVEN_MARTS:
            needed.add(name)
            waiting += reads[name]
    return needed
