"""Each mart against the recordings it speaks of: what it adds up to, whatever the ledger."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sql_tables import GIVEN, MODELS, Row, build, connect, create

from transforms.models import references

FACT = "marts.fct_recordings"
LAST_DAY = date(2026, 9, 14)
KEYS = "account_sid, source, channels, currency"

TOTALS: Mapping[str, tuple[str, str]] = {
    "marts.effective_rates": (
        f"select usage_date, {KEYS}, sum(priced_minutes), sum(cost) from marts.effective_rates group by all",
        f"select usage_date, {KEYS}, sum(billed_minutes), sum(cost) from {FACT} "
        "where is_priced and billed_minutes > 0 group by all",
    ),
    "marts.expected_daily_spend": (
        "select usage_date, account_sid, source, channels, sum(recordings), sum(billed_minutes), sum(awaited_minutes), "
        "sum(cost), bool_or(expected_cost < cost) from marts.expected_daily_spend group by all",
        "select usage_date, account_sid, source, channels, count(*), coalesce(sum(billed_minutes), 0), "
        "coalesce(sum(billed_minutes) filter (where not is_priced), 0), sum(cost), "
        f"case when sum(cost) is not null then false end from {FACT} group by all",
    ),
    "marts.account_days": (
        "select usage_date, account_sid, sum(recordings), sum(billed_minutes), sum(cost) from marts.account_days "
        "where recordings > 0 or is_whole and expected_cost <> 0 group by all",
        "select usage_date, account_sid, count(*), coalesce(sum(billed_minutes), 0), sum(cost) "
        f"from {FACT} group by all",
    ),
    "marts.weekday_pattern": (
        "select account_sid, currency, round(sum(factor), 6), count(*) from marts.weekday_pattern group by all",
        "select distinct account_sid, currency, 7, 7 from marts.weekday_pattern",
    ),
    "marts.spend_weeks": (
        "select account_sid, currency, weeks_ago, round(7 * level, 5) from marts.spend_weeks where days = 7",
        "select account_sid, currency, weeks_ago, round(sum(expected_cost), 5) from marts.account_days "
        "where is_whole and unestimated_minutes = 0 and days_ago <= 56 group by all having count(expected_cost) = 7",
    ),
    "marts.spend_trends": (
        "select account_sid, currency, history_weeks, history_days, level >= 0 from marts.spend_trends",
        "select account_sid, currency, count(*), sum(days), true from marts.spend_weeks group by all",
    ),
    "marts.forecast_days": (
        "select account_sid, sum(cost), count(*) - count(distinct (usage_date, currency)) from marts.forecast_days "
        "group by all",
        f"select account_sid, sum(cost) filter (where usage_date >= '2026-09-01'), 0 from {FACT} group by all",
    ),
    "marts.forecast": (
        "select account_sid, sum(cost), count(*) - count(distinct currency), "
        "bool_and(coalesce(cost <= expected_cost, true) and coalesce(low_cost between coalesce(cost, 0) and "
        "expected_cost and expected_cost <= high_cost, true)) from marts.forecast group by all",
        f"select account_sid, sum(cost) filter (where usage_date >= '2026-09-01'), 0, true from {FACT} group by all",
    ),
    "marts.budgets": (
        "select month, account_sid, currency, budget, cost from marts.budgets",
        "select month, budgets.account_sid, budgets.currency, amount, sum(cost) from landed.budgets "
        "cross join (values (date '2026-08-01'), (date '2026-09-01')) as months (month) "
        f"left join {FACT} as fact on fact.currency = budgets.currency and date_trunc('month', usage_date) = month "
        "and coalesce(budgets.account_sid, fact.account_sid) = fact.account_sid group by all",
    ),
    "marts.daily_ranges": (
        "select usage_date, account_sid, currency, measure, value, median between lower_bound and upper_bound "
        "from marts.daily_ranges",
        "select usage_date, account_sid, currency, measure, "
        "case measure when 'cost' then expected_cost else billed_minutes end, true from marts.account_days "
        "join (select distinct usage_date, account_sid, currency, measure from marts.daily_ranges) "
        "using (usage_date, account_sid, currency)",
    ),
    "marts.anomalies": (
        "select usage_date, account_sid, currency, measure, value, median + difference from marts.anomalies",
        "select usage_date, account_sid, currency, measure, value, value from marts.daily_ranges "
        "where value not between lower_bound and upper_bound",
    ),
    "marts.rate_changes": (
        "select changed_on, rate_after, first_recording_sid, first_created_at from marts.rate_changes",
        "select changed_on, rate_after, min_by(recording_sid, (created_at, recording_sid)), min(created_at) "
        f"from marts.rate_changes as changes left join {FACT} as fact on usage_date = changed_on and rate = rate_after "
        + "".join(f" and fact.{key} is not distinct from changes.{key}" for key in KEYS.split(", "))
        + " group by changes.account_sid, changes.source, changes.channels, changes.currency, changed_on, rate_after",
    ),
}
"""For each mart that is no sum of all recordings: a query of it, and one of the recordings that finds as much."""


@st.composite
def ledgers(draw: st.DrawFn) -> list[Row]:
    """Recordings of two accounts over some weeks: prices, their absence, free ones, other currencies, deletions."""
    count = draw(st.integers(0, 60))
    moments = st.integers(0, 30 * 24 * 60)
    rows: list[Row] = []
    for number in range(count):
        created_at = (
            f"{LAST_DAY - timedelta(days=draw(st.integers(0, 40)))}T{draw(st.integers(0, 23)):02}:30:00Z"
        )
        duration = draw(st.sampled_from([None, 0, 3, 59, 60, 61, 600]))
        rate = draw(st.sampled_from([None, "0", "0.0025", "0.004"]))
        minutes = -(-(duration or 0) // 60)
        price = None if rate is None else str(-Decimal(rate) * minutes)
        created = date.fromisoformat(created_at[:10])
        deleted = draw(st.sampled_from([None, None, None, draw(moments)]))
        rows.append(
            {
                "recording_sid": f"R{number:03}",
                "account_sid": draw(st.sampled_from("AB")),
                "source": draw(st.sampled_from(["DialVerb", "Conference"])),
                "status": draw(st.sampled_from(["completed", "completed", "absent", "failed", "processing"])),
                "channels": draw(st.sampled_from([1, 2, None])),
                "duration_seconds": duration,
                "price": price,
                "currency": draw(st.sampled_from(["USD", "USD", "EUR", "XXX"])),
                "created_at": created_at,
                "error_code": draw(st.sampled_from([None, None, "13221"])),
                "first_seen_at": created_at,
                "first_priced_at": None
                if price is None
                else f"{created + timedelta(days=draw(st.integers(1, 20)))}T06:00:00Z",
                "deleted_at": None
                if deleted is None
                else f"{created + timedelta(minutes=deleted) + timedelta(days=1)}T07:00:00Z",
            }
        )
    return rows


@contextmanager
def warehouse_of(recordings: list[Row]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Every model over these recordings, with the tables beside them that a run would have."""
    beside: Mapping[str, list[Row]] = {
        "landed.settings": [
            {
                "reporting_timezone": "UTC",
                "as_of": LAST_DAY.isoformat(),
                "settle_days": 90,
                "anomaly_window_days": 56,
                "anomaly_deviations": "4.5",
                "anomaly_min_share": "0.25",
                "short_recording_seconds": 5,
                "unpriced_share_warning": "0.1",
            }
        ],
        "landed.budgets": [
            {"account_sid": sid, "valid_from": "2026-08-01", "currency": currency, "amount": "0.1"}
            for sid in (None, "A")
            for currency in ("USD", "EUR", "XXX")
        ],
        "landed.accounts": [{"account_sid": sid, "account_name": f"name of {sid}"} for sid in "AB"],
        "landed.recordings": recordings,
    }
    with connect() as connection:
        for name in {name for model in MODELS for name in references(model.sql, model.file)} & GIVEN.keys():
            create(connection, name, beside.get(name, []))
        for model in MODELS:
            build(connection, model)
        yield connection


