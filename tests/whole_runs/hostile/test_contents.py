"""A run against an API with contents that nobody could hold or show: they are set aside, and everything else counts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.emulator import FAULTS, LivingSource, Parameters, open_living, serve
from flows.emulator.faults.hostile_faults import HOSTILE_FAULTS
from tests.support.runs.ledger_runs import accesses_of, ledger_cells, rows_of, warehouse_cells
from tests.support.runs.living_runs import (
    clock_of,
    in_haste,
    lake_facts,
    ledger_facts,
    read_by,
    run_by,
    warehouse_facts,
)
from tests.whole_runs.hostile.test_endless import SAYS

pytestmark = pytest.mark.builds("marts.daily_spend")

REJECTED = {
    "deep-json": None,
    "long-text": ("source", "has more than 10,000 characters"),
    "control-characters": (
        "date_created",
        r"'\x1b[2J\x1b]0;title\x07\x00\x9b1A\u202egnp.exe\u2028\x7f' is not a date",
    ),
    "token-in-header": None,
}
"""What each fault has rejected in each account."""
SAMPLED = ("control-characters",)
"""What `make test` tries; `make test-slow` tries every fault."""


@pytest.fixture(autouse=True)
def _haste() -> Iterator[None]:
    with in_haste(page_size=10):
        yield


@pytest.fixture
def source() -> LivingSource:
    return open_living(Parameters(seed=5, recordings=300, accounts=2))


def test_every_hostile_fault_is_tested() -> None:
    assert {*SAYS, *REJECTED, "many-records"} == set(HOSTILE_FAULTS) <= set(FAULTS)


@pytest.mark.parametrize(
    "fault",
    [fault if fault in SAMPLED else pytest.param(fault, marks=pytest.mark.slow) for fault in REJECTED],
)
def test_hostile_record_changes_no_figure(fault: str, source: LivingSource, tmp_path: Path) -> None:
    with serve(source, faults=[fault]) as emulator:
        summary = run_by(clock_of(source.ledger), accesses_of(emulator), tmp_path)
    assert (summary.exit_code, summary.failed, summary.holes) == (0, {}, 0)
    assert warehouse_facts(tmp_path) == ledger_facts(source.ledger)
    assert warehouse_cells(tmp_path) == ledger_cells(source.totals())
    rejects = [
        (row["field"], row["reason"]) for row in rows_of(tmp_path, "select field, reason from ops.rejects")
    ]
    assert rejects == ([REJECTED[fault]] * 2 if REJECTED[fault] else [])
    assert (("unknown field", "extra") in summary.oddities.counts) == (fault == "deep-json")


def test_page_of_too_many_records_leaves_a_gap(source: LivingSource, tmp_path: Path) -> None:
    clock, truth = clock_of(source.ledger), ledger_facts(source.ledger)
    with serve(source, faults=["many-records"]) as emulator:
        summary = read_by(clock, accesses_of(emulator), tmp_path)
        assert (summary.exit_code, len(summary.failed)) == (3, 2)
        for words in summary.failed.values():
            assert re.search(
                r"page that is not kept: it has 60,000 records, more than 50,000 "
                r"\([\d,]+ bytes, sha256 [0-9a-f]{64}\)\. Other days are read",
                words,
            )
            assert "Not read: 2026-" in words
        found = lake_facts(tmp_path)
        assert found == {sid: truth[sid] for sid in found}
        # The fault hits an account once.
        assert read_by(clock, accesses_of(emulator), tmp_path).exit_code == 0
    assert lake_facts(tmp_path) == truth
