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
                "anomaly_deviations": "5",
                "anomaly_min_share": "0.25",
                "short_recording_seconds": 5,
                "unpriced_share_warning": "0.1",
            }
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
    """Two accounts, something of everything, two weeks at one rate and two at another."""
    days = [date(2026, 8, 15) + timedelta(days=number // 4) for number in range(120)]
    return [
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
