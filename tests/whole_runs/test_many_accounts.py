"""Models of many accounts, with no more memory than a small machine has."""

from pathlib import Path

import duckdb
import pytest

from tests.benchmarks.marts import marts as mart_benchmark
from tests.benchmarks.marts.generated import Rates
from tests.support.sql.tables import MODELS, TWINS, build, create

ACCOUNTS, DAYS = 100, 3 * 365
OF_DAYS = ("marts.daily_spreads", "marts.daily_ranges", "marts.daily_levels")


@pytest.mark.slow
def test_ranges_of_a_hundred_accounts_fit_in_256_mb(tmp_path: Path) -> None:
    """They are two for each day from the fifth week on: one of the cost, one of the minutes."""
    made = {
        "usage_date": f"date '2023-10-01' + (number % {DAYS})::integer",
        "account_sid": f"'AC' || number // {DAYS}",
        "account_name": f"'account ' || number // {DAYS}",
        "currency": "'USD'",
        "weekday": f"isodow(date '2023-10-01' + (number % {DAYS})::integer)",
        "is_whole": "true",
        "recordings": "10 + hash(number) % 50",
        "billed_minutes": "20 + hash(number * 31) % 100",
        "unestimated_minutes": "0",
        "expected_cost": "(20 + hash(number * 31) % 100) * 0.0025",
    }
    columns = TWINS["marts.account_days"].columns
    values = ", ".join(
        f"cast({made.get(column, 'null')} as {twin.type}) as {column}" for column, twin in columns.items()
    )
    with duckdb.connect(str(tmp_path / "w.duckdb"), config={"memory_limit": "256MB"}) as connection:
        connection.execute("create schema landed; create schema marts")
        settings = {"anomaly_window_days": 56, "anomaly_deviations": "4.5", "anomaly_min_share": "0.25"}
        create(connection, "landed.settings", [settings])
        connection.execute(
            f"create table marts.account_days as select {values} from range({ACCOUNTS * DAYS}) as made (number)"
        )
        create(connection, "landed.holidays", [])
        for model in MODELS:
            if model.name in OF_DAYS:
                build(connection, model)
        found = connection.execute("select count(*), count(distinct account_sid) from marts.daily_ranges")
        assert found.fetchall() == [(2 * ACCOUNTS * (DAYS - 28), ACCOUNTS)]
        levels = connection.execute("select count(*), count(distinct account_sid) from marts.daily_levels")
        assert levels.fetchall() == [(ACCOUNTS * DAYS, ACCOUNTS)]


@pytest.mark.slow
@pytest.mark.parametrize("rates", ["one rate", "all"])
def test_all_models_of_a_hundred_accounts_fit_in_256_mb(rates: Rates, tmp_path: Path) -> None:
    """Three years with about nine recordings a day and account; the process fails if a model or check does."""
    built = mart_benchmark.build(1_000_000, tmp_path, print, accounts=ACCOUNTS, rates=rates, memory_mb=256)
    marts = {model.name for model in MODELS if model.name.startswith("marts.") or model.twin.wide}
    assert built.marts.keys() == marts - {"marts.fct_recordings"}
    # DuckDB's limit is for its buffers; Python, its libraries and what DuckDB does not count come on top.
    assert built.peak_of_models < 700_000_000
