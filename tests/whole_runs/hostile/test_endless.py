"""A run against an API whose lists or responses never end: it ends, says so, and loses nothing."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any
from unittest.mock import patch

import pytest

from flows.emulator import LivingSource, Parameters, open_living, serve
from flows.emulator.server import wire
from flows.model.coverage import coverage
from flows.stores.raw.raw_pages import RawPages
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import clock_of, in_haste, lake_facts, ledger_facts, read_by

PAGE_SIZE = 10
SAYS = {
    "endless-empty": "does not end: each of the last 100 pages brings nothing new (the last one has no rows)",
    "endless-repeat": "does not end: each of the last 100 pages brings nothing new (the last one repeats rows",
    "endless-outside": "does not end: 150 pages were read and there are more. Reading stopped",
    "endless-rows": "does not end: 150 pages were read and there are more. Reading stopped",
    "endless-body": "the API sent a page that is not kept: it is larger than 64 MB",
    "trickle": "the API did not send a whole response in time, in 2 attempts",
    "trickle-head": "the API did not send a whole response in time, in 2 attempts",
}

LISTS = ("endless-empty", "endless-repeat", "endless-outside", "endless-rows")
SAMPLED = ("endless-repeat",)
"""What `make test` tries; `make test-slow` tries every fault."""


@pytest.fixture(autouse=True)
def _haste() -> Iterator[None]:
    with in_haste(PAGE_SIZE), patch.object(wire, "TRICKLE_SECONDS", 0.05):
        yield


@pytest.fixture
def source() -> LivingSource:
    return open_living(Parameters(seed=5, recordings=300, accounts=2))


@pytest.mark.parametrize(
    "fault",
    [fault if fault in SAMPLED else pytest.param(fault, marks=pytest.mark.slow) for fault in SAYS],
)
def test_what_never_ends_is_ended(fault: str, source: LivingSource, tmp_path: Path) -> None:
    clock, truth = clock_of(source.ledger), ledger_facts(source.ledger)
    stopped, other = (account.account_sid for account in source.accounts)
    limits: dict[str, Any] = {"max_pages_per_window": 150, "page_timeout": 0.5, "concurrency": 2}
    with serve(source) as well:
        with serve(source, faults=[fault]) as troubled:
            accesses = [*accesses_of(troubled)[:1], *accesses_of(well)[1:]]
            began = monotonic()
            summary = read_by(clock, accesses, tmp_path, **limits)
            assert monotonic() - began < 30
            assert (summary.exit_code, list(summary.failed)) == (3, [accesses[0].name])
            assert SAYS[fault] in summary.failed[accesses[0].name]
            assert len(troubled.requests) < 800
            pages = RawPages(tmp_path)
            kept = [pages.manifest(landing) for landing in pages.readable(stopped)]
            found = lake_facts(tmp_path)
            assert bool(kept) == (fault in LISTS)
            if fault != "endless-rows":
                assert found == {sid: truth[sid] for sid in found}
            assert {sid for sid in truth if truth[sid].account_sid == other} <= found.keys()
            again = read_by(clock, accesses, tmp_path, **limits)
            assert (again.exit_code, list(again.failed)) == (3, [accesses[0].name])
        summary = read_by(clock, accesses_of(well), tmp_path)
    assert (summary.exit_code, summary.failed) == (0, {})
    assert [account.holes for account in coverage(tmp_path, [stopped, other])] == [[], []]
    found = lake_facts(tmp_path)
    assert {sid: found.get(sid) for sid in truth} == truth
