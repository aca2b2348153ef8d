"""The whole path against the emulator's own ledger: every cell, to the last decimal."""

import csv
import itertools
import re
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.emulator import FORMS, SOURCES, Forms, Parameters, Recording, open_ledger, open_recordings, serve
from flows.emulator.ledger.generator import recordings
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.settings.account_settings import AccountSettings
from tests.support.analyst import analyst_with_open
from tests.support.runs.ledger_runs import (
    accesses_of,
    context_for,
    fingerprints,
    ledger_cells,
    rows_of,
    run_against,
    warehouse_cells,
)

SEPTEMBER = (date(2026, 9, 1), date(2026, 9, 30))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rendered")


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters(7, 4000, 3),
        *(
            pytest.param(each, marks=pytest.mark.slow)
            for each in (Parameters(8, 1, 1), Parameters(9, 2500, 1))
        ),
    ],
)
def test_cube_equals_the_ledger_cell_by_cell(parameters: Parameters, cache: Path, tmp_path: Path) -> None:
    with serve(open_ledger(parameters, cache)) as emulator:
        summary = run_against(emulator, tmp_path)
        expected = ledger_cells(emulator.totals())
    assert warehouse_cells(tmp_path) == expected
    assert sum(figures[0] for figures in expected.values()) == parameters.recordings == summary.new
    assert (summary.exit_code, summary.rejected, summary.holes) == (0, 0, 0)


