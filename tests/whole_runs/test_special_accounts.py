"""Special accounts: a day with very many recordings, none at all, only one long ago, and a hundred accounts at once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flows.emulator import Emulator, Parameters, open_ledger, open_living, open_recordings, serve
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.stores.api.access import AccountAccess
from tests.support.runs.ledger_runs import accesses_of, context_for, ledger_cells, rows_of, warehouse_cells
from tests.support.runs.watched import TODAY, epoch, evenly, page_requests, recording
from transforms.values.windows import Window, days_of

pytestmark = pytest.mark.builds("marts.daily_spend")

RUN = RunRequest("run")


def run_at(now: datetime, accounts: list[AccountAccess], data_dir: Path, request: RunRequest) -> RunSummary:
    """Do a whole run at an instant. The clock advances by a millisecond at each call."""
    steps = count()  # next() on it is atomic: all workers call it
    clock = lambda: now + timedelta(milliseconds=next(steps))  # noqa: E731
    return perform(replace(context_for(accounts, data_dir), clock=clock), request)


def covered(data_dir: Path) -> list[date]:
    rows = rows_of(data_dir, "select day from ops.coverage where is_covered order by day")
    return [row["day"] for row in rows]


@pytest.mark.slow
def test_day_of_a_hundred_thousand_recordings_is_exact(tmp_path: Path) -> None:
    day = date(2026, 8, 12)
    with serve(open_recordings(evenly(day, day, 100_000), tmp_path / "rendered")) as emulator:
        request = RunRequest("run", day - timedelta(days=1), day + timedelta(days=1))
        summary = run_at(TODAY, accesses_of(emulator), tmp_path / "data", request)
        assert warehouse_cells(tmp_path / "data") == ledger_cells(emulator.totals())
        asked = page_requests(emulator)
    assert (summary.exit_code, summary.new, summary.rejected) == (0, 100_000, 0)
    assert summary.holes == 10  # the month began before the days that were asked for
    # The list of the three days has the day's hundred pages, since the hours of a day cannot be asked for here. It ends
    # where the day before begins: that was cut off, for an idle worker. No page is asked for twice.
    before_midnight, midnight = f"{day - timedelta(days=2)}T23:59:59Z", "T00:00:00Z"
    assert Counter(key[:2] for key in asked) == {
        (before_midnight, f"{day + timedelta(days=2)}{midnight}"): 100,
        (before_midnight, f"{day}{midnight}"): 1,
    }
    assert len(set(asked)) == len(asked)
    days = rows_of(
        tmp_path / "data", "select usage_date, sum(recordings) as n from marts.daily_spend group by 1"
    )
    assert [tuple(row.values()) for row in days] == [(day, 100_000)]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Emulator]:
    with serve(open_ledger(Parameters(1, 0, 1), tmp_path / "rendered")) as emulator:
        yield emulator


def test_empty_account_is_covered_from_today_with_few_requests(empty: Emulator, tmp_path: Path) -> None:
    accounts, data_dir = accesses_of(empty), tmp_path / "data"
    first = run_at(TODAY, accounts, data_dir, RUN)
    assert (first.exit_code, first.failed, first.new, first.cost, first.holes) == (0, {}, 0, {}, 0)
    assert covered(data_dir) == [TODAY.date()]
    again = run_at(TODAY + timedelta(hours=1), accounts, data_dir, RUN)
    assert (again.exit_code, again.holes) == (0, 0)
    assert again.requests is not None
    assert again.requests <= 2
    later = run_at(TODAY + timedelta(days=5), accounts, data_dir, RUN)
    assert (later.exit_code, later.holes) == (0, 0)
    assert covered(data_dir) == days_of(Window(TODAY.date(), TODAY.date() + timedelta(days=5)))


def test_first_recording_of_an_empty_account_is_found(tmp_path: Path) -> None:
    ledger = open_living(Parameters(1, 0, 1), now=int(TODAY.timestamp()))
    with serve(ledger) as emulator:
        accounts, data_dir = accesses_of(emulator), tmp_path / "data"
        run_at(TODAY, accounts, data_dir, RUN)
        emulator.ledger.advance(86_400)
        emulator.ledger.insert(recording(0, epoch(TODAY.date(), hour=20), accounts[0].account_sid))
        summary = run_at(TODAY + timedelta(days=1), accounts, data_dir, RUN)
        assert warehouse_cells(data_dir) == ledger_cells(emulator.totals()) != {}
    assert (summary.exit_code, summary.new, summary.holes) == (0, 1, 0)


@pytest.mark.slow
def test_ten_year_old_recording_is_found_with_few_requests(tmp_path: Path) -> None:
    day = date(2016, 9, 30)
    source = open_recordings([recording(0, epoch(day))], tmp_path / "rendered")
    with serve(source) as emulator:
        first = run_at(TODAY, accesses_of(emulator), tmp_path / "data", RUN)
        assert warehouse_cells(tmp_path / "data") == ledger_cells(emulator.totals())
        # The fortieth quarter before ended on that day; the first day found can be up to two days early.
        assert len(page_requests(emulator)) == 41
        again = run_at(TODAY + timedelta(hours=1), accesses_of(emulator), tmp_path / "data", RUN)
    assert (first.exit_code, first.new, first.holes) == (0, 1, 0)
    assert first.requests is not None
    assert first.requests <= 41 + 30
    assert again.requests == 1
    assert day in covered(tmp_path / "data")


NUMBER = 100
REFUSED = 37


@contextmanager
def hundred(tmp_path: Path) -> Iterator[tuple[Emulator, list[AccountAccess]]]:
    """A hundred accounts with up to seven recordings each over four weeks; one token is wrong."""
    made = [
        recording(sequence, epoch(date(2026, 9, 1 + (5 * account + 4 * sequence) % 28)), sid_of(account))
        for account in range(NUMBER)
        for sequence in range(1 + account % 7)
    ]
    with serve(open_recordings(made, tmp_path / "rendered")) as emulator:
        accounts = accesses_of(emulator)
        accounts[REFUSED] = replace(accounts[REFUSED], token="PT-wrong")
        yield emulator, accounts


def sid_of(account: int) -> str:
    return f"5a3c0c2e-0000-4000-8000-{account:012d}"


@pytest.mark.slow
def test_one_refused_account_of_a_hundred_stops_no_other(tmp_path: Path) -> None:
    with hundred(tmp_path) as (emulator, accounts):
        first = run_at(TODAY, accounts, tmp_path / "data", RUN)
        before = len(emulator.requests)
        again = run_at(TODAY + timedelta(hours=1), accounts, tmp_path / "data", RunRequest("ingest"))
        asked = Counter(sid_in(request.target) for request in emulator.requests[before:])
        cells = ledger_cells(emulator.totals())
    for summary in (first, again):
        assert summary.exit_code == 3
        assert list(summary.failed) == [sid_of(REFUSED)]
        assert "refuses the credentials (401)" in summary.failed[sid_of(REFUSED)]
    expected = {cell: figures for cell, figures in cells.items() if cell[0] != sid_of(REFUSED)}
    assert len({cell[0] for cell in expected}) == NUMBER - 1
    assert warehouse_cells(tmp_path / "data") == expected
    assert len(asked) == NUMBER
    assert max(asked.values()) <= 2
    holes = rows_of(tmp_path / "data", "select distinct account_sid from ops.coverage where not is_covered")
    assert [row["account_sid"] for row in holes] == [sid_of(REFUSED)]


def sid_in(target: str) -> str:
    return urlsplit(target).path.split("/Accounts/")[1].split("/")[0]
