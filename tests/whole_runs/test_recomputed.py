"""Every figure of the warehouse against the second opinion of `recomputed`, cell by cell, after eventful months."""

import ast
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support import TOP
from tests.support.runs.eventful_runs import Refund, Story, Surge, Told, tell
from tests.support.runs.wide_models import WIDE, not_the_union
from tests.whole_runs.recomputed.comparison import Comparison
from tests.whole_runs.recomputed.figures.spend import fct_recordings
from tests.whole_runs.recomputed.given import Given, Settings
from tests.whole_runs.recomputed.raw import report
from tests.whole_runs.recomputed.tables import REPORTS, TABLES

SECOND_OPINION = TOP / "tests" / "whole_runs" / "recomputed"

SUMMER = (date(2026, 8, 20), date(2026, 8, 25), date(2026, 9, 1), date(2026, 9, 3), date(2026, 9, 10))
AUTUMN = (date(2026, 9, 25), date(2026, 10, 1), date(2026, 10, 6), date(2026, 10, 20))
CLOSINGS = {date(2026, 8, 25): ["2026-07"], date(2026, 9, 3): ["2026-08"], date(2026, 10, 6): ["2026-09"]}
CHANGES = ("late-prices", "corrections", "deletions", "inserts")
TROUBLES = ("throttle", "flaky", "lost-cursor", "duplicates", "bad-records", "huge-page")
USAGE_ERRORS = ("usage-extra", "usage-minutes", "usage-price", "usage-missing")

SMALL = Story(5, "America/New_York", SUMMER[:3], {date(2026, 8, 25): ["2026-07"]}, recordings=150, edits=25)
STORIES = {
    "Berlin": Story(
        1,
        "Europe/Berlin",
        (*SUMMER, *AUTUMN),
        CLOSINGS,
        hour=23,
        faults=(*CHANGES, "bad-records", "duplicates"),
    ),
    "UTC, an API in trouble": Story(
        2,
        "UTC",
        (*SUMMER, *AUTUMN),
        CLOSINGS,
        faults=(*CHANGES, *TROUBLES),
        dialect="day-exclusive",
        concurrency=8,
        twilio=2,
    ),
    "Auckland, days not read": Story(
        3,
        "Pacific/Auckland",
        (*SUMMER, *AUTUMN),
        CLOSINGS,
        accounts=3,
        twilio=2,
        faults=(*CHANGES, *USAGE_ERRORS),
        unread=(date(2026, 8, 3), date(2026, 8, 6)),
    ),
    "New York, then Tokyo": Story(
        5,
        "America/New_York",
        SUMMER,
        {date(2026, 8, 25): ["2026-07"], date(2026, 9, 3): ["2026-08"]},
        recordings=450,
        edits=40,
        zone_at_last="Asia/Tokyo",
    ),
    "Kathmandu, closed late": Story(
        4,
        "Asia/Kathmandu",
        (*SUMMER, *AUTUMN),
        {date(2026, 9, 10): ["2026-07", "2026-08"]},
        recordings=900,
        edits=25,
        left_behind=date(2026, 9, 25),
    ),
    "London, with busy days and weeks": Story(
        7,
        "Europe/London",
        (*SUMMER, *AUTUMN),
        CLOSINGS,
        accounts=3,
        edits=20,
        surges=[
            Surge(0, date(2026, 8, 24), date(2026, 9, 30), 9),
            Surge(1, date(2026, 9, 9), date(2026, 9, 9), 20),
            Surge(1, date(2026, 9, 28), date(2026, 9, 28), 15),
            Surge(2, date(2026, 7, 1), date(2026, 9, 2), 7),
        ],
    ),
    "Halifax, with credits": Story(
        6,
        "America/Halifax",
        (*SUMMER, *AUTUMN),
        CLOSINGS,
        recordings=500,
        accounts=3,
        edits=20,
        credits={
            date(2026, 8, 20): ("count", "net", "net"),
            date(2026, 9, 1): ("net", "net", "net"),
            date(2026, 9, 25): ("net", "count", "net"),
        },
        refunds={
            date(2026, 8, 20): [
                Refund(0, "2026-07", 0.2),
                Refund(1, "2026-07", 0.2),
                Refund(2, "2026-07", 0.8),
            ],
            date(2026, 9, 3): [Refund(0, "2026-08", 0.3), Refund(1, "2026-08", 0.2)],
            date(2026, 9, 10): [
                Refund(0, "2026-07", 0.3),
                Refund(1, "2026-08", 0.3),
                Refund(2, "2026-08", 0.2),
            ],
            date(2026, 10, 6): [Refund(0, "2026-09", 0.4), Refund(2, "2026-09", 0.2)],
            date(2026, 10, 20): [
                Refund(2, "2026-07", 0.2),
                Refund(2, "2026-08", 0.5),
                Refund(2, "2026-09", 0.8),
            ],
        },
    ),
}


