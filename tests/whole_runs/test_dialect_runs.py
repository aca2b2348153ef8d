"""The whole pipeline against every interpretation of the date filters: the same rows, and no unnecessary page."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import product
from math import ceil
from pathlib import Path

import pytest

from flows.emulator import LivingSource, open_living, serve
from flows.run.request import RunRequest
from flows.stores.folder.account_state import AccountStates
from tests.support.runs.ledger_runs import accesses_of, ledger_cells, rows_of, warehouse_cells
from tests.support.runs.living_runs import (
    ACCOUNTS,
    DAY_SECONDS,
    clock_of,
    epoch_of,
    in_haste,
    instant,
    ledger_facts,
    made,
    page_requests,
    run_by,
    warehouse_facts,
)

pytestmark = pytest.mark.builds("marts.daily_spend")

PAGE_SIZE = 10
ACCOUNT = ACCOUNTS[0]
FILTERS = ("instant-inclusive", "instant-exclusive", "day-inclusive", "day-exclusive")
FORMS = ("iso-only", "date-only", "rfc2822-only")
SAMPLED = set(zip(FILTERS, (*FORMS, "date-only"), strict=True))
"""Each filter and each form once; `make test-slow` tries every pair."""
FIRST, TODAY = date(2026, 4, 20), date(2026, 10, 5)
QUARTERS = ((FIRST, date(2026, 6, 30)), (date(2026, 7, 1), date(2026, 9, 30)), (date(2026, 10, 1), TODAY))
IN_QUARTERS = (45, 38, 8)
EDGES = (0, 1, DAY_SECONDS - 2, DAY_SECONDS - 1)
NOON = 12 * 3600


@pytest.fixture(autouse=True)
def _haste() -> Iterator[None]:
    with in_haste(PAGE_SIZE):
        yield


@pytest.fixture
def source() -> LivingSource:
    """Recordings in three quarters, which are the windows of a run that reads everything.

    The first and the last day of each quarter have four, at the day's first and last seconds. One day too many in a
    window would need one more page: its last page has no room for four rows, only for one at either edge.
    """
    moments: list[int] = []
    for (first, last), number in zip(QUARTERS, IN_QUARTERS, strict=True):
        edges = [epoch_of(day, second) for day in (first, last) for second in EDGES]
        edges = [moment for moment in edges if moment < epoch_of(TODAY, NOON)]
        between, others = (last - first).days - 1, number - len(edges)
        moments += edges
        moments += [epoch_of(first + timedelta(1 + each * between // others), NOON) for each in range(others)]
    recordings = [made(ACCOUNT, number, moment) for number, moment in enumerate(sorted(moments))]
    return open_living(recordings, now=epoch_of(TODAY, NOON))


def pages_at_best(dialect: Sequence[str], source: LivingSource) -> int:
    """Return how many pages the windows of a run that reads everything have."""
    days = Counter(instant(each.recording.created_at).date() for each in source.ledger.listed(ACCOUNT))
    rows = []
    for first, last in QUARTERS:
        if "date-only" in dialect and "instant" in dialect[0]:
            # A bare date that means midnight cannot be distinguished from one that means the whole day, without bounds.
            first -= timedelta(days=1)
        rows.append(sum(days[day] for day in days if first <= day <= last))
    return sum(max(1, ceil(number / PAGE_SIZE)) for number in rows)


@pytest.mark.parametrize(
    ("date_filter", "date_form"),
    [
        pytest.param(*each, marks=() if each in SAMPLED else pytest.mark.slow)
        for each in product(FILTERS, FORMS)
    ],
)
def test_every_dialect_gives_the_same_rows_and_no_page_twice(
    date_filter: str, date_form: str, source: LivingSource, tmp_path: Path
) -> None:
    ledger, clock = source.ledger, clock_of(source.ledger)
    dialect = (date_filter, date_form)
    with serve(source, dialect=dialect) as emulator:
        accesses = accesses_of(emulator)
        assert run_by(clock, accesses, tmp_path, RunRequest("ingest")).exit_code == 0
        assert len(emulator.requests) - len(page_requests(emulator.requests, PAGE_SIZE)) <= 30
        first_day = AccountStates(tmp_path).read(ACCOUNT).first_day
        assert first_day is not None
        assert timedelta() <= FIRST - first_day <= timedelta(days=2)
        before = len(emulator.requests)
        again = run_by(clock, accesses, tmp_path, RunRequest("ingest", FIRST, TODAY, again=True))
        asked = emulator.requests[before:]
        assert (again.exit_code, again.retries) == (0, 0)
        assert len(asked) == len(page_requests(asked, PAGE_SIZE)) == pages_at_best(dialect, source)
        assert max(Counter(each.target for each in asked).values()) == 1
        # The next day starts and ends with a recording.
        ledger.advance_to(epoch_of(TODAY + timedelta(days=2)))
        for number, second in enumerate(EDGES):
            ledger.insert(made(ACCOUNT, 1000 + number, epoch_of(TODAY + timedelta(days=1), second)))
        ledger.insert(made(ACCOUNT, 2000, epoch_of(TODAY, DAY_SECONDS - 1)))
        ledger.insert(made(ACCOUNT, 2001, ledger.now))
        summary = run_by(clock, accesses, tmp_path)
    assert (summary.exit_code, summary.holes, summary.rejected) == (0, 0, 0)
    assert warehouse_facts(tmp_path) == ledger_facts(ledger)
    assert warehouse_cells(tmp_path) == ledger_cells(source.totals())
    days = Counter(fact.created_at.date() for fact in ledger_facts(ledger).values())
    covered = rows_of(tmp_path, "select day, is_covered, recordings from ops.coverage order by day")
    known = [row for row in covered if row["day"] >= FIRST]
    assert [row["day"] for row in known] == [FIRST + timedelta(each) for each in range(len(known))]
    assert known[-1]["day"] == TODAY + timedelta(days=2)
    assert all(row["is_covered"] and row["recordings"] == days[row["day"]] for row in covered)