def test_every_report_adds_up_to_the_ledger(cache: Path, tmp_path: Path) -> None:
    with serve(open_ledger(Parameters(7, 4000, 3), cache)) as emulator:
        run_against(emulator, tmp_path)
        cells = ledger_cells(emulator.totals())
    for mart, key, place in (
        ("source", "source", 1),
        ("channels", "channels", 2),
        ("account", "account_sid", 0),
    ):
        expected: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for cell, figures in cells.items():
            expected[str(cell[place]), cell[3]] += figures[3] or 0
        found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        with (tmp_path / "reports" / f"spend_by_{mart}.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                found[row[key], row["currency"]] += Decimal(row["cost"] or 0)
        assert found == expected


def test_empty_account_is_covered_and_costs_nothing(cache: Path, tmp_path: Path) -> None:
    with serve(open_ledger(Parameters(1, 0, 1), cache)) as emulator:
        summary = run_against(emulator, tmp_path)
    assert (summary.exit_code, summary.new, summary.cost, summary.holes) == (0, 0, {}, 0)
    assert [row["is_covered"] for row in rows_of(tmp_path, "select is_covered from ops.coverage")] == [True]


def test_second_run_changes_nothing_and_rewrites_no_file(cache: Path, tmp_path: Path) -> None:
    kept = ("raw", "recordings", "rejects", "reports")
    grows = (".jsonl",)  # what was read, with each run
    with serve(open_ledger(Parameters(7, 2000, 2), cache)) as emulator:
        run_against(emulator, tmp_path)
        before = fingerprints(tmp_path, kept)
        cells = warehouse_cells(tmp_path)
        with analyst_with_open(tmp_path / "warehouse.duckdb") as analyst:
            answer = analyst.ask()
            again = run_against(emulator, tmp_path)
            assert analyst.ask() == answer
            assert "Decimal" in answer
    assert (again.new, again.changed, again.deleted) == (0, 0, 0)
    assert warehouse_cells(tmp_path) == cells
    after = fingerprints(tmp_path, kept)
    unchanged = {name: mark for name, mark in before.items() if not name.endswith(grows)}
    assert {name: after[name] for name in unchanged} == unchanged
    assert all(name.startswith("raw/") for name in after.keys() - before.keys())


def test_rebuild_from_raw_gives_the_same_lake(cache: Path, tmp_path: Path) -> None:
    everything = "select * exclude (account_name) from marts.fct_recordings order by recording_sid"
    with serve(open_ledger(Parameters(7, 2000, 2), cache)) as emulator:
        run_against(emulator, tmp_path)
        run_against(emulator, tmp_path, *SEPTEMBER)
    before, files = rows_of(tmp_path, everything), fingerprints(tmp_path, ["recordings"])
    context = context_for([], tmp_path)
    perform(context, RunRequest("normalize", rebuild=True))
    perform(context, RunRequest("model"))
    assert rows_of(tmp_path, everything) == before
    months = {name: mark for name, mark in files.items() if name.endswith(".parquet")}
    rebuilt = fingerprints(tmp_path, ["recordings"])
    assert {name: rebuilt[name] for name in months} == months  # nothing changed, so nothing was replaced


@pytest.mark.slow
def test_lost_lake_is_rebuilt_from_raw(cache: Path, tmp_path: Path) -> None:
    with serve(open_ledger(Parameters(7, 2000, 2), cache)) as emulator:
        run_against(emulator, tmp_path)
    cells = warehouse_cells(tmp_path)
    next((tmp_path / "recordings").rglob("recordings.parquet")).unlink()
    context = context_for([], tmp_path)
    perform(context, RunRequest("normalize"))
    perform(context, RunRequest("model"))
    assert warehouse_cells(tmp_path) == cells


@pytest.mark.slow
def test_requested_days_are_kept_and_the_rest_is_a_gap(cache: Path, tmp_path: Path) -> None:
    with serve(open_ledger(Parameters(7, 2000, 1), cache)) as emulator:
        run_against(emulator, tmp_path, date(2026, 9, 1), date(2026, 9, 2))
        summary = run_against(emulator, tmp_path, date(2026, 9, 5), date(2026, 9, 6))
    days = rows_of(tmp_path, "select distinct usage_date as day from marts.daily_spend order by day")
    assert [row["day"].day for row in days] == [1, 2, 5, 6]
    holes = rows_of(tmp_path, "select day from ops.coverage where not is_covered order by day")
    assert [row["day"] for row in holes] == [date(2026, 9, 3), date(2026, 9, 4)]
    assert summary.holes == 2


ACCOUNT = "5a3c0c2e-0000-4000-8000-000000000001"
INSTANTS = st.integers(
    int(datetime(2026, 7, 30, tzinfo=UTC).timestamp()), int(datetime(2026, 9, 2, tzinfo=UTC).timestamp())
)


@st.composite
def ledgers(draw: st.DrawFn) -> list[Recording]:
    """Up to twenty recordings with any mix of values, and of odd forms to write them in."""
    recordings = []
    for sequence, created_at in enumerate(sorted(draw(st.lists(INSTANTS, max_size=20)))):
        is_conference = draw(st.booleans())
        is_priced = draw(st.booleans())
        recordings.append(
            Recording(
                account_sid=ACCOUNT,
                sequence=sequence,
                created_at=created_at,
                updated_at=created_at + draw(st.integers(0, 9000)),
                started_at=draw(st.none() | st.just(created_at)),
                ended_at=draw(st.none() | st.just(created_at + 60)),
                call_sid=None if is_conference else f"call-{sequence}",
                conference_sid=f"conference-{sequence}" if is_conference else None,
                duration_seconds=draw(st.none() | st.integers(0, 9000)),
                source=draw(st.sampled_from(SOURCES)),
                channels=draw(st.sampled_from([1, 2])),
                status=draw(st.sampled_from(["completed", "absent", "in-progress", "failed", "processing"])),
                price=draw(st.decimals(0, 999, places=4)) if is_priced else None,
                currency=draw(st.sampled_from([None, "USD", "EUR"])),
                error_code=draw(st.sampled_from([None, "16101"])),
                forms=Forms(**{name: draw(st.sampled_from(forms)) for name, forms in FORMS.items()}),
            )
        )
    return recordings


numbered = itertools.count()


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(recordings=ledgers())
def test_any_ledger_in_any_mix_of_forms_is_exact(recordings: list[Recording], tmp_path: Path) -> None:
    folder = tmp_path / str(next(numbered))
    with serve(open_recordings(recordings, folder / "rendered")) as emulator:
        summary = run_against(emulator, folder / "data", date(2026, 7, 1), date(2026, 9, 30))
        assert warehouse_cells(folder / "data") == ledger_cells(emulator.totals())
    assert (summary.new, summary.rejected, summary.exit_code) == (len(recordings), 0, 0)


INCREMENTS = (1, 6, 30, 60, 7)
"""The seconds in whose steps the accounts of a ledger are billed."""


def per_minute(recording: Recording) -> Decimal | None:
    """Return what a minute of a recording was charged at; the price was rounded to nine decimals."""
    if not recording.price or not recording.billed_seconds:
        return None
    return (recording.price * 60 / recording.billed_seconds).quantize(Decimal("0.000001"))


@pytest.fixture(scope="module")
def by_seconds(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Recording]]:
    """Return the data folder of a run over accounts billed by these seconds, and the recordings of its ledger."""
    data_dir, parameters = tmp_path_factory.mktemp("data"), Parameters(7, 5000, len(INCREMENTS), INCREMENTS)
    with serve(open_ledger(parameters, cache)) as emulator:
        accounts = [
            AccountSettings(
                name=account.name,
                base_url=emulator.base_url,
                account_sid=account.account_sid,
                billing_increment_seconds=None if increment == 60 else increment,
            )
            for account, increment in zip(emulator.accounts, INCREMENTS, strict=True)
        ]
        context = context_for(accesses_of(emulator), data_dir)
        context = replace(context, settings=context.settings.model_copy(update={"accounts": accounts}))
        assert perform(context, RunRequest("run")).exit_code == 0
    return data_dir, [each for index in range(len(INCREMENTS)) for each in recordings(parameters, index)]


