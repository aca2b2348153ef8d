"""Each check of `sql/checks` finds nothing in a small clean warehouse, and finds what is planted in it."""

from collections.abc import Iterator, Mapping
from datetime import date

import duckdb
import pytest

from flows.stores.warehouse.checks import run_check
from tests.sql.checks.test_planted_errors import PLANTED as PLANTED_ERRORS
from tests.support.sql.tables import CHECKS, GIVEN, MODELS, SPEND, TWINS, Row, build, connect, create
from transforms.model.models import Check

_RECORDING: Row = {
    "account_sid": "A",
    "source": "DialVerb",
    "channels": 1,
    "status": "completed",
    "duration_seconds": 61,
    "price": "-0.005",
    "currency": "USD",
    "created_at": "2026-07-05T12:00:00Z",
}

_STATED: Row = {
    "month": "2026-07-01",
    "account_sid": "A",
    "source": "DialVerb",
    "recordings": 1,
    "unpriced_recordings": 0,
    "closed_at": "2026-08-02T06:00:00Z",
}


def _landing(name: str, account_sid: str, **counts: int) -> Row:
    none = dict.fromkeys(("rows", "new", "repeated", "rejected", "outside"), 0)
    return {
        "landing": name,
        "account_sid": account_sid,
        "first_day": "2026-07-05",
        "last_day": "2026-07-06",
        "fetched_at": "2026-07-06T06:00:00Z",
        "is_whole": True,
        **none,
        **counts,
    }


def _covered(account_sid: str, day: str, landing: str, recordings: int) -> Row:
    return {
        **{"account_sid": account_sid, "day": day, "is_covered": True, "landing": landing},
        **{"fetched_at": "2026-07-06T06:00:00Z", "recordings": recordings, "unsettled_recordings": 0},
    }


def _totals(account_sid: str, totals: dict[str, str]) -> list[Row]:
    same = dict.fromkeys(("first creation", "last creation"), "2026-07-05 12:00:00.000000")
    return [
        {"account_sid": account_sid, "created_month": "2026-07", "measure": measure, "value": value}
        for measure, value in {**totals, **same, "recordings of DialVerb": totals["rows"]}.items()
    ]


_USAGE: Row = {"account_sid": "B", "currency": "EUR", "recordings": 3, "minutes": "6", "price": "0.0105"}

