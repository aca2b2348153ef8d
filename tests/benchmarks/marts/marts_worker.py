"""Build the marts over generated recordings, run the checks, and print CPU seconds and peak memory as JSON."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import cast

import duckdb

from flows.report.report import report
from flows.stores.shipped import shipped
from flows.stores.warehouse.checks import run_check
from flows.stores.warehouse.memory import give_memory, limit_memory
from flows.stores.warehouse.reading import CONFIG
from flows.stores.warehouse.sql_files import read_checks, read_models, read_twins
from flows.stores.warehouse.warehouse import warehouse_path
from tests.benchmarks.marts.generated import OTHER_TABLES, Rates, recordings
from tests.benchmarks.measure.memory import peak_bytes
from transforms.model.models import build_order, reads_of

FACT = "marts.fct_recordings"
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

    `argv`: data folder, number of recordings and of accounts, which accounts have two rates, how much memory DuckDB
    may use, in MB, and `reports`.
    """
    data_dir = Path(sys.argv[1])
    count, accounts = map(int, sys.argv[2:4])
    rates = cast("Rates", sys.argv[4])
    give_memory(int(sys.argv[5]))
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
        connection.execute(f"insert into landed.recordings by name {recordings(count, accounts, rates)}")
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
        checks = {check.name: _timed(lambda: run_check(connection, check)) for check in of_files}  # noqa: B023
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
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
