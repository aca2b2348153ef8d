"""Cost of storage and savings of deletion, compared with fractions worked out for each recording."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction

import duckdb
from hypothesis import HealthCheck, given, settings

from tests.sql.test_mart_totals import LAST_DAY, STORAGE_RATES, ledgers, warehouse_of
from tests.support.sql.tables import GIVEN, Row, build, connect, create, needed

LAST_DIGIT = Fraction(1, 10**9)

Kept = tuple[str, str, date, date | None, int]
"""Account, currency, day of creation, day of deletion, minutes."""


def kept(recordings: Iterable[Row]) -> list[Kept]:
    currencies: dict[object, set[object]] = defaultdict(set)
    for row in recordings:
        if row["currency"] != "XXX":
            currencies[row["account_sid"]].add(row["currency"])
    found = []
    for row in recordings:
        if row["status"] in ("absent", "failed") or row["media_location"] == "external":
            continue  # the vendor stores nothing of it
        known = currencies[row["account_sid"]]
        gone = row["deleted_at"]
        # One that was never listed otherwise was deleted before it was found.
        if row["status"] == "deleted" and not (gone and str(row["first_seen_at"]) < str(gone)):
            gone = min(filter(None, (gone, row["updated_at"])), key=str)
        found.append(
            (
                str(row["account_sid"]),
                str(*known) if row["currency"] == "XXX" and len(known) == 1 else str(row["currency"]),
                date.fromisoformat(str(row["created_at"])[:10]),
                None if gone is None else date.fromisoformat(str(gone)[:10]),
                -(-int(str(row["duration_seconds"] or 0)) // 60),
            )
        )
    return found


def rate_on(day: date, account: str, currency: str) -> Row | None:
    """Return the newest rate of the account, or else the newest general one."""
    begun = [
        each
        for each in STORAGE_RATES
        if each["currency"] == currency and date.fromisoformat(str(each["valid_from"])) <= day
    ]
    own = [each for each in begun if each.get("account_sid") == account]
    for_all = [each for each in begun if each.get("account_sid") is None]
    return max(own or for_all, key=lambda each: str(each["valid_from"]), default=None)


def by_account(recordings: Iterable[Kept], day: date) -> dict[tuple[str, str], int]:
    """Return the minutes stored on this day, for each account and currency seen so far."""
    minutes: dict[tuple[str, str], int] = {}
    for account, currency, created, gone, length in recordings:
        if created <= day:
            stands = gone is None or gone > day
            minutes[account, currency] = minutes.get((account, currency), 0) + (length if stands else 0)
    return minutes


def monthly(minutes: Mapping[tuple[str, str], int], day: date) -> dict[tuple[str, str], Fraction | None]:
    """Return the monthly cost of these minutes at the rates of the day, by account and currency."""
    rates = {key: rate_on(day, *key) for key in minutes}
    found: dict[tuple[str, str], Fraction | None] = {}
    for key, rate in rates.items():
        if rate is None:
            found[key] = None
            continue
        together = sum(minutes[other] for other in minutes if rates[other] is rate)
        chargeable = max(together - int(str(rate["free_minutes"])), 0)
        share = Fraction(minutes[key], together) if together else Fraction(0)
        found[key] = share * chargeable * Fraction(str(rate["price_per_minute_month"]))
    return found


def rows(connection: duckdb.DuckDBPyConnection, select: str) -> dict[tuple[object, ...], object]:
    return {row[:-1]: row[-1] for row in connection.execute(select).fetchall()}


def is_near(found: object, expected: Fraction | None, digits: int = 1) -> bool:
    if found is None or expected is None:
        return found is expected
    return abs(Fraction(str(found)) - expected) <= digits * LAST_DIGIT


def billed(facts: list[Kept], month: date) -> dict[tuple[str, str, date], Fraction | None]:
    """Return the cost of each account, currency and day read of a month, worked out from the bill of the whole month.

    Days to come are like the newest one. The bill of a rate's accounts is their average above the free minutes, and is
    shared in proportion to the minutes of each day.
    """
    length = monthrange(month.year, month.month)[1]
    calendar = [month + timedelta(days=number) for number in range(length)]
    minutes = {day: by_account(facts, min(day, LAST_DAY)) for day in calendar}
    pools: dict[tuple[object, str], tuple[int, Fraction]] = {}
    for pool in {(rate.get("account_sid"), str(rate["currency"])) for rate in STORAGE_RATES}:
        together, free = 0, 0
        for day in calendar:
            for (account, currency), count in minutes[day].items():
                rate = rate_on(min(day, LAST_DAY), account, currency)
                if rate is not None and (rate.get("account_sid"), currency) == pool:
                    together += count
            line = newest_line(day, pool)
            free += 0 if line is None else int(str(line["free_minutes"]))
        pools[pool] = (together, Fraction(max(together - free, 0), together) if together else Fraction(0))
    found: dict[tuple[str, str, date], Fraction | None] = {}
    for day in (day for day in calendar if day <= LAST_DAY):
        for (account, currency), count in minutes[day].items():
            rate = rate_on(day, account, currency)
            if rate is None:
                found[account, currency, day] = None
                continue
            share = pools[rate.get("account_sid"), currency][1]
            found[account, currency, day] = (
                count * share * Fraction(str(rate["price_per_minute_month"])) / length
            )
    return found


def newest_line(day: date, pool: tuple[object, str]) -> Row | None:
    begun = [
        each
        for each in STORAGE_RATES
        if (each.get("account_sid"), each["currency"]) == pool
        and date.fromisoformat(str(each["valid_from"])) <= day
    ]
    return max(begun, key=lambda each: str(each["valid_from"]), default=None)


@given(ledgers())
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_storage_cost_of_days_and_months_equals_the_bill(recordings: list[Row]) -> None:
    facts = kept(recordings)
    first_months = {day.replace(day=1) for day in (LAST_DAY - timedelta(days=back) for back in range(41))}
    expected = {key: cost for month in first_months for key, cost in billed(facts, month).items()}
    to_come = monthrange(LAST_DAY.year, LAST_DAY.month)[1] - LAST_DAY.day
    with warehouse_of(recordings, needed("marts.storage_by_month")) as connection:
        daily = rows(
            connection, "select account_sid, currency, storage_date, storage_cost from marts.storage_cost"
        )
        assert daily.keys() == expected.keys()
        assert [key for key, cost in expected.items() if not is_near(daily[key], cost)] == []
        select = "select account_sid, currency, storage_month, {} from marts.storage_by_month"
        months = rows(connection, select.format("storage_cost"))
        estimates = rows(connection, select.format("storage_cost_estimate"))
    for key in months:
        costs = {day: cost for (*whose, day), cost in expected.items() if (*whose, day.replace(day=1)) == key}
        known = [cost for cost in costs.values() if cost is not None]
        total = sum(known, Fraction(0)) if known else None
        assert is_near(months[key], total, 31), key
        if key[2] != LAST_DAY.replace(day=1):
            assert estimates[key] == months[key]
        else:
            last = costs[LAST_DAY]
            whole = None if total is None or last is None else total + to_come * last
            assert is_near(estimates[key], whole, 62), key


def test_storage_bill_is_of_the_average_and_not_of_each_day() -> None:
    """30,000 minutes made on the 20th of a month of 30 days are 11,000 on average: 1,000 above the free ones."""
    settings_row: Row = {"reporting_timezone": "UTC", "as_of": "2026-06-30", "short_recording_seconds": 5}
    rate: Row = {"currency": "USD", "valid_from": "2026-01-01", "price_per_minute_month": "0.0005"}
    made: Row = {
        "account_sid": "A",
        "source": "DialVerb",
        "status": "completed",
        "duration_seconds": 60 * 15_000,
        "price": "-1",
        "currency": "USD",
        "created_at": "2026-06-20T12:00:00Z",
    }
    recordings: list[Row] = [
        {**made, "recording_sid": "R1"},
        {**made, "recording_sid": "R2", "account_sid": "B"},
    ]
    with connect() as connection:
        for name in sorted(GIVEN):
            given_rows: dict[str, list[Row]] = {
                "landed.settings": [settings_row],
                "landed.storage_rates": [{**rate, "free_minutes": 10_000}],
                "landed.recordings": recordings,
            }
            create(connection, name, given_rows.get(name, []))
        for model in needed("marts.storage_by_month"):
            build(connection, model)
        found = rows(connection, "select account_sid, round(storage_cost, 6) from marts.storage_by_month")
        allowed = connection.execute("select chargeable_minutes from marts.storage_allowances").fetchall()
    # By the day, 20,000 minutes of eleven days would have cost 3.67.
    assert [str(row[0]) for row in allowed] == ["1000.000000000"]
    assert {key[0]: str(cost) for key, cost in found.items()} == {"A": "0.250000", "B": "0.250000"}


@given(ledgers())
@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_deleting_recordings_saves_at_least_the_stated_amount(
    recordings: list[Row],
) -> None:
    there = [each for each in kept(recordings) if each[3] is None]
    minutes = by_account(there, LAST_DAY)
    costs = monthly(minutes, LAST_DAY)
    with warehouse_of(recordings, needed("marts.retention_candidates")) as connection:
        savings = rows(
            connection,
            "select account_sid, currency, from_age_days, saving_per_month from marts.retention_candidates",
        )
    for rate in (*STORAGE_RATES, None):
        of_rate = {key for key in costs if rate_on(LAST_DAY, *key) is rate}
        found = [saving for (*key, _), saving in savings.items() if tuple(key) in of_rate]
        if rate is None:
            assert set(found) <= {None}
        else:
            total = sum((cost for key in of_rate if (cost := costs[key]) is not None), Fraction(0))
            assert is_near(str(sum(Fraction(str(each)) for each in found)), total, len(found) + 1)
    for (account, currency, from_age), saving in savings.items():
        if saving is None:
            continue
        left = [
            each
            for each in there
            if each[:2] != (account, currency) or ((LAST_DAY - each[2]).days > 30) != (from_age == 31)
        ]
        before = sum((cost for cost in costs.values() if cost is not None), Fraction(0))
        after = sum(
            (cost for cost in monthly(by_account(left, LAST_DAY), LAST_DAY).values() if cost is not None),
            Fraction(0),
        )
        assert Fraction(str(saving)) <= before - after + LAST_DIGIT