CLEAN: Mapping[str, list[Row]] = {
    **{name: [] for name in GIVEN if name != "ops.checks"},
    "landed.settings": [
        {
            "reporting_timezone": "UTC",
            "as_of": "2026-07-06",
            "audit_warning_days": 35,
            "unpriced_share_warning": "0.5",
            "rejected_share_failure": "0.5",
            "short_recording_seconds": 5,
            "bill_tolerance_amount": "0.001",
            "bill_tolerance_share": "0",
            "bill_tolerance_minutes": "5",
            "bill_tolerance_recordings": 1,
        }
    ],
    "landed.accounts": [{"account_sid": "A", "account_name": "support", "credits": "count"}],
    "landed.recordings": [
        {**_RECORDING, "recording_sid": "R1"},
        {**_RECORDING, "recording_sid": "R2", "price": "0", "channels": None},
        {**_RECORDING, "recording_sid": "R3", "currency": "XXX", "price": None},
        {**_RECORDING, "recording_sid": "R7", "currency": "XXX", "price": None},
        {**_RECORDING, "recording_sid": "R4", "account_sid": "B", "currency": "EUR", "price": "0.007"},
        {**_RECORDING, "recording_sid": "R5", "account_sid": "B", "currency": "EUR", "price": None},
        {
            **_RECORDING,
            "recording_sid": "R6",
            "account_sid": "B",
            "currency": "EUR",
            "price": "0.0025",
            "status": "failed",
        },
    ],
    # B is charged a thousandth too much, and far too much on a day that was not read.
    "landed.account_days": [
        {"account_sid": "A", "day": "2026-07-05", "is_covered": True, "has_usage_list": False},
        {"account_sid": "A", "day": "2026-07-06", "is_covered": False, "has_usage_list": False},
        {"account_sid": "B", "day": "2026-07-05", "is_covered": True, "has_usage_list": True},
        {"account_sid": "B", "day": "2026-07-06", "is_covered": False, "has_usage_list": True},
    ],
    "landed.usage_records": [
        {**_USAGE, "usage_date": "2026-07-05"},
        {**_USAGE, "usage_date": "2026-07-06", "price": "7"},
    ],
    # July is closed: B as it is now, A before a price arrived.
    "landed.closed_months": [{"month": "2026-07-01", "closed_at": "2026-08-02T06:00:00Z"}],
    "landed.statements": [
        {**_STATED, "channels": 1, "currency": "USD", "billed_minutes": 2, "cost": "0.003"},
        {**_STATED, "channels": None, "currency": "USD", "billed_minutes": 2, "cost": "0"},
        {
            **_STATED,
            "channels": 1,
            "currency": "XXX",
            "recordings": 2,
            "unpriced_recordings": 2,
            "billed_minutes": 4,
        },
        {
            **_STATED,
            **{
                "account_sid": "B",
                "channels": 1,
                "currency": "EUR",
                "recordings": 3,
                "unpriced_recordings": 1,
            },
            **{"billed_minutes": 6, "cost": "0.0095"},
        },
    ],
    "landed.changes": [
        {
            **{"account_sid": "A", "recording_sid": "R1", "seen_at": "2026-08-03T06:00:00Z"},
            **{f"created_at_{when}": "2026-07-05T12:00:00Z" for when in ("before", "after")},
            **{f"source_{when}": "DialVerb" for when in ("before", "after")},
            **{f"channels_{when}": 1 for when in ("before", "after")},
            **{f"duration_seconds_{when}": 61 for when in ("before", "after")},
            **{
                "price_before": "0.003",
                "price_after": "-0.005",
                "currency_before": "USD",
                "currency_after": "USD",
            },
            **{"first_seen_at": "2026-07-06T06:00:00Z", "first_priced_at": "2026-07-06T06:00:00Z"},
        }
    ],
    "ops.landings": [
        _landing("L1", "A", rows=5, new=4, rejected=1),
        _landing("L2", "B", rows=4, new=2, repeated=1, outside=1),
        {**_landing("L3", "B", rows=3, new=1, repeated=2), "last_day": "2026-07-05"},
        {**_landing("L4", "A"), "is_whole": False},
    ],
    "ops.lake_totals": _totals(
        "A",
        {
            "rows": "4",
            "priced": "2",
            "seconds": "244",
            "price USD": "-0.005000000",
            "price XXX": "0.000000000",
            "recordings in completed": "4",
        },
    )
    + _totals(
        "B",
        {
            "rows": "3",
            "priced": "2",
            "seconds": "183",
            "price EUR": "0.009500000",
            "recordings in completed": "2",
            "recordings in failed": "1",
        },
    ),
    "ops.raw_comparison": [
        {"account_sid": "A", "field": name, "is_figure": name == "price", "compared": 4, "differing": 0}
        for name in ("price", "status")
    ],
    "ops.coverage": [
        _covered("A", "2026-07-05", "L1", 4),
        _covered("A", "2026-07-06", "L1", 0),
        _covered("B", "2026-07-05", "L3", 3),
        _covered("B", "2026-07-06", "L2", 0),
    ],
}


def _exchanged(table: str, column: str, one: str, other: str) -> str:
    return f"update {table} set {column} = case {column} when '{one}' then '{other}' else '{one}' end"


