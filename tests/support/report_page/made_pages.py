"""Report pages over recordings generated in DuckDB, which is faster than listing them through an API."""

from collections.abc import Mapping

import duckdb
import pyarrow as pa

from flows.report.page import page
from flows.stores.shipped import shipped
from flows.stores.warehouse.sql_files import read_models, read_twins
from transforms.model.models import build_order, reads_of

RECORDINGS = """
    select
        printf('RE%032x', i) as recording_sid, accounts.account_sid,
        ['DialVerb', 'Conference', 'OutboundAPI', 'Trunking', 'RecordVerb', 'StartCallRecordingAPI',
            'StartConferenceRecording'][cast(1 + hash(i, 3) % 7 as bigint)] as source,
        source as source_raw, case when hash(i, 4) % 50 = 0 then 'failed' else 'completed' end as status,
        cast(1 + hash(i, 5) % 2 as tinyint) as channels, cast(1 + hash(i, 6) % 900 as integer) as duration_seconds,
        timestamptz '2026-09-29T23:00:00Z' - to_seconds(cast(i * ({days} * 86400.0 / {count}) as bigint)) as created_at,
        case when hash(i, 7) % 40 > 0 and (hash(i, 8) % 3 > 0 or created_at < timestamptz '2026-09-01T00:00:00Z')
            then ceil(duration_seconds / 60.0)::integer * channels
                * cast(0.0025 + hash(i % {accounts}) % 5 * 0.0001 as decimal(9, 4)) end as price,
        case when price is null and hash(i, 9) % 2 = 0 then 'XXX'
            else (['USD', 'EUR', 'GBP', 'JPY', 'CHF'])[1 + i % {accounts} % {currencies}] end as currency,
        created_at as updated_at, created_at as first_seen_at, created_at as first_priced_at,
    from range({count}) as generated(i)
    join (select row_number() over (order by account_sid) - 1 as place, account_sid from landed.accounts) as accounts
        on accounts.place = i % {accounts}
"""
"""Over the given number of days up to 2026-09-29, each account in one currency; some recent ones have no price."""

SETTINGS = """
    select 'UTC' as reporting_timezone, date '2026-09-29' as as_of, 90 as settle_days, 30 as accrual_rate_days,
        5 as short_recording_seconds, 56 as anomaly_window_days, 4.5 as anomaly_deviations, 0.25 as anomaly_min_share,
        0.01 as bill_tolerance_amount, 0 as bill_tolerance_share,
        5 as bill_tolerance_minutes, 1 as bill_tolerance_recordings, 0.1 as unpriced_share_warning
"""


def generated_page(names: list[str], recordings: int, *, days: int, currencies: int = 1) -> bytes:
    """Return the page of accounts with these names and this many recordings and days, all of them read."""
    return page(generated_tables(names, recordings, days=days, currencies=currencies))


def generated_tables(
    names: list[str], recordings: int, *, days: int, currencies: int
) -> Mapping[str, pa.Table]:
    """Return the tables of such a page."""
    sql = shipped("sql")
    twins, models = read_twins(sql), read_models(sql)
    reads = reads_of(models)
    outside = {name for names in reads.values() for name in names} - reads.keys() | {
        "ops.coverage",
        "ops.checks",
        "ops.rejects",
    }
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for schema in ("landed", "staging", "marts", "ops"):
            connection.execute(f"create schema {schema}")
        for name in sorted(outside):
            columns = ", ".join(f'"{column}" {each.type}' for column, each in twins[name].columns.items())
            connection.execute(f"create table {name} ({columns})")
        accounts = [(f"AC{place:032x}", name, "signalwire") for place, name in enumerate(names)]
        connection.executemany(
            "insert into landed.accounts (account_sid, account_name, provider) values (?, ?, ?)", accounts
        )
        connection.execute(f"insert into landed.settings by name {SETTINGS}")
        if recordings:
            generated = RECORDINGS.format(
                count=recordings, accounts=len(names), days=days, currencies=currencies
            )
            connection.execute(f"insert into landed.recordings by name {generated}")
        connection.execute(
            """
            insert into landed.storage_rates by name
            select unnest(['USD', 'EUR']) as currency, date '2023-01-01' as valid_from,
                0.0005 as price_per_minute_month, 0 as free_minutes
            """
        )
        connection.execute(
            f"""
            insert into landed.account_days by name
            select account_sid, cast(date '2026-09-29' - day::integer as date) as day, true as is_covered,
                false as has_usage_list
            from landed.accounts cross join range({days}) as days(day)
            """
        )
        for model in build_order(models, given=outside):
            connection.execute(f"create table {model.name} as {model.sql}")
        paths = [*(sql / "queries" / "page").rglob("*.sql"), sql / "reports" / "holes.sql"]
        return {
            path.stem: connection.sql(
                f"select * from ({path.read_text('utf-8')}) order by all"
            ).to_arrow_table()
            for path in paths
        }
