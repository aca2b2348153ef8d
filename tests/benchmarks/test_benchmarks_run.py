import subprocess
import sys
from pathlib import Path

import pytest

from flows.stores.shipped import shipped
from flows.stores.warehouse.sql_files import read_models
from tests.benchmarks.flow.start_up import COMMANDS, GOAL, start_ups
from tests.benchmarks.flow.start_up import section as start_up_section
from tests.benchmarks.marts.generated import TWO_RATES
from tests.benchmarks.marts.marts import accounts_section, build, section
from tests.benchmarks.marts.stage import section as stage_section
from tests.benchmarks.marts.stage import stage
from tests.benchmarks.pages.kinds import KINDS

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_quick_run_writes_tables_of_every_way_and_stage(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.benchmarks",
            "--quick",
            "--only",
            "pages",
            "memory",
            "--build",
            str(tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    table = (tmp_path / "benchmarks.md").read_text("utf-8")
    assert table in done.stdout
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("| ") and "--" not in line
    ]
    pages = [*KINDS, "common, in memory", "common, ours on two cores"]
    ways = [(row[0], row[1].partition(":")[0]) for row in rows if len(row) == 5 and "to" in row[3]]
    assert ways == [(each, way) for each in pages for way in ("ours", "usual", "floor")]
    assert [row[0] for row in rows if len(row) == 5 and "(" in row[1]] == pages
    assert [row[0] for row in rows[-3:]] == ["ingest", "normalize", "model"]
    for row in rows[-3:]:
        assert all(float(cell.replace(",", "")) > 0 for cell in row[1:])


@pytest.mark.slow
def test_marts_section_has_every_mart_and_one_aggregation(tmp_path: Path) -> None:
    table = section([build(count, tmp_path, print, with_reports=True) for count in (2_000, 5_000)])

    models = read_models(shipped("sql"))
    names = {model.name for model in models if model.name.startswith("marts.") or model.twin.wide}
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert {row[0] for row in rows} == names - {"marts.fct_recordings"} | {
        "fct_recordings, by itself",
        "all marts",
        "all checks",
        "one aggregation",
        "all reports, with the page",
    }
    assert all(float(cell) > 0 for row in rows for cell in row[1:])


@pytest.mark.slow
def test_accounts_section_has_every_ledger_and_room(tmp_path: Path) -> None:
    built = [build(20_000, tmp_path, print, accounts=5, rates=rates) for rates in TWO_RATES]
    lines = [line for line in accounts_section(built).splitlines() if line.startswith("| ")]
    heads, rows = zip(*(line.strip("| ").split(" | ", 1) for line in lines), strict=True)
    assert heads.count("5") == len(TWO_RATES)
    assert [row.split(" | ")[0] for head, row in zip(heads, rows, strict=True) if head == "5"] == [*TWO_RATES]
    assert {"shared", "turns", "rates", "spend", "staging"} <= {*heads}


@pytest.mark.slow
def test_model_stage_section_has_three_builds(tmp_path: Path) -> None:
    measured = [stage(recordings, 3, tmp_path, print) for recordings in (1_000, 1_000, 3_000)]
    rows = [line for line in stage_section(*measured).splitlines() if line.startswith("| 3 |")]
    assert len(rows) == 3
    assert all(float(cell.replace(",", "")) >= 0 for row in rows for cell in row.strip("| ").split(" | "))


@pytest.mark.slow
def test_help_takes_half_the_time_of_import_prefect() -> None:
    seconds = start_ups(3, print)

    assert seconds.keys() == COMMANDS.keys()
    assert all(len(took) == 3 and min(took) > 0 for took in seconds.values())
    assert f"less than {GOAL}, reached." in start_up_section(seconds)