_ADJUSTMENTS = "marts.adjustments"
_DETAIL = "marts.daily_spend_detail"
_TOTALS = "staging.stg_recording_totals"
_FACT, _MARTS = (
    "marts.fct_recordings",
    (
        *(
            "daily_spend_detail",
            "daily_spend",
            "monthly_totals",
            "monthly_spend",
            "spend_by_status",
            "spend_by_call_kind",
        ),
        *("spend_by_source", "spend_by_channels", "spend_by_account"),
    ),
)
PLANTED: Mapping[str, list[str]] = {
    "bill_differs": [
        "update marts.reconciliation set is_within_tolerance = false where period_start = '2026-07-05'",
        "insert into marts.reconciliation (against, is_within_tolerance) values ('invoice', false)",
    ],
    "bill_differs_over_the_month": [
        f"insert into marts.reconciliation (against, period_start, account_sid, currency, is_within_tolerance, "
        f"our_unpriced, difference, their_cost, our_minutes, their_minutes, our_recordings, their_recordings) "
        f"select 'usage records', day, 'A', 'USD', true, 0, {difference}, 1, 10, 10 + {minutes}, 5, 5 + {recordings} "
        "from (values (date '2026-06-01'), (date '2026-06-30')) as days (day)"
        for difference, minutes, recordings in ((0.006, 0, 0), (-0.006, 0, 0), (0, 3, 0), (0, 0, 1))
    ],
    "adjustments_are_undated": [
        f"insert into {_ADJUSTMENTS} select * replace ('undated' as kind) from {_ADJUSTMENTS}",
    ],
    "statements_and_adjustments_sum_to_fact": [
        f"delete from {_ADJUSTMENTS}",
        f"update {_ADJUSTMENTS} set cost_change = cost_change + 0.000000001",
        f"update {_ADJUSTMENTS} set month = date '2026-06-01'",
        f"update {_ADJUSTMENTS} set currency = 'EUR'",
        f"update {_ADJUSTMENTS} set recordings_change = 1",
        "update landed.statements set cost = 0.009 where currency = 'EUR'",
        "update landed.statements set unpriced_recordings = 0 where currency = 'EUR'",
        "update landed.statements set billed_minutes = 1 where channels is null",
        "update landed.statements set channels = 2 where channels is null",
        "delete from landed.statements where currency = 'XXX'",
        "update marts.daily_spend_detail set usage_date = date '2026-08-05' where currency = 'XXX'",
        "update marts.daily_spend_detail set cost = null where currency = 'EUR' and rate is not null",
        "delete from marts.daily_spend_detail where currency = 'XXX'",
    ],
    "days_are_missing": [
        "insert into ops.coverage (account_sid, day, is_covered) values ('B', '2026-07-06', false)"
    ],
    "keys_are_unique": [
        f"insert into {_FACT} select * from {_FACT} where recording_sid = 'R1'",
        f"insert into {_FACT} select * replace ('B' as account_sid) from {_FACT} where recording_sid = 'R1'",
        *(f"insert into marts.{mart} select * from marts.{mart} limit 1" for mart in _MARTS),
        "insert into marts.daily_spend select * replace (0 as cost) from marts.daily_spend where channels is null",
        "insert into marts.spend_by_channels select * from marts.spend_by_channels where channels is null",
    ],
    "lake_equals_fact": [
        f"delete from {_FACT} where recording_sid = 'R1'",
        f"delete from {_FACT} where recording_sid = 'R3'",
        f"delete from {_FACT} where account_sid = 'A'",
        f"insert into {_FACT} select * from {_FACT} where recording_sid = 'R2'",
        f"update {_FACT} set cost = cost + 0.000000001 where recording_sid = 'R4'",
        f"update {_FACT} set cost = null where recording_sid = 'R2'",
        f"update {_FACT} set cost = 0 where recording_sid = 'R3'",
        f"update {_FACT} set currency = 'USD' where recording_sid = 'R4'",
        f"update {_FACT} set account_sid = 'B' where recording_sid = 'R1'",
        f"update {_FACT} set source = 'Trunking' where recording_sid = 'R5'",
        f"update {_FACT} set channels = 2 where recording_sid = 'R3'",
        f"update {_FACT} set status = 'paused' where recording_sid = 'R3'",
        f"update {_FACT} set duration_seconds = duration_seconds * 60 where recording_sid = 'R5'",
        f"update {_FACT} set price = price * 10, cost = cost * 10 where recording_sid = 'R4'",
        _exchanged(_FACT, "account_sid", "A", "B"),
        "delete from landed.recordings where recording_sid = 'R5'",
        "update landed.recordings set price = -0.006 where recording_sid = 'R1'",
    ],
    "coverage_follows_fetches": [
        "update ops.coverage set is_covered = false where account_sid = 'A' and day = '2026-07-06'",
        "update ops.coverage set fetched_at = fetched_at - interval 1 hour where day = '2026-07-05'",
        "update ops.coverage set recordings = 0 where account_sid = 'B'",
        "update ops.coverage set day = '2026-07-04' where account_sid = 'A' and day = '2026-07-05'",
        "update ops.coverage set landing = 'L3' where account_sid = 'A'",
        "delete from ops.coverage where account_sid = 'A'",
        "delete from ops.coverage where day = '2026-07-06'",
        "delete from ops.landings where landing = 'L1'",
        "update ops.landings set is_whole = false where landing = 'L2'",
        # The first day was not over yet, or it had not begun.
        "update ops.landings set fetched_at = '2026-07-05 23:00Z' where account_sid = 'B'",
        "update ops.landings set last_day = '2026-07-05' where landing = 'L2'",
        "insert into landed.unread_days values ('A', '2026-07-05')",
        "update landed.account_days set is_covered = true where day = '2026-07-06' and account_sid = 'A'",
        "delete from landed.account_days where account_sid = 'A'",
    ],
    "waste_is_part_of_spend": [
        "update marts.waste set cost_percent = cost_percent + 1",
        "update marts.waste set cost_percent = null",
        "update marts.spend_by_account set cost = 10 * cost",
        "delete from marts.spend_by_account where account_sid = 'B'",
    ],
    "days_follow_the_time_zone": [
        f"update {_DETAIL} set usage_date = usage_date + 1 where account_sid = 'A'",
        f"update {_DETAIL} set usage_date = usage_date - 1 where rate is null",
        "update landed.settings set reporting_timezone = 'Pacific/Apia'",  # 14 hours ahead at that time
        "update landed.recordings set created_at = created_at - interval 13 hour where recording_sid = 'R5'",
        _exchanged(_DETAIL, "account_sid", "A", "B"),
    ],
    "landed_rows_are_accounted_for": [
        "update ops.lake_totals set value = '1' where measure = 'rows' and account_sid = 'B'",
        "insert into ops.lake_totals select * replace ('2026-05' as created_month) from ops.lake_totals",
        "insert into ops.lake_totals select * replace ('D' as account_sid) from ops.lake_totals",
        "delete from ops.landings where account_sid = 'A'",
        "delete from ops.landings where landing = 'L3'",
        "update ops.landings set rows = rows + 1 where landing = 'L2'",
        "update ops.landings set rejected = 0 where landing = 'L1'",
        "update ops.landings set outside = 0 where landing = 'L2'",
        "update ops.landings set rows = 5 where landing = 'L4'",
    ],
    "lake_equals_its_totals": [
        "update landed.recordings set price = price + 0.000000001 where recording_sid = 'R1'",
        "update landed.recordings set price = 0 where recording_sid = 'R7'",
        "update landed.recordings set currency = 'GBP' where recording_sid = 'R2'",
        "update landed.recordings set duration_seconds = duration_seconds * 60",
        "update landed.recordings set source = 'Trunking' where recording_sid = 'R3'",
        "update landed.recordings set status = 'absent' where recording_sid = 'R3'",
        "update landed.recordings set created_at = created_at + interval 5 hour where recording_sid = 'R4'",
        "delete from landed.recordings where account_sid = 'B'",
        "delete from landed.recordings where recording_sid = 'R5'",
        "insert into landed.recordings select * replace ('R9' as recording_sid) from landed.recordings limit 1",
        "insert into landed.recordings select * replace ('D' as account_sid) from landed.recordings limit 1",
        "delete from ops.lake_totals where measure = 'rows' and account_sid = 'A'",
    ],
    "lake_figures_equal_raw_pages": [
        "update ops.raw_comparison set differing = 1 where is_figure",
    ],
    "lake_details_equal_raw_pages": [
        "update ops.raw_comparison set differing = 1 where not is_figure",
    ],
    # Half of the records is not most of them; one more is.
    "most_records_are_rejected": [
        "update ops.landings set rows = 3 where landing = 'L1'; "
        "insert into ops.rejects (account_sid, record_key, raw_page) select 'A', range, 'L1/page' from range(3)",
        "insert into ops.rejects (account_sid, record_key) select 'A', range from range(5)",
        "insert into ops.rejects (account_sid, record_key, created_at, field, reason) "
        "select 'B', range, timestamptz '2026-07-06 23:00Z', 'price', 'free is not a number' from range(10)",
    ],
    "many_are_unpriced": [
        "update landed.settings set unpriced_share_warning = 0.499999999",
        "update landed.settings set unpriced_share_warning = 0",
        f"update {_TOTALS} set unpriced_recordings = recordings where account_sid = 'A'",
    ],
    "charges_sum_to_spend": [
        "update marts.daily_charges set cost = cost + 0.000000001 where currency = 'USD' and channels = 1",
        "update marts.daily_charges set currency = 'GBP' where currency = 'EUR'",
        "update marts.daily_charges set account_sid = 'A' where account_sid = 'B'",
        "delete from marts.daily_charges where channels is null",
        "delete from marts.daily_charges",
        "insert into marts.daily_charges select * from marts.daily_charges limit 1",
        "update marts.daily_spend set priced_recordings = priced_recordings + 1 where currency = 'EUR'",
    ],
    "marts_sum_to_fact": [
        *(f"update marts.{mart} set cost = cost + 0.000000001 where currency = 'USD'" for mart in _MARTS),
        *(f"update marts.{mart} set recordings = recordings + 1 where currency = 'EUR'" for mart in _MARTS),
        *(f"update marts.{mart} set unpriced_recordings = 0 where currency = 'XXX'" for mart in _MARTS),
        *(f"update marts.{mart} set currency = 'GBP' where currency = 'EUR'" for mart in _MARTS),
        *(f"delete from marts.{mart} where currency = 'XXX'" for mart in _MARTS),
        *(f"delete from marts.{mart}" for mart in _MARTS),
        f"delete from {_FACT} where recording_sid = 'R3'",
        f"update {_FACT} set cost = 0 where recording_sid = 'R3'",
        *(f"update marts.{mart} set billed_minutes = billed_minutes * 60" for mart in _MARTS),
        *(_exchanged(f"marts.{mart}", "account_sid", "A", "B") for mart in _MARTS if "_by_" not in mart),
        *(
            f"update marts.{mart} set source = 'Trunking' where channels = 1"
            for mart in ("daily_spend", "monthly_spend")
        ),
        "update marts.spend_by_source set source = 'Trunking'",
        "update marts.spend_by_channels set channels = 2 where channels = 1",
        "update marts.spend_by_status set status = 'absent'",
        "update marts.spend_by_call_kind set call_kind = 'conference'",
        _exchanged("marts.spend_by_account", "account_sid", "A", "B"),
        "update marts.monthly_spend set month = date '2026-06-01'",
        "update marts.daily_charges set charge_date = charge_date + 1",
        "update marts.effective_rates set priced_minutes = priced_minutes + 1",
        "delete from marts.waste",
    ],
    "pages_may_be_missing": [
        "insert into ops.oddities values ('raw/A/w/f', 'no next_page_uri on a full page', '', 1, null, null)"
    ],
    "storage_is_unverified": [
        "update marts.retention_candidates set verified_at = '2026-05-31T23:00:00Z' where account_sid = 'B'"
    ],
    "records_are_rejected": ["insert into ops.rejects (account_sid, record_key) values ('A', 'R9')"],
    "credits_exceed_charges": [
        "update marts.daily_spend_detail set is_credit = true, is_charged = false where account_sid = 'B'",
    ],
    "signs_are_mixed": [
        f"update {_TOTALS} set positive = 1 where negative > 0",
        f"update {_TOTALS} set negative = 1 where positive > 0",
        f"insert into {_TOTALS} select * replace (positive as negative, negative as positive) from {_TOTALS}",
    ],
}