def differences(connection: duckdb.DuckDBPyConnection, mart: str) -> Sequence[object]:
    """Rows of one query and not of the other."""
    found, expected = TOTALS[mart]
    return connection.execute(
        f"(({found}) except all ({expected})) union all (({expected}) except all ({found}))"
    ).fetchall()


@given(ledgers())
@settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_every_mart_adds_up_to_its_recordings(recordings: list[Row]) -> None:
    with warehouse_of(recordings) as connection:
        assert {mart: differences(connection, mart) for mart in TOTALS} == {mart: [] for mart in TOTALS}


def plain_ledger() -> list[Row]:
    """Two accounts, something of everything, two weeks at one rate and two at another, ten hours on the last day."""
    days = [date(2026, 8, 15) + timedelta(days=number // 4) for number in range(120)]
    rows: list[Row] = [
        {
            "recording_sid": f"R{number:03}",
            "account_sid": "AB"[number % 2],
            "source": "DialVerb",
            "status": ["completed", "failed", "absent"][number % 3],
            "channels": 1,
            "duration_seconds": 61 if number % 5 else 3,
            "price": None if number % 7 == 0 else "-0.005" if number < 60 else "-0.008",
            "currency": "USD",
            "created_at": f"{day}T10:00:00Z",
            "first_seen_at": f"{day}T11:00:00Z",
            "first_priced_at": None
            if number % 7 == 0
            else f"{date(2026, 8, 18) + timedelta(days=number // 4)}T11:00:00Z",
            "deleted_at": "2026-09-13T10:00:00Z" if number % 11 == 0 else None,
        }
        for number, day in enumerate(days)
    ]
    ten_hours = {"recording_sid": "R120", "duration_seconds": 36_000, "price": "-2.4", "deleted_at": None}
    return [*rows, {**rows[-1], **ten_hours}]


@pytest.mark.parametrize("mart", TOTALS)
def test_a_row_that_is_planted_is_seen(mart: str) -> None:
    with warehouse_of(plain_ledger()) as connection:
        assert differences(connection, mart) == []
        (planted,) = connection.execute(f"insert into {mart} select * from {mart} limit 1").fetchone() or (0,)
        assert planted == 1
        assert differences(connection, mart) != []


def test_every_mart_is_held_to_its_recordings() -> None:
    """By its total here, or, when it has a row for every recording, by the check `marts_sum_to_fact`."""
    marts = [model for model in MODELS if model.name.startswith("marts.") and model.name != FACT]
    derived = {model.name for model in marts if "unpriced_recordings" not in model.twin.columns}
    assert derived == TOTALS.keys()
