"""Anomalies compared with ledgers whose outliers and noise are known."""

from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from tests.support.sql.ledgers import LAST_DAY, Ledger, Shape, daily_spend, ledger, warehouse

SEEDS = range(60)
AS_OF = LAST_DAY
FIRST_PLANT = date(2026, 7, 27)  # from here on the whole window before a day is known
QUIET = {
    "flat": Shape(),
    "weekdays": Shape(week=(1.3, 1.3, 1.4, 1.3, 1.2, 0.3, 0.2)),
    "steady": Shape(recordings=2000, noise=0.01),
    "few": Shape(recordings=8),
    "hardly any": Shape(recordings=0.7),
}


class Found(NamedTuple):
    account_sid: str
    usage_date: date
    measure: str


def anomalies(ledgers: list[Ledger], unpriced_days: int = 0) -> dict[Found, str]:
    """Return the named source by account, day and measure."""
    rows = daily_spend(ledgers, AS_OF, unpriced_days=unpriced_days)
    with warehouse(rows, AS_OF, "anomalies") as connection:
        looked_at = connection.execute(
            "select count(distinct (account_sid, usage_date)) from marts.daily_ranges"
        ).fetchall()
        assert looked_at[0][0] > len(ledgers) * 60
        found = connection.execute(
            "select account_sid, usage_date, measure, source from marts.anomalies"
        ).fetchall()
    return {Found(sid, day, measure): source for sid, day, measure, source in found}


def test_anomalies_ignore_noise_and_weekdays_on_any_seed() -> None:
    ledgers = [ledger(shape, name, seed) for name, shape in QUIET.items() for seed in SEEDS]
    assert anomalies(ledgers) == {}


def test_anomalies_ignore_days_still_waiting_for_prices() -> None:
    assert anomalies([ledger(QUIET["flat"], "flat", seed) for seed in SEEDS], unpriced_days=6) == {}


def planted(seed: int) -> tuple[Ledger, dict[date, str]]:
    """Return a flat ledger with a tripled source, a day at 30 % and an empty day; and the source of each."""
    random = np.random.default_rng(seed)
    numbers = random.choice((LAST_DAY - FIRST_PLANT).days, 3, replace=False)
    spike, drop, nothing = (FIRST_PLANT + timedelta(days=int(number)) for number in numbers)
    source = str(random.choice(["DialVerb", "Conference"]))
    made = ledger(Shape(recordings=1000, noise=0.05), "planted", seed)
    made = made.with_day(spike, Decimal(3), source).with_day(drop, Decimal("0.3"))
    return made.with_day(nothing, Decimal(0)), {spike: source, drop: "", nothing: ""}


def test_anomalies_find_exactly_what_is_planted_with_its_source() -> None:
    ledgers, truth = [], {}
    for seed in SEEDS:
        made, days = planted(seed)
        ledgers.append(made)
        for day, source in days.items():
            truth[Found(made.account_sid, day, "cost")] = source
            truth[Found(made.account_sid, day, "minutes")] = source
    found = anomalies(ledgers)
    assert found.keys() == truth.keys()
    assert [key for key, source in truth.items() if source and found[key] != source] == []
    # Where every source falls, the one with half of the minutes has most of the difference; their rates differ.
    everything = [key for key, source in truth.items() if not source]
    assert {found[key] for key in everything if key.measure == "minutes"} == {"DialVerb"}
