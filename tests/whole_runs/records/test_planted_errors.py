"""Errors that our own code could make when it writes the lake: the next build finds each, without closed months."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from flows.emulator import Recording, open_living, serve
from flows.run.full_check import check_all_pages
from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.stores.lake.commit import LakeFile
from flows.stores.lake.lake import Lake
from flows.stores.shipped import shipped
from flows.stores.warehouse.sql_files import read_checks, read_models
from tests.support.runs.ledger_runs import accesses_of, rows_of
from tests.support.runs.living_runs import ACCOUNTS, context_by, epoch_of, instant, made
from transforms.errors import DataError
from transforms.values.dates import INSTANT

SUPPORT = ACCOUNTS[0]
FIRST = date(2026, 7, 1)
FIGURES, DETAILS = "lake_figures_equal_raw_pages", "lake_details_equal_raw_pages"
pytestmark = pytest.mark.builds("marts.daily_spend")


def ledger(*, is_late: bool) -> list[Recording]:
    """Return forty recordings over two months, the newest first. Every fourth price is late."""
    days = [made(SUPPORT, n, epoch_of(FIRST + timedelta(days=n), 40_000)) for n in reversed(range(40))]
    return [
        replace(each, price=None, currency=None) if each.sequence % 4 == 0 and not is_late else each
        for each in days
    ]


def read_twice(data_dir: Path) -> tuple[RunContext, RunSummary]:
    """Read the ledger before and after the late prices arrive, and build the models."""
    for is_late in (False, True):
        with serve(open_living(ledger(is_late=is_late))) as emulator:
            now = instant(epoch_of(FIRST + timedelta(days=41 + is_late), 40_000))
            context = context_by(lambda now=now: now, accesses_of(emulator), data_dir)  # type: ignore[misc]
            context = replace(context, names={SUPPORT: "support"})
            summary = perform(context, RunRequest(first=FIRST))
    return context, summary


def column(
    name: str, change: Callable[[pa.ChunkedArray, pa.Table], pa.ChunkedArray]
) -> Callable[[pa.Table], pa.Table]:
    def changed(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        values = change(table[name], table)
        return table.set_column(place, table.schema.field(name), values.cast(table.schema.field(name).type))

    return changed


def tenth(_: pa.ChunkedArray, table: pa.Table) -> pa.Array:
    gone_at = pa.scalar(instant(epoch_of(date(2026, 8, 1))), INSTANT)
    marked = [gone_at if n % 10 == 0 else pa.scalar(None, INSTANT) for n in range(table.num_rows)]
    return pa.array([each.as_py() for each in marked], INSTANT)


def lost(prices: pa.ChunkedArray, table: pa.Table) -> pa.ChunkedArray:
    was_late = pc.greater(table["first_priced_at"], table["first_seen_at"])
    return pc.if_else(pc.fill_null(was_late, False), pa.scalar(None, prices.type), prices)


PLANTED: dict[str, Callable[[pa.Table], pa.Table]] = {
    "currency": column("currency", lambda values, _: pc.if_else(pc.equal(values, "USD"), "EUR", "USD")),
    "created_at": column("created_at", lambda values, _: pc.add(values, pa.scalar(timedelta(hours=5)))),
    "duration_seconds": column("duration_seconds", lambda values, _: pc.multiply(values, 60)),
    "price": column("price", lambda values, _: pc.multiply(values, pa.scalar(Decimal(10)))),
    "price late": column("price", lost),
    "deleted_at": column("deleted_at", tenth),
    "source": column(
        "source", lambda values, _: pc.if_else(pc.equal(values, "DialVerb"), "Trunking", "DialVerb")
    ),
    "recording": lambda table: table.slice(1),
}


SAMPLED = ("price", "created_at")
"""What `make test` tries; `make test-slow` tries every error."""


def planting(error: Callable[[pa.Table], pa.Table]) -> Callable[[Lake, str, str, pa.Table], LakeFile]:
    write = Lake.write
    return lambda lake, sid, month, table: write(lake, sid, month, error(table))


@pytest.mark.parametrize(
    "name",
    [name if name in SAMPLED else pytest.param(name, marks=pytest.mark.slow) for name in PLANTED],
)
def test_planted_error_stops_the_run_and_is_named(name: str, tmp_path: Path) -> None:
    with patch.object(Lake, "write", planting(PLANTED[name])):
        context, summary = read_twice(tmp_path)
    assert summary.exit_code == 1
    stopping = {result.check.name: result for result in summary.stopping_checks}
    assert FIGURES in stopping
    field = name.partition(" ")[0]
    (row,) = rows_of(tmp_path, f"from ops.raw_comparison where field = '{field}'")
    assert row["differing"] > 0
    assert row["is_figure"]
    assert row["example_sid"]
    assert row["raw_page"].startswith("raw/account_sid=")
    # The whole comparison finds it as well, and how often.
    sql = shipped("sql")
    compared, results = check_all_pages(context, read_checks(sql, read_models(sql)))
    assert compared == 40
    assert {result.check.name for result in results if not result.is_passed} == {FIGURES}


def test_planted_status_only_warns(tmp_path: Path) -> None:
    error = column("status", lambda values, _: pc.if_else(pc.equal(values, "completed"), "stopped", values))
    with patch.object(Lake, "write", planting(error)):
        _, summary = read_twice(tmp_path)
    assert summary.exit_code == 0
    assert [result.check.name for result in summary.checks if not result.is_passed and not result.stops] == [
        DETAILS
    ]


def test_right_lake_agrees_with_all_of_its_pages(tmp_path: Path) -> None:
    context, summary = read_twice(tmp_path)
    assert summary.exit_code == 0
    found = rows_of(
        tmp_path,
        "select sum(compared)::bigint as compared, sum(differing)::bigint as differing "
        "from ops.raw_comparison",
    )
    assert found == [{"compared": 40 * 12, "differing": 0}]
    sql = shipped("sql")
    compared, results = check_all_pages(context, read_checks(sql, read_models(sql)))
    assert compared == 40
    assert [result.check.name for result in results if not result.is_passed] == []
    assert [result.check.name for result in results] == [DETAILS, FIGURES]


def test_file_changed_by_hand_is_refused_and_then_rebuilt(tmp_path: Path) -> None:
    context, _ = read_twice(tmp_path)
    before = rows_of(tmp_path, "select sum(cost) as cost from marts.daily_spend")
    (path,) = Lake(tmp_path).files(SUPPORT)["2026-07"]
    table = pa.parquet.read_table(path, partitioning=None)
    pa.parquet.write_table(PLANTED["price"](table), path)
    with pytest.raises(DataError, match="is not up to date"):
        perform(context, RunRequest("model"))
    perform(context, RunRequest("normalize"))
    perform(context, RunRequest("model"))
    assert rows_of(tmp_path, "select sum(cost) as cost from marts.daily_spend") == before
