"""Build the marts over generated recordings, run the checks, and print seconds and peak memory as JSON."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import duckdb

from flows.report.report import report
from flows.stores.shipped import shipped
from flows.stores.warehouse.checks import run_check
from flows.stores.warehouse.memory import give_memory, limit_memory
from flows.stores.warehouse.reading import CONFIG
from flows.stores.warehouse.sql_files import read_checks, read_models, read_twins
from flows.stores.warehouse.warehouse import warehouse_path
from tests.benchmarks.measure.memory import peak_bytes
from transforms.model.models import build_order, reads_of

FACT = "marts.fct_recordings"
# Accounts over three years; most recordings are completed and have one of two rates.
RECORDINGS = """
    select
        printf('RE%032x', i) as recording_sid, printf('AC%032x', hash(i, 1) % {accounts}) as account_sid,
        case when hash(i, 2) % 5 > 0 then printf('CA%032x', i) end as call_sid,
        case when call_sid is null then printf('CF%032x', i) end as conference_sid,
        ['DialVerb', 'Conference', 'OutboundAPI', 'Trunking', 'RecordVerb'][cast(1 + hash(i, 3) % 5 as bigint)]
            as source,
        source as source_raw, case when hash(i, 4) % 50 = 0 then 'failed' else 'completed' end as status,
        cast(1 + hash(i, 5) % 2 as tinyint) as channels, cast(1 + hash(i, 6) % 900 as integer) as duration_seconds,
        case when hash(i, 7) % 40 > 0
            then cast(-ceil(duration_seconds / 60.0) as integer) * (channels * cast(0.0025 as decimal(9, 4))) end
            as price,
        'USD' as currency,
        timestamptz '2023-10-01T00:00:00Z' + to_seconds(cast(i * (94608000.0 / {count}) as bigint)) as created_at,
        created_at + interval 1 hour as first_seen_at,
        case when price is not null then created_at + to_hours(cast(1 + hash(i, 8) % 100 as integer)) end
            as first_priced_at,
        case when hash(i, 9) % 10 = 0 then created_at + to_hours(cast(24 + hash(i, 10) % 9000 as integer)) end
            as deleted_at,
        case when status = 'failed' then '13221' end as error_code,
    from range({count}) as generated(i)
"""
OTHER_TABLES = {
    "landed.settings": """
        select 'UTC' as reporting_timezone, date '2026-09-29' as as_of, 90 as settle_days, 30 as accrual_rate_days,
            5 as short_recording_seconds, 56 as anomaly_window_days, 4.5 as anomaly_deviations,
            0.25 as anomaly_min_share, 0.1 as unpriced_share_warning, 0.01 as bill_tolerance_amount,
            0 as bill_tolerance_share, 5 as bill_tolerance_minutes, 1 as bill_tolerance_recordings
    """,
    "landed.account_days": """
        select distinct account_sid, cast(created_at as date) as day, true as is_covered, false as has_usage_list
        from landed.recordings
    """,
    "landed.rate_card": "select 'USD' as currency, date '2023-10-01' as valid_from, 0.0025 as price_per_minute",
    "landed.storage_rates": """
        select 'USD' as currency, date '2023-10-01' as valid_from, 0.0005 as price_per_minute_month,
            10000 as free_minutes
    """,
    "landed.budgets": "select 'USD' as currency, date '2023-10-01' as valid_from, 1000 as amount",
}
"""The tables besides the recordings, so that every mart has data."""
# A single aggregation of the columns and rows that the marts read.
ONE_AGGREGATION = f"""
    create or replace temp table one_aggregation as
    select
        usage_date, account_sid, source, channels, status, call_kind, error_code, is_short, rate, currency,
        count(*) as recordings, count(*) filter (where is_priced) as priced, sum(duration_seconds) as seconds,
        sum(billed_minutes) as minutes, sum(cost) as cost, any_value(account_name) as account_name,
        min(created_at) as created_at, min(first_seen_at) as first_seen_at, min(first_priced_at) as first_priced_at,
        min(deleted_at) as deleted_at, min(recording_sid) as recording_sid
    from {FACT}
    group by all
"""


def main() -> None:
    """Generate recordings, build every mart over them, run the checks and, if asked for, write the reports.

    `argv`: data folder, number of recordings and of accounts, how much memory DuckDB may use, in MB, and `reports`.
    """
    data_dir = Path(sys.argv[1])
    count, accounts, memory_mb = map(int, sys.argv[2:5])
    give_memory(memory_mb)
    twins, models = read_twins(shipped("sql")), read_models(shipped("sql"))
    reads = reads_of(models)
    given = {name for names in reads.values() for name in names} - reads.keys()
    with duckdb.connect(str(warehouse_path(data_dir)), config=CONFIG) as connection:
        connection.execute("set TimeZone = 'UTC'")
        limit_memory(connection)
        for schema in ("landed", "staging", "marts", "ops"):
            connection.execute(f"create schema {schema}")
        for name in sorted(twins):
            columns = ", ".join(f'"{column}" {each.type}' for column, each in twins[name].columns.items())
            connection.execute(f"create table {name} ({columns})")
        connection.execute(
            f"insert into landed.recordings by name {RECORDINGS.format(count=count, accounts=accounts)}"
        )
        for name, rows in OTHER_TABLES.items():
            connection.execute(f"insert into {name} by name {rows}")
        fact: dict[str, float] = {}
        marts: dict[str, float] = {}
        for model in build_order(models, given=given):
            is_view = model.name.startswith("staging.") and not model.twin.wide
            kind = "view" if is_view else "table"
            seconds = _timed(lambda: connection.execute(f"create {kind} {model.name} as {model.sql}"))  # noqa: B023
            (fact if kind == "view" or model.name == FACT else marts)[model.name] = seconds
            if model.name == FACT:  # right after it was written, as the marts do
                one = median(_timed(lambda: connection.execute(ONE_AGGREGATION)) for _ in range(3))
        of_files = read_checks(shipped("sql"), models)
        checks = _timed(lambda: [run_check(connection, check) for check in of_files])
    peak_of_models = peak_bytes()
    reports = _timed(lambda: report(data_dir, shipped("sql"))) if "reports" in sys.argv else None
    measured = {
        "fact": sum(fact.values()),
        "marts": marts,
        "one_aggregation": one,
        "checks": checks,
        "reports": reports,
        "peak_of_models": peak_of_models,
        "peak_bytes": peak_bytes(),
    }
    sys.stdout.write(json.dumps(measured))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
