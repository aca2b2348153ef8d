from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import TOP
from transforms.errors import ModelError
from transforms.model.models import (
    Model,
    Twin,
    TwinColumn,
    build_order,
    drift,
    read_check,
    read_twin,
    references,
)

SQL = TOP / "sql"

TWIN = """
description: "Spend by day. One row per day."
key: [usage_date]
columns:
  usage_date:
    type: DATE
    words: "Day of use."
    unit: "day"
  cost:
    type: "DECIMAL(38,9)"
    words: "What was charged."
"""


def model(name: str, sql: str) -> Model:
    return Model(name, f"sql/{name.replace('.', '/')}.sql", sql, Twin("One row.", [], {}))


def names(models: list[Model]) -> list[str]:
    return [each.name for each in models]


# Twins


def test_twin_has_description_key_and_columns_in_order() -> None:
    twin = read_twin(TWIN, "sql/marts/daily.yml")
    assert twin == Twin(
        "Spend by day. One row per day.",
        ["usage_date"],
        {
            "usage_date": TwinColumn("DATE", "Day of use.", "day"),
            "cost": TwinColumn("DECIMAL(38,9)", "What was charged.", ""),
        },
    )
    assert list(twin.columns) == ["usage_date", "cost"]


def test_column_comment_ends_with_its_unit() -> None:
    twin = read_twin(TWIN, "sql/marts/daily.yml")
    assert twin.columns["usage_date"].comment == "Day of use. Unit: day."
    assert twin.columns["cost"].comment == "What was charged."


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "Expected `object`"),
        ("- a\n- b\n", "Expected `object`"),
        ("a: [", "flow node"),
        ("\tx: y", "found character"),
        (TWIN.replace("key: [usage_date]\n", ""), "missing required field `key`"),
        (TWIN.replace("description", "descriptoin"), "descri"),
        (TWIN + "owner: me\n", "unknown field `owner`"),
        (TWIN.replace("unit:", "units:"), "unknown field `units`"),
        (TWIN.replace('    words: "What was charged."\n', ""), "missing required field `words`"),
        (TWIN.replace("type: DATE", "type: 7"), "Expected `str`"),
        (TWIN.replace("key: [usage_date]", "key: usage_date"), "Expected `array`"),
    ],
)
def test_invalid_twin_is_named_with_its_problem(text: str, what: str) -> None:
    with pytest.raises(ModelError, match=rf"^sql/marts/daily\.yml: [\s\S]*{what}"):
        read_twin(text, "sql/marts/daily.yml")


# Checks


@pytest.mark.parametrize("severity", ["fail", "warn"])
def test_check_has_its_severity_and_why_it_matters(severity: str) -> None:
    text = f"-- A duplicate key\n-- severity:  {severity}\n-- counts money twice.\nselect 1 -- severity: no\n"
    check = read_check("keys", text, "sql/checks/keys.sql")
    assert (check.name, check.file, check.sql) == ("keys", "sql/checks/keys.sql", text)
    assert check.severity == severity
    assert check.why == "A duplicate key counts money twice."


@pytest.mark.parametrize(
    "top",
    [
        "",
        "-- It matters.\n",
        "-- severity: error\n",
        "-- severity: FAIL\n",
        "-- severity:\n",
        "-- severity: fail or warn\n",
        "-- The severity: fail\n",
        "-- severity: fail\n-- severity: warn\n",
        "-- severity: fail\n-- severity: fail\n",
        "\n-- severity: fail\n",
        "select 2;\n-- severity: fail\n",
    ],
)
def test_check_without_one_clear_severity_is_named(top: str) -> None:
    with pytest.raises(ModelError, match=r"^sql/checks/keys\.sql: .*`severity: fail` or `severity: warn`"):
        read_check("keys", f"{top}select 1\n", "sql/checks/keys.sql")


# References


@pytest.mark.parametrize(
    ("sql", "read"),
    [
        ("select 1", set()),
        ("select * from landed.recordings", {"landed.recordings"}),
        (
            "select * from landed.recordings as r join landed.settings on true",
            {"landed.recordings", "landed.settings"},
        ),
        ("with r as (select * from landed.recordings) select * from r", {"landed.recordings"}),
        (
            "with recordings as (select * from landed.recordings) select * from recordings",
            {"landed.recordings"},
        ),
        ("with daily as (select 1) select * from marts.daily", {"marts.daily"}),
        ("with a as (select * from marts.m), b as (select * from a) select * from b, x", {"marts.m", "x"}),
        ("with recursive t as (select 1 union all select * from t) select * from t", set()),
        ("select * from marts.f where exists (select 1 from landed.q)", {"marts.f", "landed.q"}),
        ("select (select max(day) from ops.coverage) as day", {"ops.coverage"}),
        ("select * from a.x union all select * from a.y except select * from a.z", {"a.x", "a.y", "a.z"}),
        ('select * from "marts"."daily_spend" -- from marts.other', {"marts.daily_spend"}),
        ("select 'from marts.other' as text from marts.one", {"marts.one"}),
        ("select count(*) filter (where not is_priced) as n, from marts.one group by all", {"marts.one"}),
        ("select unnest(['marts.a', 'marts.b']) as model", set()),
    ],
)
def test_references_finds_tables_and_leaves_out_local_names(sql: str, read: set[str]) -> None:
    assert references(sql, "sql/marts/x.sql") == read