@pytest.mark.parametrize("by", ["account", "source", "channels", "status", "call_kind"])
def test_minutes_of_any_increment_equal_the_ledger(by: str, by_seconds: tuple[Path, list[Recording]]) -> None:
    data_dir, ledger = by_seconds
    expected: dict[tuple[object, ...], list[Decimal]] = defaultdict(
        lambda: [Decimal(0), Decimal(0), Decimal(0)]
    )
    for each in ledger:
        month = datetime.fromtimestamp(each.created_at, UTC).date().replace(day=1)
        value = {"account": each.account_sid, "call_kind": each.kind}.get(by) or getattr(each, by)
        sums = expected[month, value, each.currency or "XXX"]
        sums[0] += each.billed_seconds
        sums[1] += each.billed_seconds if each.price is not None else 0
        sums[2] += each.price or 0
    column = "account_sid" if by == "account" else by
    found = rows_of(data_dir, f"select * from marts.spend_by_{by}")
    assert len(found) == len(expected)
    increments = dict(zip(dict.fromkeys(each.account_sid for each in ledger), INCREMENTS, strict=True))
    for row in found:
        billed, priced, cost = expected[row["month"], row[column], row["currency"]]
        minutes = row["billed_minutes"], row["priced_minutes"]
        assert [round(60 * each) for each in minutes] == [billed, priced]
        if increments.get(row[column], 1) % 3 == 0:
            assert [60 * each for each in minutes] == [billed, priced]
        assert (row["cost"] or 0) == cost


def test_rates_are_the_same_for_recordings_of_any_length(by_seconds: tuple[Path, list[Recording]]) -> None:
    data_dir, ledger = by_seconds
    rates: dict[tuple[object, ...], set[Decimal]] = defaultdict(set)
    for each in ledger:
        if rate := per_minute(each):
            rates[each.account_sid, each.source, each.channels].add(rate)
    # All accounts but the first change their rate once, and channels cost the same again.
    assert {len(found) for found in rates.values()} == {1, 2}
    found = rows_of(data_dir, "select * from marts.effective_rates where prevailing_rate is not null")
    assert len(found) > 1000
    for row in found:
        assert row["prevailing_rate"] in rates[row["account_sid"], row["source"], row["channels"]]
    changes = rows_of(data_dir, "select account_sid, rate_after from marts.rate_changes")
    assert len({row["account_sid"] for row in changes}) == len(INCREMENTS) - 1


def test_csv_keeps_every_digit_of_parts_of_minutes(by_seconds: tuple[Path, list[Recording]]) -> None:
    data_dir, _ = by_seconds
    with (data_dir / "reports" / "spend_by_account.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            assert re.fullmatch(r"\d+\.\d{10}", row["billed_minutes"])


def test_storage_counts_full_minutes(by_seconds: tuple[Path, list[Recording]]) -> None:
    data_dir, _ = by_seconds
    totals = rows_of(data_dir, "select sum(kept_minutes) as kept from marts.daily_spend_detail")
    (full,) = rows_of(
        data_dir,
        "select sum(ceil(duration_seconds / 60.0)) as kept from marts.fct_recordings where is_stored",
    )
    assert totals[0]["kept"] == full["kept"]
