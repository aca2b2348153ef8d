"""The whole pipeline against an API with faults: it survives passing ones, reports stopping ones and loses nothing."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations, cycle
from pathlib import Path

import pytest

from flows.emulator import FAULTS, LEDGER_FAULTS, Emulator, LivingSource, Parameters, open_living, serve
from flows.emulator.faults.hostile_faults import HOSTILE_FAULTS
from flows.emulator.faults.page_parts import split_page
from flows.emulator.faults.pagination_faults import SKIPPED_ROWS
from flows.emulator.http.messages import HttpRequest, Response
from flows.model.coverage import coverage
from flows.run.request import RunRequest
from flows.run.summary import RunSummary
from flows.stores.api.access import AccountAccess
from flows.stores.raw.raw_pages import RawPages
from tests.support.runs.ledger_runs import accesses_of, ledger_cells, rows_of, warehouse_cells
from tests.support.runs.living_runs import (
    ACCOUNTS,
    DAY_SECONDS,
    WHOLE_RUN,
    Clock,
    clock_of,
    epoch_of,
    in_haste,
    lake_facts,
    ledger_facts,
    made,
    read_by,
    run_by,
    warehouse_facts,
)

pytestmark = pytest.mark.builds("marts.daily_spend")

PAGE_SIZE = 10
PASSING = (
    *("throttle", "throttle-concurrency", "flaky", "bad-json", "lost-cursor", "no-next-uri"),
    *("duplicates", "empty-page-with-next", "huge-page", "bad-records"),
)
# They do not change recordings: test_bill.py tests them.
BESIDE = ("odd-accounts", "usage-extra", "usage-minutes", "usage-missing", "usage-price", "usage-refused")
STOPPING = ("not-found", "expired-token", "unauthorized", "other-host", "redirect", "repeat-cursor")
SAMPLED = ("throttle", "bad-records", "no-next-uri")
"""What `make test` tries; `make test-slow` tries every fault."""
EVERYTHING = 10_000


@pytest.fixture(autouse=True)
def _haste() -> Iterator[None]:
    with in_haste(PAGE_SIZE):
        yield


@pytest.fixture
def source() -> LivingSource:
    """Two accounts of 150 recordings from July to September, at midnight after the last day."""
    return open_living(Parameters(seed=5, recordings=300, accounts=2))


def test_every_fault_is_tested() -> None:
    # test_endless.py and test_contents.py test the last ones.
    assert {*PASSING, *STOPPING, *LEDGER_FAULTS, *BESIDE, "skipping-cursor", *HOSTILE_FAULTS} == set(FAULTS)


def rows_on_pages(data_dir: Path) -> list[int]:
    """Return the number of rows on each landed page."""
    raw = RawPages(data_dir)
    landings = [landing for sid in raw.accounts() for landing in raw.complete(sid)]
    return [page.rows for landing in landings for page in raw.manifest(landing).pages]


def statuses(emulator: Emulator) -> Counter[int]:
    """Return how often the API answered with each status; 0 is a broken connection."""
    return Counter(asked.status for asked in emulator.requests)


# Checks that the fault occurred at all; otherwise its test would prove nothing.
STRUCK: Mapping[str, Callable[[Emulator, RunSummary, Path], bool]] = {
    "throttle": lambda emulator, summary, data_dir: statuses(emulator)[429] > 0,
    "throttle-concurrency": lambda emulator, summary, data_dir: statuses(emulator)[429] > 0,
    "flaky": lambda emulator, summary, data_dir: {0, 500, 502, 503} <= statuses(emulator).keys(),
    "bad-json": lambda emulator, summary, data_dir: bool(summary.retries),
    "lost-cursor": lambda emulator, summary, data_dir: statuses(emulator)[400] > 0,
    "duplicates": lambda emulator, summary, data_dir: (summary.rows or 0) > (summary.new or 0),
    "empty-page-with-next": lambda emulator, summary, data_dir: 0 in rows_on_pages(data_dir),
    "no-next-uri": lambda emulator, summary, data_dir: ("no next_page_uri", "") in summary.oddities.counts,
    "huge-page": lambda emulator, summary, data_dir: max(rows_on_pages(data_dir)) > PAGE_SIZE,
    "bad-records": lambda emulator, summary, data_dir: bool(summary.rejected),
}


def assert_borne(
    source: LivingSource,
    data_dir: Path,
    faults: Sequence[str],
    *,
    seed: int = 0,
    request: RunRequest = WHOLE_RUN,
    must_strike: bool = True,
) -> None:
    """Check that a run against an API with these faults ends as if there were none, except for reported bad records."""
    # Slow enough that requests overlap, on a busy machine too.
    latency_ms = 10 if "throttle-concurrency" in faults else 3
    with serve(source, faults=faults, seed=seed, latency_ms=latency_ms) as emulator:
        summary = run_by(clock_of(source.ledger), accesses_of(emulator), data_dir, request)
        assert summary.failed == {}
        # With huge pages there are only a few requests, so other faults may not occur.
        if must_strike and (faults == ["huge-page"] or "huge-page" not in faults):
            assert [fault for fault in faults if not STRUCK[fault](emulator, summary, data_dir)] == []
    assert (summary.exit_code, summary.holes) == (0, 0)
    assert warehouse_facts(data_dir) == ledger_facts(source.ledger)
    assert warehouse_cells(data_dir) == ledger_cells(source.totals())
    rejects = rows_of(data_dir, "select field from ops.rejects")
    assert len(rejects) == summary.rejected
    if must_strike and "huge-page" not in faults:
        assert bool(rejects) == ("bad-records" in faults)
    warned = {result.check.name for result in summary.checks if not result.is_passed}
    assert ("records_are_rejected" in warned) == bool(rejects)


@pytest.mark.parametrize(
    "fault",
    [fault if fault in SAMPLED else pytest.param(fault, marks=pytest.mark.slow) for fault in PASSING],
)
def test_passing_fault_changes_no_figure(fault: str, source: LivingSource, tmp_path: Path) -> None:
    assert_borne(source, tmp_path, [fault])


@pytest.mark.parametrize(
    "faults",
    [
        ("throttle", "flaky", "lost-cursor", "bad-records"),
        pytest.param(
            ("empty-page-with-next", "duplicates", "lost-cursor", "throttle-concurrency"),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            ("throttle-concurrency", "duplicates", "bad-json", "lost-cursor"), marks=pytest.mark.slow
        ),
        pytest.param(("bad-records", "duplicates", "flaky", "throttle-concurrency"), marks=pytest.mark.slow),
        pytest.param(("empty-page-with-next", "duplicates", "lost-cursor", "flaky"), marks=pytest.mark.slow),
        pytest.param(("huge-page", "throttle"), marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_passing_faults_together_change_no_figure(
    faults: Sequence[str], source: LivingSource, tmp_path: Path
) -> None:
    assert_borne(source, tmp_path, faults)


@pytest.mark.slow
@pytest.mark.parametrize(
    "faults",
    list(combinations(PASSING, 2)),
    ids=" ".join,
)
def test_any_two_passing_faults_change_no_figure(
    faults: Sequence[str], source: LivingSource, tmp_path: Path
) -> None:
    # Two faults may prevent each other; the tests above check that each one occurs.
    assert_borne(source, tmp_path / "one", faults, seed=1, must_strike=False)
    assert_borne(source, tmp_path / "other", faults[::-1], seed=2, must_strike=False)


def with_trouble(troubled: Emulator, well: Emulator) -> list[AccountAccess]:
    """Return the first account at the faulty API, the others at the healthy one."""
    return [*accesses_of(troubled)[:1], *accesses_of(well)[1:]]


def holes_of(data_dir: Path) -> dict[str, set[date]]:
    """Return the days that were not read, by account."""
    holes: dict[str, set[date]] = {}
    for row in rows_of(data_dir, "select account_sid, day from ops.coverage where not is_covered"):
        holes.setdefault(row["account_sid"], set()).add(row["day"])
    return holes


@dataclass(frozen=True)
class Past:
    """A ledger whose accounts were read 38 days ago, the data folder, and the rows of that time."""

    source: LivingSource
    clock: Clock
    data_dir: Path
    known: frozenset[str]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Past:
    began = epoch_of(date(2026, 8, 20), 12 * 3600)
    source = open_living(Parameters(seed=5, recordings=300, accounts=2), now=began)
    clock, data_dir = clock_of(source.ledger), tmp_path_factory.mktemp("past") / "data"
    with in_haste(PAGE_SIZE), serve(source) as well:
        assert run_by(clock, accesses_of(well), data_dir).exit_code == 0
    source.ledger.advance(38 * DAY_SECONDS)
    return Past(source, clock, data_dir, frozenset(warehouse_facts(data_dir)))


FOR_A_WHILE = ("not-found", "expired-token")
AFTER = "after a good run"
FROM_THE_BEGINNING = "from the beginning"


@pytest.mark.parametrize(
    ("fault", "when"),
    [
        ("not-found", AFTER),
        ("repeat-cursor", FROM_THE_BEGINNING),
        *(pytest.param(fault, AFTER, marks=pytest.mark.slow) for fault in STOPPING[1:]),
        *(pytest.param(fault, FROM_THE_BEGINNING, marks=pytest.mark.slow) for fault in STOPPING[:-1]),
    ],
)
def test_stopping_fault_is_reported_and_the_next_run_finishes(
    fault: str, when: str, past: Past, tmp_path: Path
) -> None:
    data_dir, source, clock = tmp_path / "data", past.source, past.clock
    known = past.known if when == AFTER else frozenset()
    if when == AFTER:
        shutil.copytree(past.data_dir, data_dir)
    stopped, other = (account.account_sid for account in source.accounts)
    truth = ledger_facts(source.ledger)
    with serve(source) as well:
        with serve(source, faults=[fault]) as troubled:
            accesses = with_trouble(troubled, well)
            summary = run_by(clock, accesses, data_dir)
            assert (summary.exit_code, list(summary.failed)) == (3, [accesses[0].name])
            # The account may be read in part, but nothing that was read is wrong.
            found = warehouse_facts(data_dir)
            assert found == {sid: truth[sid] for sid in found}
            assert {sid for sid in truth if truth[sid].account_sid == other} | known <= found.keys()
            missing = {truth[sid] for sid in truth.keys() - found.keys()}
            assert missing
            holes = holes_of(data_dir)
            assert list(holes) == [stopped]
            assert {fact.created_at.date() for fact in missing} <= holes[stopped]
            assert summary.holes == len(holes[stopped])
            while fault in FOR_A_WHILE and summary.failed and len(troubled.requests) < 50:
                summary = read_by(clock, accesses, data_dir)
        if fault not in FOR_A_WHILE:
            summary = read_by(clock, accesses_of(well), data_dir)
    assert (summary.exit_code, summary.failed) == (0, {})
    assert [account.holes for account in coverage(data_dir, [stopped, other])] == [[], []]
    assert lake_facts(data_dir) == truth


def test_skipped_rows_are_found_by_reading_their_days_again(tmp_path: Path) -> None:
    """One fetch cannot notice skipped rows. The fault hits a window once, so the second fetch of it is complete."""
    oldest, newest, today = date(2026, 8, 1), date(2026, 9, 28), date(2026, 9, 30)
    every_half_day = [epoch_of(oldest, number * 43_200) for number in range(62)]
    every_hour = [epoch_of(newest, number * 3600) for number in range(60)]
    source = open_living(
        [made(ACCOUNTS[0], number, epoch) for number, epoch in enumerate(every_half_day + every_hour)],
        now=epoch_of(today, 12 * 3600),
    )
    clock, truth = clock_of(source.ledger), ledger_facts(source.ledger)
    with serve(source, faults=["skipping-cursor"], seed=2) as emulator:

        def run(request: RunRequest) -> set[str]:
            """Return what differs from the ledger after a run that reports success."""
            summary = read_by(clock, accesses_of(emulator), tmp_path, request, concurrency=1)
            assert (summary.exit_code, summary.failed) == (0, {})
            (account,) = coverage(tmp_path, [ACCOUNTS[0]])
            assert account.holes == []
            found = lake_facts(tmp_path)
            return {sid for sid in truth if found.get(sid) != truth[sid]}

        def old(sids: set[str]) -> set[str]:
            return {sid for sid in sids if truth[sid].created_at.date() < newest}

        before_newest = RunRequest(first=oldest, last=newest - timedelta(days=1))
        assert len(old(run(before_newest))) == SKIPPED_ROWS
        left = run(RunRequest())
        assert (len(old(left)), len(left)) == (SKIPPED_ROWS, 2 * SKIPPED_ROWS)
        left = run(RunRequest())
        assert (len(old(left)), len(left)) == (SKIPPED_ROWS, SKIPPED_ROWS)
        assert run(replace(before_newest, audit_days=EVERYTHING)) == set()


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(tuple(LEDGER_FAULTS), marks=pytest.mark.slow),
        *(pytest.param((fault,), marks=pytest.mark.slow) for fault in LEDGER_FAULTS),
    ],
    ids=" ".join,
)
def test_three_months_of_a_living_ledger(faults: Sequence[str], tmp_path: Path) -> None:
    """A plain run every few days, and an audit of everything at the end: exact, including deleted recordings' costs."""
    source = open_living(
        Parameters(seed=6, recordings=160, accounts=1), now=epoch_of(date(2026, 7, 4), 8 * 3600)
    )
    ledger, clock = source.ledger, clock_of(source.ledger)
    end, days = epoch_of(date(2026, 10, 12)), cycle((5, 2, 7, 9))
    with serve(source) as emulator:
        # The requests that probe the dialect and the first day are not stored: delete nothing meanwhile.
        read_by(clock, accesses_of(emulator), tmp_path)
    with serve(source, faults=faults, seed=3) as emulator:
        while ledger.now < end:
            assert read_by(clock, accesses_of(emulator), tmp_path).exit_code == 0
            ledger.advance(next(days) * DAY_SECONDS + 5 * 3600)
    with serve(source) as emulator:
        summary = run_by(clock, accesses_of(emulator), tmp_path, RunRequest(audit_days=EVERYTHING))
    assert (summary.exit_code, summary.holes, summary.rejected) == (0, 0, 0)
    assert warehouse_facts(tmp_path) == ledger_facts(ledger)
    assert warehouse_cells(tmp_path) == ledger_cells(ledger.totals()) == ledger_cells(ledger.listed_totals())
    (row,) = rows_of(tmp_path, LIFE)
    assert (row["late"] > 10) == ("late-prices" in faults)
    assert row["before_seen"] == 0
    assert (row["corrected"] > 2) == ("corrections" in faults)
    assert (row["deleted"] > 20) == ("deletions" in faults)
    assert (row["recordings"] > 160) == ("inserts" in faults)