@pytest.mark.parametrize("sql", ["", "   ", "select from where", "select 'x", "selekt 1 fromm", "select (1"])
def test_references_reports_invalid_sql_in_one_line(sql: str) -> None:
    with pytest.raises(ModelError, match=r"^sql/marts/x\.sql: ") as raised:
        references(sql, "sql/marts/x.sql")
    assert "\n" not in str(raised.value)


# Build order


def test_build_order_puts_models_after_what_they_read() -> None:
    models = [
        model("marts.by_month", "select * from marts.daily"),
        model("marts.daily", "select * from marts.fct join landed.accounts on true"),
        model("staging.stg", "select * from landed.recordings"),
        model("marts.fct", "select * from staging.stg"),
    ]
    order = build_order(models, {"landed.recordings", "landed.accounts"})
    assert names(order) == ["staging.stg", "marts.fct", "marts.daily", "marts.by_month"]
    assert {id(each) for each in order} == {id(each) for each in models}


def test_build_order_of_nothing_is_empty() -> None:
    assert build_order([], ["landed.recordings"]) == []


def test_build_order_names_a_model_that_reads_an_unknown_table() -> None:
    models = [model("marts.a", "select * from landed.r"), model("marts.b", "select * from marts.aa, marts.a")]
    with pytest.raises(
        ModelError, match=r"^sql/marts/b\.sql reads marts\.aa, which is neither a model nor given"
    ):
        build_order(models, ["landed.r"])
    with pytest.raises(ModelError, match=r"^sql/marts/a\.sql reads landed\.r, "):
        build_order(models, [])


def test_build_order_does_not_know_a_table_without_its_schema() -> None:
    models = [model("marts.a", "select 1"), model("marts.b", "select * from a")]
    with pytest.raises(ModelError, match=r"^sql/marts/b\.sql reads a, "):
        build_order(models, ["landed.a"])


def test_build_order_names_every_model_of_a_cycle() -> None:
    models = [
        model("marts.a", "select * from marts.b"),
        model("marts.b", "select * from marts.c"),
        model("marts.c", "select * from marts.a"),
        model("marts.fine", "select * from marts.a"),
    ]
    with pytest.raises(ModelError, match="in a circle") as raised:
        build_order(models, [])
    assert {name for name in "abc" if f"sql/marts/{name}.sql" in str(raised.value)} == set("abc")
    assert "fine" not in str(raised.value)


def test_build_order_refuses_a_model_that_reads_itself() -> None:
    with pytest.raises(ModelError, match=r"in a circle: sql/marts/a\.sql → sql/marts/a\.sql"):
        build_order([model("marts.a", "select * from marts.a")], [])


@given(
    st.permutations(range(7)),
    st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12),
    st.randoms(),
)
@settings(max_examples=50)
def test_build_order_does_not_depend_on_the_order_given(
    ranks: list[int], pairs: set[tuple[int, int]], random: Random
) -> None:
    reads = {
        number: sorted(b for a, b in pairs if a == number and ranks[b] < ranks[a]) for number in range(7)
    }
    models = [
        model(
            f"marts.m{number}", " union all ".join(["select 1", *[f"select * from marts.m{b}" for b in read]])
        )
        for number, read in reads.items()
    ]
    order = names(build_order(models, []))
    assert sorted(order) == [f"marts.m{number}" for number in range(7)]
    for number, read in reads.items():
        for other in read:
            assert order.index(f"marts.m{other}") < order.index(f"marts.m{number}")
    random.shuffle(models)
    assert names(build_order(models, [])) == order


# Drift between a table and its twin


def test_drift_is_empty_for_a_table_like_its_twin() -> None:
    twin = read_twin(TWIN, "daily.yml")
    assert drift("marts.daily", twin, {"usage_date": "DATE", "cost": "DECIMAL(38,9)"}) == []


