from collections.abc import Iterator

import duckdb
import pytest

from transforms.errors import ModelError
from transforms.model.generated_checks import key_check, sum_check
from transforms.model.models import DETAIL, FACT, Model, Twin, TwinTotals, references


def mart(adds_up: TwinTotals, key: list[str], name: str = "marts.waste") -> Model:
    return Model(name, "waste.sql", "", Twin("One row.", key, {}, adds_up=adds_up))


@pytest.fixture
def detail() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a detail of three rows, and a mart by month and kind that agrees with it."""
    with duckdb.connect() as connection:
        connection.execute(
            """
            create schema marts;
            create table marts.daily_spend_detail as
            select * from (values
                (date '2026-07-01', 'A', 'absent', 2, 0.005), (date '2026-07-09', 'A', 'absent', 1, null),
                (date '2026-08-01', 'A', 'completed', 4, 0.01)
            ) rows(usage_date, account_sid, status, recordings, cost);
            create table marts.waste as
            select * from (values
                (date '2026-07-01', 'A', 'gone', 3, 0.005), (date '2026-08-01', 'A', 'gone', 0, null)
            ) rows(month, account_sid, kind, recordings, cost)
            """
        )
        yield connection


GONE = mart(
    TwinTotals(
        ["recordings", "cost"],
        by={"kind": "case status when 'absent' then 'gone' end"},
        where="status = 'absent'",
    ),
    ["month", "account_sid", "kind"],
)
EVERY_KIND = mart(TwinTotals(["recordings"], by={"kind": None}, where="status = 'absent'"), ["month", "kind"])


@pytest.mark.parametrize("model", [GONE, EVERY_KIND])
def test_sum_check_finds_nothing_where_sums_agree(detail: duckdb.DuckDBPyConnection, model: Model) -> None:
    assert detail.execute(sum_check([model]).sql).fetchall() == []


@pytest.mark.parametrize(
    "plant",
    [
        "update marts.waste set account_sid = 'B'",
        "update marts.waste set kind = 'absent'",
        "update marts.waste set kind = null",
        "update marts.waste set month = date '2026-06-01'",
        "update marts.waste set recordings = 2",
        "update marts.waste set cost = 0.006",
        "update marts.waste set cost = null",
        "delete from marts.waste",
        "insert into marts.waste values (date '2026-06-01', 'A', 'gone', 0, 0.01)",
    ],
)
def test_sum_check_finds_what_differs_by_key(detail: duckdb.DuckDBPyConnection, plant: str) -> None:
    detail.execute(plant)
    assert detail.execute(sum_check([GONE]).sql).fetchall() != []


def test_sum_check_names_the_mart_the_key_and_the_sums(detail: duckdb.DuckDBPyConnection) -> None:
    detail.execute("update marts.waste set cost = 0.006 where recordings > 0")
    assert sorted(detail.execute(sum_check([GONE]).sql).fetchall()) == [
        ("missing or different in the mart", "marts.waste", "2026-07-01 A gone", "recordings 3, cost 0.005"),
        ("only in the mart", "marts.waste", "2026-07-01 A gone", "recordings 3, cost 0.006"),
    ]


def test_sum_check_reads_only_marts_that_add_up() -> None:
    other = Model("marts.other", "other.sql", "", Twin("One row.", ["month"], {}))
    of_fact = mart(TwinTotals(["cost"], of=FACT), ["usage_date"], DETAIL)
    check = sum_check([GONE, of_fact, other])
    assert references(check.sql, check.file) == {"marts.waste", DETAIL, FACT}
    assert check.severity == "fail"


@pytest.mark.parametrize(
    ("totals", "words"),
    [
        (TwinTotals(["month"]), rf"waste\.sql: adds_up names month of {DETAIL}\. Use some of recordings, "),
        (
            TwinTotals(["cost"], of="marts.other"),
            rf"names cost of marts\.other\. Use some of {FACT}, {DETAIL}",
        ),
    ],
)
def test_sum_check_refuses_what_does_not_add_up(totals: TwinTotals, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        sum_check([mart(totals, ["month"])])


def test_key_check_reads_only_models_with_a_key() -> None:
    check = key_check([GONE, mart(TwinTotals(), [], "marts.all_in_one")])
    assert references(check.sql, check.file) == {"marts.waste"}
