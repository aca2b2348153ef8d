"""Cost of storage and savings of deletion, compared with fractions worked out for each recording."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction

import duckdb
from hypothesis import HealthCheck, given, settings

from tests.sql.test_mart_totals import LAST_DAY, STORAGE_RATES, ledgers, warehouse_of
from tests.support.sql.tables import Row, needed

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
        known = currencies[row["account_sid"]]
        gone = row["deleted_at"] or (row["updated_at"] if row["status"] == "deleted" else None)
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


@given(ledgers())
@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_storage_cost_of_days_and_months_equals_their_recordings(recordings: list[Row]) -> None:
    facts = kept(recordings)
    expected: dict[tuple[object, ...], Fraction | None] = {}
    by_month: dict[tuple[object, ...], list[Fraction | None]] = defaultdict(list)
    for day in (LAST_DAY - timedelta(days=back) for back in range(41)):
        days = monthrange(day.year, day.month)[1]
        for account, cost in monthly(by_account(facts, day), day).items():
            expected[day, *account] = None if cost is None else cost / days
            by_month[day.replace(day=1), *account].append(expected[day, *account])
    to_come = monthrange(LAST_DAY.year, LAST_DAY.month)[1] - LAST_DAY.day
    with warehouse_of(recordings, needed("marts.storage_by_month")) as connection:
        daily = rows(
            connection, "select storage_date, account_sid, currency, storage_cost from marts.storage_cost"
        )
        assert daily.keys() == expected.keys()
        assert [key for key, cost in expected.items() if not is_near(daily[key], cost)] == []
        select = "select storage_month, account_sid, currency, {} from marts.storage_by_month"
        months = rows(connection, select.format("storage_cost"))
        estimates = rows(connection, select.format("storage_cost_estimate"))
        assert months.keys() == by_month.keys()
        for key, costs in by_month.items():
            known = [cost for cost in costs if cost is not None]
            total = sum(known, Fraction(0)) if known else None
            assert is_near(months[key], total, 31), key
            if key[0] != LAST_DAY.replace(day=1):
                assert estimates[key] == months[key]
            else:
                last = expected[LAST_DAY, *key[1:]]
                whole = None if total is None or last is None else total + to_come * last
                assert is_near(estimates[key], whole, 62), key


@given(ledgers())
@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
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
