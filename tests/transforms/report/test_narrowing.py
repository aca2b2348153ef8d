"""Which rows are selected, shown on small tables, and the message when there are none."""

from collections.abc import Iterator
from datetime import date

import duckdb
import pytest

from transforms.errors import ConfigError
from transforms.report.narrowing import Narrowing, account_called, mart_called, month_among

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
    select = narrowing.select("select * from marts.spend", ["usage_date", "account_sid", "cost"], {})
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
    select = Narrowing(SEPTEMBER, sid).select(model, ["month", "cost"], reads)
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
    select = Narrowing(SEPTEMBER).select(span, ["first_day", "last_day"], {})
    assert select is not None
    assert bool(connection.execute(select).fetchall()) is is_there


def test_month_of_a_row_comes_from_its_month_before_any_day(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    rows = "select date '2026-10-01' as usage_date, date '2026-09-01' as month"
    select = Narrowing(SEPTEMBER).select(rows, ["usage_date", "month"], {})
    assert select is not None
    assert len(connection.execute(select).fetchall()) == 1


def test_narrowing_refuses_marts_without_the_month_or_account() -> None:
    assert Narrowing(SEPTEMBER).select("select 1", ["age_bucket", "first_usage_date"], {}) is None
    by_account = Narrowing(None, "AC-1")
    assert by_account.select("select 1", ["month"], {}) is None
    reads = {"marts.spend": ["account_sid"], "landed.settings": ["as_of"]}
    assert by_account.select("select 1", ["month"], reads) is None


def test_account_is_found_by_its_sid_before_any_name() -> None:
    accounts = [("AC-1", "support"), ("AC-2", "AC-1"), ("AC-3", "sales"), ("AC-4", "sales")]
    assert account_called(accounts, "AC-1") == ("AC-1", "support")
    assert account_called(accounts, "support") == ("AC-1", "support")
    with pytest.raises(ConfigError, match=r"2 accounts are called sales\. .* AC-3 and AC-4\."):
        account_called(accounts, "sales")


def test_unknown_names_are_refused_with_suggestions() -> None:
    with pytest.raises(
        ConfigError, match=r"no account suport\. Did you mean support\? There are sales, support\."
    ):
        account_called([("AC-1", "support"), ("AC-3", "sales")], "suport")
    with pytest.raises(ConfigError, match=r"No account was read yet"):
        account_called([], "support")
    with pytest.raises(ConfigError, match=r"There are account 00, .*, account 11, 8 more\."):
        account_called([(f"AC-{n}", f"account {n:02}") for n in range(20)], "x")
    with pytest.raises(ConfigError, match=r"no mart wast\. Did you mean waste\? There are budgets, waste\."):
        mart_called(["waste", "budgets"], "wast")
    with pytest.raises(ConfigError, match=r"Nothing is known of 2026-09\. There are 2026-07, 2026-08\."):
        month_among([date(2026, 8, 1), date(2026, 7, 1), date(2026, 8, 1)], SEPTEMBER)
    with pytest.raises(ConfigError, match=r"There are 2025-01 to 2026-12\."):
        month_among(
            [date(year, month, 1) for year in (2025, 2026) for month in range(1, 13)], date(2024, 1, 1)
        )
    with pytest.raises(ConfigError, match=r"No month was read yet"):
        month_among([], SEPTEMBER)


def test_mart_is_found_with_or_without_its_schema() -> None:
    assert mart_called(["waste"], "marts.waste") == mart_called(["waste"], "waste") == "waste"
    assert month_among([SEPTEMBER], SEPTEMBER) == SEPTEMBER
