"""Anomalies compared with ledgers whose outliers and noise are known."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import pytest

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


YEAR = date(2025, 7, 1)
HOLIDAYS = [
    date(2025, 10, 3), date(2025, 12, 25), date(2025, 12, 26), date(2026, 1, 1), date(2026, 4, 3),
    date(2026, 4, 6), date(2026, 5, 1), date(2026, 5, 14), date(2026, 5, 25),
]  # fmt: skip
# Spend that is far from the usual day and yet not unusual → false days of a year at most, as the mean of accounts.
RECURRING: Mapping[str, tuple[Shape, float]] = {
    "empty days": (Shape(recordings=200, empty=0.2), 1),
    "batches": (Shape(recordings=200, empty=0.8), 2),
    "month start": (Shape(peak=3, peak_days=(1, 2, 3)), 1),
    "month end": (Shape(peak=3, peak_days=(30, 31)), 7),
    "holidays": (Shape(factors=dict.fromkeys(HOLIDAYS, 0.1)), 1),
}
KNOWN_FROM = date(2025, 10, 1)  # until then, what recurs each month has not been there twice


class Found(NamedTuple):
    account_sid: str
    usage_date: date
    measure: str


def anomalies(
    ledgers: list[Ledger], unpriced_days: int = 0, holidays: Sequence[date] = ()
) -> dict[Found, str]:
    """Return the named source by account, day and measure."""
    rows = daily_spend(ledgers, AS_OF, unpriced_days=unpriced_days)
    given = [{"day": day.isoformat(), "name": "holiday"} for day in holidays]
    with warehouse(rows, AS_OF, "anomalies", holidays=given) as connection:
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


@pytest.mark.parametrize("kind", RECURRING)
def test_anomalies_leave_out_what_recurs(kind: str) -> None:
    shape, most = RECURRING[kind]
    ledgers = [ledger(shape, kind, seed, YEAR) for seed in range(15)]
    found = anomalies(ledgers, holidays=HOLIDAYS if kind == "holidays" else ())
    false = {(each.account_sid, each.usage_date) for each in found if each.usage_date >= KNOWN_FROM}
    assert len(false) / len(ledgers) <= most


def test_anomalies_on_holidays_need_the_reference_file() -> None:
    shape, _ = RECURRING["holidays"]
    found = anomalies([ledger(shape, "holidays", seed, YEAR) for seed in range(5)])
    days = {each.usage_date for each in found if each.usage_date >= KNOWN_FROM}
    assert set(HOLIDAYS) <= days


def test_anomalies_are_found_among_what_recurs() -> None:
    """Five times as much on a day with spend; and a tenth or nothing where months begin with a peak."""
    ledgers, truth = [], set()
    for kind, factors in (("empty days", (5, 5)), ("month start", (3, 0))):
        for seed in range(15):
            made = ledger(RECURRING[kind][0], kind, seed, YEAR)
            busy = [
                day
                for day, source in made.recordings
                if source == "DialVerb" and day.day in range(6, 27) and day >= KNOWN_FROM
                if made.recordings[day, source]
            ]
            for place, factor in zip(
                np.random.default_rng(seed).choice(len(busy), 2, replace=False), factors, strict=True
            ):
                made = made.with_day(busy[place], Decimal(factor))
                truth.add((made.account_sid, busy[place]))
            ledgers.append(made)
    found = {(each.account_sid, each.usage_date) for each in anomalies(ledgers) if each.measure == "cost"}
    assert len(truth - found) <= 0.1 * len(truth)


def shifts(ledgers: list[Ledger], as_of: date) -> dict[str, list[tuple[date, float]]]:
    """Return the first days of new levels by account, with the change as a share."""
    found: dict[str, list[tuple[date, float]]] = {each.account_sid: [] for each in ledgers}
    with warehouse(daily_spend(ledgers, as_of), as_of, "spend_shifts") as connection:
        for sid, since, percent in connection.execute(
            "select account_sid, since, change_percent from marts.spend_shifts order by since"
        ).fetchall():
            found[sid].append((since, float(percent) / 100))
    return found


@pytest.mark.parametrize("factor", [1.6, 0.5])
def test_spend_shift_is_found_within_three_weeks(factor: float) -> None:
    since = date(2026, 8, 20)
    ledgers = [ledger(Shape(step_on=since, step=factor), f"shift {factor}", seed) for seed in SEEDS]
    found = shifts(ledgers, since + timedelta(days=20))
    assert all(len(each) == 1 for each in found.values())
    for ((day, change),) in found.values():
        assert abs((day - since).days) <= 2
        assert change == pytest.approx(factor - 1, rel=0.35)


def test_spend_shift_keeps_its_day_as_time_goes_by() -> None:
    since = date(2026, 8, 3)
    ledgers = [ledger(Shape(step_on=since, step=1.6), "lasting", seed) for seed in range(20)]
    first, later, last = (shifts(ledgers, since + timedelta(days=days)) for days in (18, 25, 57))
    assert all(first.values())
    changed = [sid for sid in first if [day for day, _ in first[sid]] != [day for day, _ in later[sid]]]
    assert len(changed) <= 1
    assert {sid: [day for day, _ in each] for sid, each in later.items()} == {
        sid: [day for day, _ in each] for sid, each in last.items()
    }


def test_spend_shift_is_not_noise_peak_outage_or_empty_day() -> None:
    quiet = {
        **QUIET,
        "outage": Shape(outage_days=5),
        "month start": RECURRING["month start"][0],
        "batches": RECURRING["batches"][0],
    }
    ledgers = [ledger(shape, name, seed) for name, shape in quiet.items() for seed in SEEDS]
    found = {sid: each for sid, each in shifts(ledgers, AS_OF).items() if each}
    assert len(found) <= 0.01 * len(ledgers)