@pytest.mark.parametrize(
    ("built", "problems"),
    [
        ({"usage_date": "DATE"}, ["marts.daily has no column cost"]),
        (
            {"usage_date": "DATE", "cost": "DECIMAL(38,9)", "extra": "INTEGER"},
            ["the twin of marts.daily does not describe extra"],
        ),
        (
            {"usage_date": "DATE", "cost": "DOUBLE"},
            ["marts.daily.cost is DOUBLE, its twin says DECIMAL(38,9)"],
        ),
        (
            {"cost": "DECIMAL(38,9)", "usage_date": "DATE"},
            ["the columns of marts.daily are in a different order than in its twin"],
        ),
        (
            {"price": "DOUBLE", "usage_date": "VARCHAR"},
            [
                "marts.daily has no column cost",
                "the twin of marts.daily does not describe price",
                "marts.daily.usage_date is VARCHAR, its twin says DATE",
            ],
        ),
    ],
)
def test_drift_describes_each_difference_in_a_sentence(built: dict[str, str], problems: list[str]) -> None:
    assert drift("marts.daily", read_twin(TWIN, "daily.yml"), built) == problems


def test_drift_reports_a_key_without_a_column() -> None:
    twin = read_twin(TWIN.replace("key: [usage_date]", "key: [usage_date, day]"), "daily.yml")
    assert drift("marts.daily", twin, {"usage_date": "DATE", "cost": "DECIMAL(38,9)"}) == [
        "key column day of marts.daily is not a column"
    ]


# The shipped models and checks

MODEL_FILES = sorted([*SQL.glob("staging/**/*.sql"), *SQL.glob("marts/*/*.sql")])
CHECK_FILES = sorted(SQL.glob("checks/*/*.sql"))
TWIN_FILES = sorted([*SQL.glob("*/*.yml"), *SQL.glob("*/*/*.yml")])


def schema_of(file: Path) -> str:
    return file.relative_to(SQL).parts[0]


def shipped_models() -> list[Model]:
    return [
        Model(
            f"{schema_of(file)}.{file.stem}",
            str(file.relative_to(SQL.parent)),
            file.read_text(),
            read_twin(file.with_suffix(".yml").read_text(), str(file.with_suffix(".yml"))),
        )
        for file in MODEL_FILES
    ]


def test_shipped_models_can_be_built_from_filled_tables() -> None:
    filled = {
        f"{file.parent.name}.{file.stem}" for room in ("landed", "ops") for file in SQL.glob(f"{room}/*.yml")
    }
    order = names(build_order(shipped_models(), filled))
    spend = [
        "staging.stg_recordings",
        "marts.fct_recordings",
        "marts.daily_spend_detail",
        "marts.daily_spend",
    ]
    assert [name for name in order if name in spend] == spend
    assert {"marts.spend_by_source", "marts.spend_by_channels", "marts.spend_by_account"} <= set(order)


def test_shipped_models_and_twins_match_one_to_one() -> None:
    assert {file.with_suffix("") for file in TWIN_FILES if schema_of(file) in {"staging", "marts"}} == {
        file.with_suffix("") for file in MODEL_FILES
    }


@pytest.mark.parametrize("file", TWIN_FILES, ids=lambda file: f"{file.relative_to(SQL).parts[0]}.{file.stem}")
def test_shipped_twins_state_their_grain_and_have_key_columns(
    file: Path,
) -> None:
    twin = read_twin(file.read_text(), str(file))
    assert twin.description.rsplit(". ", 1)[-1].startswith("One row")
    assert twin.description.endswith(".")
    assert set(twin.key) <= set(twin.columns)
    assert all(column.words.endswith(".") for column in twin.columns.values())


@pytest.mark.parametrize("file", CHECK_FILES, ids=lambda file: file.stem)
def test_shipped_checks_read_only_existing_tables(file: Path) -> None:
    check = read_check(file.stem, file.read_text(), str(file))
    assert check.why.endswith(".")
    assert references(check.sql, check.file) <= {f"{schema_of(twin)}.{twin.stem}" for twin in TWIN_FILES}


# Facts about a mart in its twin


@pytest.mark.parametrize(("fact", "given"), [("month_from", "[day]"), ("adds_up", "{columns: [day]}")])
def test_drift_names_a_fact_about_a_column_that_is_missing(fact: str, given: str) -> None:
    twin = read_twin(f"{TWIN}{fact}: {given}\n", "sql/marts/daily.yml")
    built = {"usage_date": "DATE", "cost": "DECIMAL(38,9)"}
    assert drift("marts.daily", twin, built) == [f"{fact} column day of marts.daily is not a column"]
