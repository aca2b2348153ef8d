"""For every row of every mart, the recordings found for it are those it counts."""

from collections.abc import Sequence

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings

from tests.sql.test_mart_totals import ledgers, warehouse_of
from tests.support.sql.tables import MODELS, Row
from transforms.errors import ConfigError
from transforms.model.models import FACT, Model
from transforms.model.sums import FACT_SUMS
from transforms.report.explain import (
    Condition,
    additive,
    figures_sql,
    read_conditions,
    recordings_sql,
    sums_sql,
)
from transforms.report.text import to_text

BY_NAME = {model.name: model for model in MODELS}
MARTS = [model for model in MODELS if model.name.startswith("marts.")]


def is_explained(mart: Model) -> bool:
    try:
        recordings_sql(BY_NAME, mart, [])
    except ConfigError:
        return False
    return True


EXPLAINED = [mart for mart in MARTS if is_explained(mart)]


def key_rows(connection: duckdb.DuckDBPyConnection, mart: Model) -> list[dict[str, str]]:
    """Return the key of each row as a user would type it."""
    keys = ", ".join(f'"{column}"' for column in mart.twin.key)
    found = connection.execute(f"select {keys} from {mart.name}").fetchall()
    return [
        {column: to_text(value) or "" for column, value in zip(mart.twin.key, row, strict=True)}
        for row in found
    ]


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, object]]:
    found = connection.execute(sql)
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def unexplained(
    connection: duckdb.DuckDBPyConnection, mart: Model, conditions: Sequence[Condition]
) -> Sequence[object]:
    """Return figures that differ from the sum of their recordings, and vice versa."""
    recordings = recordings_sql(BY_NAME, mart, conditions)
    names = [*(["currency"] if "currency" in mart.twin.columns else []), *additive(mart)]
    figures, sums = (
        [{name: row[name] for name in names} for row in rows_of(connection, sql)]
        for sql in (figures_sql(mart, conditions), sums_sql(mart, recordings))
    )
    expected = [row for row in figures if any(row[name] for name in additive(mart))]
    found = [row for row in sums if any(row[name] for name in additive(mart))]
    return [row for row in expected if row not in found] + [row for row in found if row not in expected]


@pytest.mark.parametrize("mart", EXPLAINED, ids=lambda mart: mart.name)
def test_recordings_found_for_each_row_are_those_it_counts(
    mart: Model, plain: duckdb.DuckDBPyConnection
) -> None:
    rows = key_rows(plain, mart)
    assert rows, f"Let plain_ledger() give {mart.name} a row."
    for row in rows[:20]:
        conditions = read_conditions(mart, [f"{column}={value}" for column, value in row.items()])
        assert [each["rows"] for each in rows_of(plain, figures_sql(mart, conditions))] == [1], row
        assert unexplained(plain, mart, conditions) == [], row


@given(ledgers())
@settings(max_examples=3, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_recordings_found_for_part_of_a_key_are_those_it_counts(recordings: list[Row]) -> None:
    with warehouse_of(recordings) as connection:
        for mart in EXPLAINED:
            assert unexplained(connection, mart, []) == [], mart.name
            for row in key_rows(connection, mart)[:3]:
                part = [f"{column}={value}" for column, value in list(row.items())[::2]]
                assert unexplained(connection, mart, read_conditions(mart, part)) == [], (mart.name, part)


def test_rate_differences_count_charges_with_minutes_only() -> None:
    """The rate card says nothing of the others, so they are in no figure of the mart."""
    row: Row = {
        **{
            "recording_sid": "R1",
            "account_sid": "B",
            "source": "DialVerb",
            "status": "completed",
            "channels": 1,
        },
        **{"duration_seconds": 61, "price": "-0.01", "currency": "USD", "created_at": "2026-09-12T10:00:00Z"},
        **{"first_seen_at": "2026-09-12T11:00:00Z", "first_priced_at": "2026-09-12T11:00:00Z"},
    }
    others: Sequence[Row] = (
        {"duration_seconds": None},
        {"duration_seconds": 0},
        {"price": "0.01"},
        {"price": "-0.01"},
    )
    rows = [row, *({**row, "recording_sid": f"R{place}", **each} for place, each in enumerate(others, 2))]
    with warehouse_of(rows) as connection:
        mart = BY_NAME["marts.rate_differences"]
        found = connection.execute(recordings_sql(BY_NAME, mart, [])).fetchall()
        assert len(found) == 2
        assert unexplained(connection, mart, []) == []


def test_mart_that_counts_recordings_says_which() -> None:
    """Otherwise its twin needs `recordings`: columns with another name in a recording, or why it has none."""
    silent = [
        mart.name
        for mart in MARTS
        if mart not in EXPLAINED
        and not FACT_SUMS.keys().isdisjoint(mart.twin.columns)
        and not mart.twin.recordings.none
    ]
    assert silent == []


def test_rate_changes_and_adjustments_name_their_recordings(plain: duckdb.DuckDBPyConnection) -> None:
    for mart, expected in (
        (
            "marts.rate_changes",
            f"select count(*) from {FACT} as fact, marts.rate_changes as changes where usage_date = changed_on "
            "and rate = rate_after and fact.account_sid = changes.account_sid",
        ),
        ("marts.adjusted_recordings", "select count(*) from marts.adjusted_recordings"),
        (
            "marts.adjustments",
            "select sum(recordings_change) from marts.adjustments where kind <> 'undated'",
        ),
        (
            "marts.charge_corrections",
            "select sum(priced_recordings_change) from marts.charge_corrections",
        ),
    ):
        found = plain.execute(f"select count(*) from ({recordings_sql(BY_NAME, BY_NAME[mart], [])})")
        assert found.fetchall() == plain.execute(expected).fetchall() != [(0,)]
