"""Which rows are selected, shown on small tables, and the message when there are none."""

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from transforms.errors import ConfigError
from transforms.report.narrowing import Narrowing, month_among

SEPTEMBER = date(2026, 9, 1)
ODD = "AC'; drop table marts.spend; --\\1"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        fill(connection)
        yield connection


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create schema marts")
    connection.execute("""
        create table marts.spend as select * from (values
            (date '2026-08-31', 'AC-1', 1), (date '2026-09-01', 'AC-1', 2), (date '2026-09-30', 'AC-2', 4),
            (date '2026-10-01', 'AC-2', 8), (date '2025-09-10', 'AC-1', 16)
        ) as rows(usage_date, account_sid, cost)
    """)
    connection.execute("insert into marts.spend values (date '2026-09-02', ?, 32)", [ODD])


def costs(connection: duckdb.DuckDBPyConnection, narrowing: Narrowing) -> int:
    select = narrowing.select(
        "select * from marts.spend", ["usage_date", "account_sid", "cost"], ["usage_date"], {}
    )
    assert select is not None
    found: list[tuple[int]] = connection.execute(f"select sum(cost) from ({select})").fetchall()
    return found[0][0]


@pytest.mark.parametrize(
    ("narrowing", "expected"),
    [
        (Narrowing(), 63),
        (Narrowing(SEPTEMBER), 2 + 4 + 32),
        (Narrowing(None, "AC-1"), 1 + 2 + 16),
        (Narrowing(SEPTEMBER, "AC-1"), 2),
        (Narrowing(SEPTEMBER, ODD), 32),
    ],
)
def test_narrowing_keeps_rows_of_the_month_and_the_account(
    connection: duckdb.DuckDBPyConnection, narrowing: Narrowing, expected: int
) -> None:
    assert costs(connection, narrowing) == expected
    assert costs(connection, Narrowing()) == 63


@pytest.mark.parametrize("sid", ["AC-1", ODD])
def test_mart_without_accounts_is_rebuilt_from_one_account(
    connection: duckdb.DuckDBPyConnection, sid: str
) -> None:
    connection.execute("create table marts.spend_detail as select * from marts.spend")
    model = """
        with here as (select * from marts.spend), there as (select * from marts.spend_detail)
        select date_trunc('month', usage_date)::date as month, sum(cost) as cost
        from (select * from here union all select * from there) group by all
    """
    columns = ["usage_date", "account_sid", "cost"]
    reads = {"marts.spend": columns, "marts.spend_detail": columns}
    select = Narrowing(SEPTEMBER, sid).select(model, ["month", "cost"], ["month"], reads)
    assert select is not None
    expected = {"AC-1": 2 * 2, ODD: 2 * 32}[sid]
    assert connection.execute(select).fetchall() == [(SEPTEMBER, expected)]


@pytest.mark.parametrize(
    ("days", "is_there"),
    [
        (("2026-08-01", "2026-08-31"), False),
        (("2026-08-01", "2026-09-01"), True),
        (("2026-09-10", "2026-09-10"), True),
        (("2026-09-30", "2026-12-31"), True),
        (("2026-08-01", "2026-10-31"), True),
        (("2026-10-01", "2026-10-31"), False),
    ],
)
def test_narrowing_keeps_a_span_that_touches_the_month(
    connection: duckdb.DuckDBPyConnection, days: tuple[str, str], is_there: bool
) -> None:
    span = f"select date '{days[0]}' as first_day, date '{days[1]}' as last_day"
    select = Narrowing(SEPTEMBER).select(span, ["first_day", "last_day"], ["first_day", "last_day"], {})
    assert select is not None
    assert bool(connection.execute(select).fetchall()) is is_there


def test_month_of_a_row_is_read_from_the_column_its_twin_names(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rows = "select date '2026-10-01' as usage_date, date '2026-09-01' as month"
    for month_from, found in (("month", 1), ("usage_date", 0)):
        select = Narrowing(SEPTEMBER).select(rows, ["usage_date", "month"], [month_from], {})
        assert select is not None
        assert len(connection.execute(select).fetchall()) == found


def test_narrowing_refuses_marts_without_the_month_or_account() -> None:
    assert Narrowing(SEPTEMBER).select("select 1", ["age_bucket", "first_usage_date"], [], {}) is None
    by_account = Narrowing(None, "AC-1")
    assert by_account.select("select 1", ["month"], ["month"], {}) is None
    reads = {"marts.spend": ["account_sid"], "landed.settings": ["as_of"]}
    assert by_account.select("select 1", ["month"], ["month"], reads) is None


def test_month_among_lists_the_known_months() -> None:
    with pytest.raises(ConfigError, match=r"There is no data for 2026-09\. Available: 2026-07, 2026-08\."):
        month_among([date(2026, 8, 1), date(2026, 7, 1), date(2026, 8, 1)], SEPTEMBER)
    with pytest.raises(ConfigError, match=r"Available: 2025-01 to 2026-12\."):
        month_among(
            [date(year, month, 1) for year in (2025, 2026) for month in range(1, 13)], date(2024, 1, 1)
        )
    with pytest.raises(ConfigError, match=r"No month has been read yet"):
        month_among([], SEPTEMBER)


def test_month_among_returns_a_known_month() -> None:
    assert month_among([SEPTEMBER], SEPTEMBER) == SEPTEMBER


def test_narrowing_puts_an_account_in_the_place_of_all_together(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """A monthly table without accounts reads the marks of all together, or those of the one that is asked for."""
    connection.execute("""
        create table marts.months_read as select * from (values
            (date '2026-09-01', null, 7), (date '2026-09-01', 'AC-1', 2), (date '2026-09-01', 'AC-2', 5)
        ) as rows(month, account_sid, days_missing)
    """)
    select = Narrowing(None, "AC-1").select(
        "select sum(cost), any_value(days_missing) from marts.spend, marts.months_read as months "
        "where months.account_sid is null",
        ["cost", "days_missing"],
        [],
        {"marts.spend": ["account_sid"], "marts.months_read": ["account_sid"]},
    )
    assert select is not None
    assert connection.execute(select).fetchall() == [(19, 2)]