def reference(sids: Sequence[str]) -> Mapping[str, str]:
    """Return reference files with every kind of line, for the accounts of a story."""
    first, last = sids[0], sids[-1]
    return {
        "rate_card": "account_sid,source,channels,currency,valid_from,price_per_minute\n"
        ",,,USD,2026-07-01,0.0025\n"
        ",,,USD,2026-08-10,0.0026\n"
        ",Trunking,2,USD,2026-07-01,0.0049\n"
        ",,2,USD,2026-07-01,0.005\n"
        ",DialVerb,,USD,2026-07-05,0.0025\n"
        f"{first},DialVerb,2,USD,2026-08-15,0.0051\n"
        f"{first},,,USD,2026-09-01,0.0027\n"
        ",Conference,,EUR,2026-07-01,0.003\n"
        f"{last},,,EUR,2026-09-01,0.0028\n"
        ",,1,EUR,2026-08-01,0.0026\n",
        "storage_rates": "account_sid,currency,valid_from,price_per_minute_month,free_minutes\n"
        ",USD,2026-07-01,0.0005,100\n"
        ",EUR,2026-07-20,0.0004,30\n"
        f"{last},EUR,2026-08-10,0.0006,50\n",
        "budgets": "account_sid,valid_from,currency,amount\n"
        ",2026-07,USD,1.5\n"
        ",2026-09,USD,0.9\n"
        f"{last},2026-08,EUR,1\n"
        f"{last},2026-10,EUR,\n",
        "holidays": "account_sid,day,name\n"
        ",2026-09-07,Labor Day\n"
        f"{first},2026-09-03,Day off\n"
        f"{first},2026-09-07,Own day\n"
        f"{last},2026-08-27,Outing\n",
        "invoices": "account_sid,month,category,quantity,amount,currency\n"
        f"{first},2026-07,recordings,300,1.25,USD\n"
        f"{first},2026-08,recordings,310,1.4,USD\n"
        f"{first},2026-08,calls,10,0.5,USD\n"
        f"{last},2026-08,recordings,250,0.9,EUR\n"
        f"{last},2026-09,recordings,200,1.1,EUR\n",
    }


EVERY_TABLE = {table.name for table in (*TABLES, *REPORTS)}
# rates_in_turn: where short recordings make another rate prevail now and then.
ONLY_BY_CHANCE = {"marts.rates_in_turn", "marts.anomalies", "marts.spend_shifts"}
ONLY_WITH_GAPS = {"landed.unread_days", "reports.holes"}
ONLY_WITH_CREDITS = {"marts.charge_signs", "landed.closed_terms"}


