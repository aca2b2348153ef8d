"""What the report page computes in its queries and the marts do not show."""

import duckdb

from flows.stores.shipped import shipped
from tests.support.sql.tables import Row, connect, create

SUPPORT, SALES, EMPTY = "AC1", "AC2", "AC3"


def selected(connection: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, object]]:
    """Return the rows of a SELECT of the page, ordered by their text."""
    sql = (next((shipped("sql") / "queries" / "page").rglob(f"{name}.sql"))).read_text("utf-8")
    return sorted(connection.sql(sql).to_arrow_table().to_pylist(), key=str)


def spent(account: str, currency: str, recordings: int, unpriced: int, cost: str | None) -> Row:
    return {
        "usage_date": "2026-09-01",
        "account_sid": account,
        "currency": currency,
        "recordings": recordings,
        "unpriced_recordings": unpriced,
        "billed_minutes": 2 * recordings,
        "priced_minutes": 2 * (recordings - unpriced),
        "cost": cost,
        "priced_recordings": recordings - unpriced,
        "unpriced_minutes": 2 * unpriced,
    }


def test_rejects_are_valued_at_the_mean_cost_of_each_currency() -> None:
    # Support: 8 priced recordings cost 4 USD, 2 cost 3 EUR; the mean over all 10 is 0.40 USD and 0.30 EUR.
    days = [
        spent(SUPPORT, "USD", 9, 1, "4"),
        spent(SUPPORT, "EUR", 2, 0, "3"),
        spent(SUPPORT, "XXX", 5, 5, None),
        spent(SALES, "XXX", 1, 1, None),
    ]
    with connect() as connection:
        create(connection, "marts.daily_spend", days)
        create(connection, "ops.rejects", [{"account_sid": sid} for sid in (SUPPORT, SUPPORT, SALES, EMPTY)])
        found = [
            (row["account_sid"], row["currency"], row["rejects"], str(row["hidden_cost"]))
            for row in selected(connection, "rejects")
        ]
    assert found == [
        (SUPPORT, "EUR", 2, "0.600000000"),
        (SUPPORT, "USD", 2, "0.800000000"),
        (SALES, None, 1, "None"),
        (EMPTY, None, 1, "None"),
    ]


def test_cube_has_days_for_three_months_before_the_newest() -> None:
    days = [
        {**spent(SUPPORT, "USD", 1, 0, "1"), "usage_date": day}
        for day in ("2026-05-30", "2026-05-31", "2026-06-01", "2026-06-02", "2026-09-20")
    ]
    with connect() as connection:
        create(connection, "marts.daily_spend", days)
        create(connection, "landed.settings", [{"as_of": "2026-11-23", "reporting_timezone": "UTC"}])
        found = {str(row["day"]): row["recordings"] for row in selected(connection, "cube")}
        (settings,) = selected(connection, "settings")
    assert found == {"2026-05-01": 2, "2026-06-01": 1, "2026-06-02": 1, "2026-09-20": 1}
    assert {name: str(value) for name, value in settings.items()} == {
        "as_of": "2026-11-23",
        "newest_day": "2026-09-20",
        "daily_from": "2026-06-01",
        "reporting_timezone": "UTC",
    }


def test_newest_day_without_recordings_is_the_newest_day_read() -> None:
    with connect() as connection:
        create(connection, "marts.daily_spend", [])
        create(connection, "landed.settings", [{"as_of": "2026-11-23"}])
        (settings,) = selected(connection, "settings")
    assert str(settings["newest_day"]) == "2026-11-23"
    assert str(settings["daily_from"]) == "2026-08-01"


def test_bill_sums_comparable_days_and_lists_those_that_differ() -> None:
    def day(day: str, difference: str | None, is_within: bool | None) -> Row:
        return {
            "against": "usage records",
            "period_start": day,
            "account_sid": SUPPORT,
            "currency": "USD",
            "our_cost": "1",
            "their_cost": None if difference is None else "2",
            "difference": difference,
            "rate_amount": difference,
            "is_comparable": difference is not None,
            "is_within_tolerance": is_within,
        }

    days = [
        day("2026-08-30", "0.5", False),
        day("2026-08-31", "0.001", True),
        day("2026-09-01", None, None),
        day("2026-05-01", "7", False),
    ]
    with connect() as connection:
        create(connection, "marts.reconciliation", days)
        create(
            connection,
            "marts.daily_spend",
            [{**spent(SUPPORT, "USD", 1, 0, "1"), "usage_date": "2026-09-20"}],
        )
        months = {
            str(row["month"]): (
                row["compared"],
                row["outside_tolerance"],
                row["not_comparable"],
                *(str(row[name]) for name in ("our_cost", "difference", "rate")),
            )
            for row in selected(connection, "reconciliation")
        }
        listed = [str(row["day"]) for row in selected(connection, "bill_days")]
    assert months == {
        "2026-05-01": (1, 1, 0, "1.000000000", "7.000000000", "7.000000000"),
        "2026-08-01": (2, 1, 0, "2.000000000", "0.501000000", "0.501000000"),
        "2026-09-01": (0, 0, 1, "None", "None", "None"),
    }
    assert listed == ["2026-08-30"]
