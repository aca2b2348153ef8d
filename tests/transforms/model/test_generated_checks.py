from collections.abc import Iterator

import duckdb
import pytest

from transforms.errors import ModelError
from transforms.model.generated_checks import equality_check, key_check, marks_check, sum_check
from transforms.model.models import DETAIL, FACT, Model, Twin, TwinColumn, TwinTotals, references


def mart(adds_up: TwinTotals, key: list[str], name: str = "marts.waste") -> Model:
    types = {"recordings": "BIGINT", "cost": "DECIMAL(38,9)"}
    columns = {column: TwinColumn(type_, column) for column, type_ in types.items()}
    return Model(name, "waste.sql", "", Twin("One row.", key, columns, adds_up=adds_up))


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


# A month that has other recordings only, which an `or` must not let in.
ANY = mart(
    TwinTotals(["recordings", "cost"], by={"kind": "'gone'"}, where="status = 'absent' or false"),
    ["month", "account_sid", "kind"],
)


@pytest.mark.parametrize("model", [GONE, EVERY_KIND, ANY])
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
        "insert into marts.waste from marts.waste",
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


def test_sum_check_shows_only_differences_of_an_or(detail: duckdb.DuckDBPyConnection) -> None:
    detail.execute("update marts.waste set account_sid = 'B'")
    found = detail.execute(sum_check([ANY]).sql).fetchall()
    assert {key for _, _, key, _ in found} == {"2026-07-01 A gone", "2026-07-01 B gone"}


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


RATED = Model(
    "marts.rated",
    "rated.sql",
    "",
    Twin(
        "One row.",
        ["month"],
        {
            "rate": TwinColumn("DECIMAL(18,9)", "Rate.", equals="cost / nullif(minutes, 0)"),
            "state": TwinColumn("VARCHAR", "State.", equals="if(cost > settings.most, 'above', 'within')"),
            "cost": TwinColumn("DECIMAL(38,9)", "Cost."),
        },
    ),
)
OTHER = Model("marts.other", "other.sql", "", Twin("One row.", ["month"], {}))


@pytest.fixture
def rated() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a mart with a ratio and a state; of its last row neither cost nor minutes are known."""
    with duckdb.connect() as connection:
        connection.execute(
            """
            create schema marts;
            create schema landed;
            create table landed.settings as select 5 as most;
            create table marts.rated as
            select month, rate::decimal(18, 9) as rate, cost::decimal(38, 9) as cost, minutes, state from (values
                (date '2026-07-01', '3.333333333', 10, 3, 'above'), (date '2026-08-01', '0', 0, 2, 'within'),
                (date '2026-09-01', null, null, 0, 'within')
            ) rows(month, rate, cost, minutes, state)
            """
        )
        yield connection


@pytest.mark.parametrize(
    "rounded", ["3.333333333", "3.333333334", "3.333333332"], ids=["nearest", "above", "below"]
)
def test_equality_check_allows_for_rounding(rated: duckdb.DuckDBPyConnection, rounded: str) -> None:
    rated.execute(f"update marts.rated set rate = {rounded} where cost = 10")
    check = equality_check([RATED, OTHER])
    assert rated.execute(check.sql).fetchall() == []
    assert references(check.sql, check.file) == {"marts.rated", "landed.settings"}
    assert check.severity == "fail"


@pytest.mark.parametrize(
    ("plant", "key", "found"),
    [
        ("rate = 3.333333335 where cost = 10", "2026-07-01", "rate is 3.333333335, not 3.3333333333333335"),
        ("rate = 0.0000001 where cost = 0", "2026-08-01", "rate is 0.000000100, not 0.0"),
        ("rate = null where cost = 0", "2026-08-01", "rate is null, not 0.0"),
        ("rate = 0 where cost is null", "2026-09-01", "rate is 0.000000000, not null"),
        ("state = 'within'", "2026-07-01", "state is within, not above"),
        ("state = null where cost = 0", "2026-08-01", "state is null, not within"),
    ],
)
def test_equality_check_names_what_differs(
    rated: duckdb.DuckDBPyConnection, plant: str, key: str, found: str
) -> None:
    rated.execute(f"update marts.rated set {plant}")
    assert rated.execute(equality_check([RATED]).sql).fetchall() == [("marts.rated", key, found)]


COLUMN = TwinColumn("VARCHAR", "Key.")
MARKS = {name: TwinColumn("BIGINT", "Mark.") for name in ("is_running", "days_read", "days_missing")}
MARKED = [
    Model("marts.months_read", "", "", Twin("One row.", ["month", "account_sid"], MARKS)),
    Model(
        "marts.by_account",
        "",
        "",
        Twin(
            "One row.", ["month", "account_sid"], {**dict.fromkeys(("month", "account_sid"), COLUMN), **MARKS}
        ),
    ),
    Model("marts.kept", "", "", Twin("One row.", ["storage_month"], {"storage_month": COLUMN, **MARKS})),
]


def test_marks_check_compares_with_the_account_or_all(rated: duckdb.DuckDBPyConnection) -> None:
    rated.execute(
        """
        create table marts.months_read as select * from (values
            (date '2026-07-01', 'A', false, 31, 0), (date '2026-07-01', null, false, 30, 1)
        ) rows(month, account_sid, is_running, days_read, days_missing);
        create table marts.by_account as select * from marts.months_read where account_sid = 'A';
        create table marts.kept as select * exclude (month, account_sid), month as storage_month
        from marts.months_read where account_sid is null
        """
    )
    statements = rated.extract_statements(marks_check([*MARKED, RATED]).sql)
    assert [rated.execute(each).fetchall() for each in statements] == [[], []]
    rated.execute("update marts.months_read set days_missing = 2 where account_sid is null")
    rated.execute("update marts.by_account set is_running = true")
    assert [rated.execute(each).fetchall() for each in statements] == [
        [
            (
                "marts.by_account",
                "2026-07-01 A",
                "is_running is true, not false",
            )
        ],
        [
            (
                "marts.kept",
                "2026-07-01",
                "days_missing is 1, not 2",
            )
        ],
    ]