IN_EVERY_MART = {name for name, _ in PLANTED_ERRORS}
"""Checks that are shown to find something in a larger warehouse."""


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return the clean warehouse; a test that changes it must roll back."""
    with connect() as connection:
        for name, rows in CLEAN.items():
            create(connection, name, rows)
        for model in MODELS:
            build(connection, model)
        yield connection


def test_clean_warehouse_has_every_table_with_rows(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    tables = {
        f"{schema}.{table}"
        for schema, table in warehouse.execute(
            "select schema_name, table_name from duckdb_tables()"
        ).fetchall()
    }
    assert tables == TWINS.keys() - {"ops.checks"}
    for name in (_FACT, *(f"marts.{mart}" for mart in _MARTS)):
        found = warehouse.execute(f"select count(*), sum(cost) from {name}").fetchall()
        assert found[0][0] >= 3
        assert str(found[0][1]) == "0.014500000"


def test_checks_accept_recordings_of_the_local_day_after_as_of() -> None:
    east: Row = {
        **CLEAN["landed.settings"][0],
        "reporting_timezone": "Pacific/Auckland",
        "as_of": "2026-07-05",
    }
    gone = {"recording_sid": "R1", "deleted_at": "2026-07-05T14:00:00Z"}
    recordings: list[Row] = [{**CLEAN["landed.recordings"][0], **gone}, *CLEAN["landed.recordings"][1:]]
    landed = {**CLEAN, "landed.settings": [east], "landed.recordings": recordings}
    with connect() as connection:
        for name, rows in landed.items():
            create(connection, name, rows)
        for model in MODELS:
            build(connection, model)
        newest = connection.execute("select max(usage_date) from marts.daily_spend").fetchall()
        stopped = [
            check.name
            for check in CHECKS
            if check.severity == "fail" and not run_check(connection, check).is_passed
        ]
    assert newest == [(date(2026, 7, 6),)]
    assert stopped == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_check_finds_nothing_in_a_clean_warehouse(warehouse: duckdb.DuckDBPyConnection, check: Check) -> None:
    assert run_check(warehouse, check).is_passed


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_check_finds_what_is_planted(warehouse: duckdb.DuckDBPyConnection, check: Check) -> None:
    plants = PLANTED.get(check.name, [])
    assert plants or check.name in IN_EVERY_MART, f"Plant rows that {check.file} must find."
    for plant in plants:
        warehouse.execute("begin")
        try:
            changed = warehouse.execute(plant).fetchall()
            assert changed[0][0] > 0, f"planted nothing: {plant}"
            assert not run_check(warehouse, check).is_passed, f"not found: {plant}"
        finally:
            warehouse.execute("rollback")
    assert run_check(warehouse, check).is_passed


def test_every_planted_problem_belongs_to_a_check() -> None:
    assert PLANTED.keys() | IN_EVERY_MART <= {check.name for check in CHECKS}


def test_every_mart_is_checked() -> None:
    """Check the key of each mart, and the total of each mart that counts every recording."""
    sql = {check.name: check.sql for check in CHECKS}
    marts = [model for model in MODELS if model.name.startswith("marts.")]
    spend = [model for model in marts if model.twin.columns.keys() >= SPEND]
    assert [model.name for model in marts if f"from {model.name}" not in sql["keys_are_unique"]] == []
    assert [model.name for model in spend if f"from {model.name}" not in sql["marts_sum_to_fact"]] == []
    assert {model.name for model in spend} == {f"marts.{mart}" for mart in _MARTS}


def test_empty_warehouse_passes_every_check() -> None:
    with connect() as connection:
        for name in CLEAN:
            create(connection, name, [])
        for model in MODELS:
            build(connection, model)
        assert [check.name for check in CHECKS if not run_check(connection, check).is_passed] == []