@contextmanager
def opened(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def rows_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = connection.sql(f"select * from {table}").to_arrow_table().to_pylist()
    return rows


def compared(told: Told, warehouse: Path | None = None) -> Comparison:
    """Compare all tables of a story. warehouse: another file than the story's own."""
    given = Given(
        told.data_dir,
        Settings(told.zone),
        told.names,
        told.providers,
        increments=told.increments,
        net=_net(told.credits),
        net_at_closing={
            date.fromisoformat(f"{month}-01"): _net(said) for month, said in told.credits_at.items()
        },
    )
    facts, comparison = fct_recordings(given), Comparison()
    with opened(warehouse or told.data_dir / "warehouse.duckdb") as connection:
        for table in TABLES:
            found = rows_of(connection, table.name)
            comparison.compare(table.name, table.key, found, table.rows(given, facts))
    for table in REPORTS:
        expected = list(table.rows(given, facts))
        found = report(told.data_dir, table.name.removeprefix("reports."), expected)
        comparison.compare(table.name, table.key, found, expected)
    return comparison


def _net(credits: Mapping[str, str]) -> set[str]:
    return {sid for sid, meaning in credits.items() if meaning == "net"}


@pytest.fixture(scope="module", autouse=True)
def small_parts() -> Iterator[None]:
    """Make each month of each account a part of the lake by itself, so that the parts differ in what changes when."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("transforms.model.wide.PART_BYTES", 1)
        yield


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return tell(SMALL, tmp_path_factory.mktemp("small") / "data", reference)


def test_recomputed_figures_agree_after_a_summer(small: Told) -> None:
    comparison = compared(small)
    assert not comparison.differences, str(comparison)
    assert comparison.cells.total() > 30_000


def test_wide_models_are_the_union_of_their_parts(small: Told) -> None:
    made = small.data_dir / "wide" / "daily_spend_detail"
    assert len(list(made.iterdir())) >= 3
    with opened(small.data_dir / "warehouse.duckdb") as connection:
        assert not_the_union(connection) == {}
        for model in WIDE:
            ((rows,),) = connection.execute(f"select count(*) from {model.name}").fetchall()
            # Whether a rate changes in a short story is chance; the longer ones have changes.
            assert rows > 0 or model.name == "staging.stg_first_recordings", model.name


@pytest.mark.slow
@pytest.mark.parametrize("name", STORIES)
def test_recomputed_figures_agree_after_eventful_months(name: str, tmp_path: Path) -> None:
    story = STORIES[name]
    told = tell(story, tmp_path / "data", reference)
    with opened(told.data_dir / "warehouse.duckdb") as connection:
        assert not_the_union(connection) == {}
    comparison = compared(told)
    assert not comparison.differences, str(comparison)
    assert comparison.cells.total() > 60_000
    may_be_empty = ({"marts.rates_in_turn"} if story.surges else ONLY_BY_CHANCE) | (
        set() if story.credits else ONLY_WITH_CREDITS
    )
    may_be_empty |= ONLY_WITH_GAPS if story.unread is None else set()
    assert EVERY_TABLE - comparison.cells.keys() <= may_be_empty


@pytest.mark.slow
def test_recomputed_figures_agree_with_any_increment(tmp_path: Path) -> None:
    # Of these, money has nine decimals at most. The others are in test_ledger.py.
    story = replace(SMALL, accounts=3, twilio=2, increments=(6, 15, 60), increments_at_last=(30, 15, 6))
    comparison = compared(tell(story, tmp_path / "data", reference))
    assert not comparison.differences, str(comparison)


@pytest.mark.slow
def test_recomputed_figures_agree_with_credits(tmp_path: Path) -> None:
    story = replace(
        SMALL,
        accounts=3,
        credits={SUMMER[0]: ("count", "net", "net"), SUMMER[2]: ("net", "count", "net")},
        refunds={
            SUMMER[0]: [Refund(0, "2026-07", 0.2), Refund(1, "2026-07", 0.2), Refund(2, "2026-07", 0.7)],
            SUMMER[2]: [Refund(0, "2026-08", 0.2), Refund(1, "2026-07", 0.2), Refund(2, "2026-08", 0.9)],
        },
    )
    comparison = compared(tell(story, tmp_path / "data", reference))
    assert not comparison.differences, str(comparison)
    assert comparison.cells["marts.charge_signs"] == 15


# Which row comes first may differ from run to run; that there is a value to change must not.
ERRORS = {
    "a cost that is too high by the last decimal": (
        "update marts.daily_spend set cost = cost + 0.000000001 where rowid = "
        "(select min(rowid) from marts.daily_spend where cost is not null)",
        "marts.daily_spend",
    ),
    "an unknown cost that became 0": (
        "update marts.fct_recordings set cost = 0 where recording_sid = "
        "(select min(recording_sid) from marts.fct_recordings where cost is null)",
        "marts.fct_recordings",
    ),
    "a row that is missing": ("delete from marts.waste where rowid = 1", "marts.waste"),
    "a row that is not expected": (
        "insert into marts.effective_rates by name select * replace ('JPY' as currency) "
        "from marts.effective_rates where rowid = 3",
        "marts.effective_rates",
    ),
    "a rounding in the wrong direction": (
        "update marts.spend_by_account set cost_per_minute = cost_per_minute + 0.000000001 where rowid = "
        "(select min(rowid) from marts.spend_by_account where cost_per_minute is not null)",
        "marts.spend_by_account",
    ),
    "an instant an hour late": (
        "update ops.coverage set fetched_at = fetched_at + interval 1 hour where rowid = "
        "(select min(rowid) from ops.coverage where fetched_at is not null)",
        "ops.coverage",
    ),
    "an interval that is a little too wide": (
        "update marts.forecast set high_cost = high_cost * 1.0001 where rowid = "
        "(select min(rowid) from marts.forecast where high_cost > 0.001)",
        "marts.forecast",
    ),
    "a bound that is a little too high": (
        "update marts.daily_ranges set upper_bound = upper_bound * 1.0001 where rowid = "
        "(select min(rowid) from marts.daily_ranges where measure = 'cost' and upper_bound > 0.01)",
        "marts.daily_ranges",
    ),
    "a budget that is exceeded and said to hold": (
        "update marts.budgets set budget_status = 'within' where rowid = "
        "(select min(rowid) from marts.budgets where budget_status <> 'within')",
        "marts.budgets",
    ),
    "prices of different signs": (
        "update ops.corrections set price_after = -price_after where rowid = "
        "(select min(rowid) from ops.corrections where price_after <> 0)",
        "ops.corrections",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_recomputed_figures_show_a_planted_error(name: str, small: Told, tmp_path: Path) -> None:
    change, table = ERRORS[name]
    warehouse = tmp_path / "warehouse.duckdb"
    shutil.copy(small.data_dir / "warehouse.duckdb", warehouse)
    with duckdb.connect(str(warehouse)) as connection:
        assert connection.execute(change).fetchall() == [(1,)]
    differences = compared(small, warehouse).differences
    assert len(differences) == 1
    assert differences[0].startswith(f"{table} ")


def test_second_opinion_imports_nothing_of_ours() -> None:
    modules = sorted(SECOND_OPINION.rglob("*.py"))
    imported = {(path.name, name) for path in modules for name in imports_of(path)}
    foreign = {
        (file, name)
        for file, name in imported
        if name.partition(".")[0] not in sys.stdlib_module_names
        and not f"{name}.".startswith("tests.whole_runs.recomputed.")
    }
    assert foreign == {("raw.py", "pyarrow")}
    assert {name for _, name in imported} >= {"decimal", "fractions", "zoneinfo"}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield str(node.module)
