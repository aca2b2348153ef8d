"""Ledgers of accounts whose rates share days."""

from decimal import Decimal

import duckdb
import pytest

from tests.benchmarks.marts.generated import Rates, recordings

# Series: an account's source and channels. Its days, and those on which it has both rates.
SERIES_DAYS = """
    with
    days as (
        select
            account_sid, source, channels, cast(created_at as date) as day,
            count(distinct price / ceil(duration_seconds / 60.0) / channels) as rates
        from generated
        where price is not null
        group by all
    )
    select count(*), count(*) filter (where rates = 2), count(distinct account_sid) filter (where rates = 2), max(rates)
    from days
"""


@pytest.mark.parametrize(
    ("rates", "least_shared", "most_shared", "accounts"),
    [("one rate", 0, 0, 0), ("a fifth", 0.02, 0.2, 1), ("all", 0.93, 1, 10)],
)
def test_two_rates_share_days(rates: Rates, least_shared: float, most_shared: float, accounts: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"create table generated as {recordings(100_000, 10, rates)}")
        found = connection.execute(SERIES_DAYS).fetchall()
    ((days, shared, sharing, most),) = found
    assert least_shared <= shared / days <= most_shared
    # Of ten accounts, one pays less at night and one on weekends.
    assert (sharing, most) == (accounts, 2 if accounts else 1)


def test_weekend_rate_is_charged_on_weekends_only() -> None:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        found = connection.execute(
            "select distinct isodow(created_at) > 5, cast(round(price / ceil(duration_seconds / 60.0) / channels, 4)"
            f" as decimal(9, 4)) from ({recordings(20_000, 10, 'a fifth')}) "
            f"where price is not null and account_sid = 'AC{5:032x}' order by 1"
        ).fetchall()
    assert found == [(False, Decimal("-0.0025")), (True, Decimal("-0.0020"))]
