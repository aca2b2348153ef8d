"""The examples of `sql/examples`, each against a small warehouse and with an answer that was worked out by hand."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from flows.stores.shipped import shipped
from tests.support.sql.tables import GIVEN, MODELS, Row, build, connect, create
from transforms.report.text import to_text
from transforms.values.minutes import with_whole_minutes

EXAMPLES = sorted(shipped("sql", "examples").glob("*.sql"))


def recording(sid: str, day: str, price: str | None, **facts: object) -> Row:
    """Make a mono recording of two minutes for account A; `facts` override its values."""
    return {
        "recording_sid": sid,
        "account_sid": "A",
        "source": "DialVerb",
        "status": "completed",
        "channels": 1,
        "duration_seconds": 61,
        "price": price,
        "currency": "USD" if price else "XXX",
        "created_at": f"{day}T12:00:00Z",
        "updated_at": f"{day}T12:05:00Z",
        "first_seen_at": f"{day}T13:00:00Z",
        "first_priced_at": f"{day}T13:00:00Z" if price else None,
        "raw_page": f"raw/{sid}",
        **facts,
    }


# A (support) pays 0.0025 USD a minute, B (sales) 0.004 EUR in August and 0.006 in September. 3 August is a Monday.
RECORDINGS = [
    recording("R1", "2026-07-06", "-0.005"),
    recording("R2", "2026-08-03", "-0.005"),
    recording("R3", "2026-08-19", "-0.01", source="Conference", channels=2, duration_seconds=120),
    recording("R4", "2026-08-19", "-0.0025", status="failed", duration_seconds=30),
    recording("R5", "2026-09-02", "-0.0075", duration_seconds=180),
    recording("R6", "2026-09-09", None, duration_seconds=600),
    recording("R7", "2026-08-05", "-0.02", account_sid="B", currency="EUR", duration_seconds=300),
    recording("R8", "2026-08-06", "0", account_sid="B", currency="EUR", duration_seconds=2),
    recording("R9", "2026-09-03", "-0.03", account_sid="B", currency="EUR", duration_seconds=300),
]
AUGUST = [date(2026, 8, 1) + timedelta(days=number) for number in range(31)]
TABLES: Mapping[str, Sequence[Row]] = {
    "landed.settings": [
        {
            "reporting_timezone": "UTC",
            "as_of": "2026-09-10",
            "settle_days": 90,
            "accrual_rate_days": 30,
            "anomaly_window_days": 56,
            "anomaly_deviations": "4.5",
            "anomaly_min_share": "0.25",
            "short_recording_seconds": 5,
            "bill_tolerance_amount": "0.01",
            "bill_tolerance_share": "0",
            "bill_tolerance_minutes": "5",
            "bill_tolerance_recordings": 1,
            "unpriced_share_warning": "0.1",
        }
    ],
    "landed.accounts": [
        {"account_sid": "A", "account_name": "support", "provider": "signalwire"},
        {"account_sid": "B", "account_name": "sales", "provider": "signalwire"},
    ],
    "landed.recordings": RECORDINGS,
    # August is read whole; B is charged for one recording of five minutes more than it has, A for what it has.
    "landed.account_days": [
        {"account_sid": sid, "day": day, "is_covered": True, "has_usage_list": False}
        for sid in "AB"
        for day in AUGUST
    ],
    "landed.invoices": [
        {
            "account_sid": sid,
            "month": "2026-08-01",
            "category": "recordings",
            "quantity": minutes,
            "amount": amount,
            "currency": currency,
        }
        for sid, minutes, amount, currency in (("A", "5", "0.0175", "USD"), ("B", "11", "0.04", "EUR"))
    ],
    "ops.coverage": [
        {"account_sid": "A", "day": "2026-08-31", "is_covered": True},
        {"account_sid": "B", "day": "2026-08-31", "is_covered": False},
        {"account_sid": "B", "day": "2026-09-08", "is_covered": False},
        {"account_sid": "B", "day": "2026-09-09", "is_covered": False},
    ],
}

EXPECTED: Mapping[str, Sequence[str]] = {
    # A: 0.005 + 0.01 + 0.0025 in August, 0.005 in July. B: 0.02 + 0 in August, nothing before.
    "cost_by_account_last_month": [
        "sales EUR 0.020000000 -",
        "support USD 0.017500000 0.005000000",
    ],
    # EUR: 5 + 1 + 5 minutes cost 0.05. USD: 2 minutes of conferences cost 0.01; 2 + 2 + 1 + 3 of calls 0.02.
    "cost_per_minute_by_source": [
        "DialVerb EUR 11 0.050000000 0.000000000 0.004545",
        "Conference USD 2 0.010000000 0.000000000 0.005000",
        "DialVerb USD 8 0.020000000 0.000000000 0.002500",
    ],
    # R1 and R2 cost the same; the one whose sid comes first is third.
    "most_expensive_recordings": [
        "EUR R9 sales 2026-09-03 5 0.030000000 raw/R9",
        "EUR R7 sales 2026-08-05 5 0.020000000 raw/R7",
        "EUR R8 sales 2026-08-06 1 0.000000000 raw/R8",
        "USD R3 support 2026-08-19 2 0.010000000 raw/R3",
        "USD R5 support 2026-09-02 3 0.007500000 raw/R5",
        "USD R1 support 2026-07-06 2 0.005000000 raw/R1",
    ],
    # R6: ten minutes at 0.0025, what its account paid for calls in the last 30 days with a price.
    "cost_still_to_come": ["2026-09-01 support USD trailing 1 10 0.025000000"],
    # Wednesday: R3, R4, R5, R6, R7 on 19 August, 2 and 9 September, 5 August. Thursday: R8, R9. Monday: R1, R2.
    "busiest_weekdays": ["3 5 21 4", "4 2 6 2", "1 2 4 2"],
    # R4 failed and cost 0.0025 of 0.0175; R8 is too short and was free.
    "paid_for_unusable_recordings": [
        "2026-08-01 EUR 1 0.000000000 0.00",
        "2026-08-01 USD 1 0.002500000 14.29",
    ],
    "incomplete_months": ["2026-08-01 sales 1 0", "2026-09-01 sales 2 0", "2026-09-01 support 0 1"],
    # B's invoice: 0.04 for 11 minutes; its recordings: 0.02 for 6. Five minutes at 0.004 make the difference.
    "invoices_that_differ": ["2026-08-01 sales EUR 0.040000000 0.020000000 0.020000000 quantity"],
}


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        for name in GIVEN:
            create(connection, name, TABLES.get(name, []))
        for model in MODELS:
            build(connection, model)
        yield connection


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_gives_the_answer_worked_out_by_hand(
    warehouse: duckdb.DuckDBPyConnection, path: Path
) -> None:
    name = path.stem
    sql = path.read_text("utf-8")
    rows = with_whole_minutes(warehouse.sql(sql).to_arrow_table()).to_pylist()
    shown = [
        " ".join("-" if value is None else str(to_text(value)) for value in row.values()) for row in rows
    ]
    assert shown == list(EXPECTED[name])


def test_every_example_begins_with_its_question() -> None:
    questions = {path.stem: path.read_text("utf-8").splitlines()[0] for path in EXAMPLES}
    assert len(questions) == 8
    assert [
        name for name, line in questions.items() if not (line.startswith("-- ") and line.endswith("?"))
    ] == []