LIFE = """
    select count(*) as recordings,
        count(*) filter (where first_priced_at > first_seen_at) as late,
        count(*) filter (where first_priced_at < first_seen_at) as before_seen,
        count(*) filter (where deleted_at is not null) as deleted,
        (select count(distinct recording_sid) from ops.corrections) as corrected
    from marts.fct_recordings
"""


@pytest.mark.slow
def test_eight_workers_adapt_to_the_limit_of_the_api(tmp_path: Path) -> None:
    """Eight workers against an API that accepts three requests at once.

    The bound: of the first eight requests, five are refused. Later, the limit of the workers has grown to L, one too
    many: at most L - 3 are refused, all in progress together, and the limit is halved. It grows by one when five times
    as many requests were answered. The worst case is growing from three to six: three refusals for 60 responses. So of
    R requests no more than 5 + R / 20 are refused.
    """
    source = open_living(Parameters(seed=5, recordings=1600, accounts=1))
    with serve(source, faults=["throttle-concurrency"], latency_ms=4) as emulator:
        summary = read_by(clock_of(source.ledger), accesses_of(emulator), tmp_path, concurrency=8)
        assert (summary.exit_code, summary.failed) == (0, {})
        requests, most = emulator.requests, emulator.most_at_once
    (account,) = source.accounts
    refused = sum(asked.status == 429 for asked in requests)
    assert most[account.account_sid] > 3
    assert summary.retries == refused > 0
    assert refused <= 5 + len(requests) / 20 < 0.1 * len(requests)
    # Nothing starts over: pages that were answered are not requested again.
    assert {asked.status for asked in requests} == {200, 429}
    assert max(Counter(asked.target for asked in requests if asked.status == 200).values()) == 1
    assert lake_facts(tmp_path) == ledger_facts(source.ledger)


