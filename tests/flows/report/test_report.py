"""The files that finance gets."""

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from flows.emulator import Emulator, Parameters, open_ledger, serve
from tests.support.runs.ledger_runs import accesses_of, run_against


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with serve(open_ledger(Parameters(7, 300, 2), tmp_path_factory.mktemp("rendered"))) as running:
        yield running


def holes(data_dir: Path) -> list[tuple[str, ...]]:
    with (data_dir / "reports" / "holes.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["account_sid", "account_name", "first_day", "last_day", "days"]
    return [tuple(row) for row in rows]


@pytest.mark.slow
def test_holes_report_joins_neighbouring_days(emulator: Emulator, tmp_path: Path) -> None:
    for first, last in ((1, 3), (6, 7), (9, 9)):
        summary = run_against(emulator, tmp_path, date(2026, 8, first), date(2026, 8, last))
    expected = [
        (access.account_sid, access.name, *days)
        for access in accesses_of(emulator)
        for days in (("2026-08-04", "2026-08-05", "2"), ("2026-08-08", "2026-08-08", "1"))
    ]
    assert sorted(holes(tmp_path)) == sorted(expected)
    assert summary.holes == 6


def test_holes_report_is_empty_without_gaps(emulator: Emulator, tmp_path: Path) -> None:
    run_against(emulator, tmp_path, date(2026, 8, 1), date(2026, 8, 2))
    assert holes(tmp_path) == []