@pytest.mark.parametrize("dies", [False, True], ids=["the window is cut", "the cursor dies"])
def test_recording_listed_once_keeps_its_cost(dies: bool, tmp_path: Path) -> None:
    """It is deleted as soon as a page with it was sent; it is the last row on the first page of the first fetch."""
    pages = 5 if dies else 12  # enough for a window to be split
    step = 58 * DAY_SECONDS // (pages * PAGE_SIZE)
    moments = [epoch_of(date(2026, 8, 1), number * step) for number in range(pages * PAGE_SIZE)]
    source = open_living([made(ACCOUNTS[0], *each) for each in enumerate(moments)], now=moments[-1] + 1)
    ledger = source.ledger
    sid = ledger.listed(ACCOUNTS[0])[PAGE_SIZE - 1].recording.sid

    def answer(request: HttpRequest) -> Response:
        response = source.answer(request)
        sheet = split_page(response)
        if (
            request.query.get("PageSize") == str(PAGE_SIZE)
            and sheet
            and any(sid in row for row in sheet.rows)
        ):
            ledger.delete(sid)
        return response

    with serve(replace(source, answer=answer), faults=["lost-cursor"] if dies else [], seed=2) as emulator:
        summary = read_by(clock_of(ledger), accesses_of(emulator), tmp_path)
        assert dies == (statuses(emulator)[400] > 0)
    assert summary.exit_code == 0
    assert ledger.get(sid).deleted_at is not None
    assert lake_facts(tmp_path)[sid].cost == ledger.get(sid).recording.price
