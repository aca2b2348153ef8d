"""Windows fetched concurrently: how many at once, which are split, and what a failed one does to the others."""

import errno
import json
import logging
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import pytest

from flows.emulator import LivingLedger, Recording, Source, open_living, open_recordings
from flows.emulator.http.messages import Response, error, json_bytes, unauthorized
from flows.ingest.ingest import ingest_account
from flows.model.coverage import coverage
from flows.normalize.normalize import normalize_account
from flows.stores.api.retries import RetryPolicy
from flows.stores.lake.lake import Lake
from flows.stores.raw.landing import LandingWriter
from flows.stores.raw.raw_pages import RawPages
from tests.support.runs.ledger_runs import accesses_of, ledger_cells, run_against, warehouse_cells
from tests.support.runs.watched import (
    ACCOUNT,
    HASTE,
    TODAY,
    Instead,
    Seen,
    bodies_on_disk,
    days_landed,
    epoch,
    evenly,
    ingest,
    knows_the_dialect,
    page_key,
    page_requests,
    recording,
    text_of,
    watched,
)
from transforms.ingest.request import IngestRequest
from transforms.pages.recordings import created_instants
from transforms.pages.records import read_envelope, read_records
from transforms.values.windows import Window, days_of, quarter_windows

AUGUST = Window(date(2026, 8, 1), date(2026, 8, 31))
IN_AUGUST = IngestRequest(AUGUST.first, AUGUST.last)
MANY = 60_000
QUARTERS = quarter_windows(date(2025, 7, 1), date(2026, 6, 30))
IN_QUARTERS = IngestRequest(QUARTERS[0].first, QUARTERS[-1].last)
PAGES_PER_QUARTER = 3


@pytest.fixture(scope="module")
def dense(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """60,000 recordings in a month: 60 pages, about two a day."""
    return open_recordings(
        evenly(AUGUST.first, AUGUST.last, MANY), tmp_path_factory.mktemp("dense") / "rendered"
    )


@pytest.fixture(scope="module")
def quarterly(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Four quarters of three pages each, too few to be split."""
    made: list[Recording] = []
    for quarter in QUARTERS:
        each = evenly(quarter.first, quarter.last, 2500)
        made += [recording(len(made) + one.sequence, one.created_at) for one in each]
    return open_recordings(made, tmp_path_factory.mktemp("quarterly") / "rendered")


def recordings_in(window: Window) -> int:
    """Return how many recordings of the dense source were created in a window."""
    created = (each.created_at for each in evenly(AUGUST.first, AUGUST.last, MANY))
    first, before = window.created_from.timestamp(), window.created_before.timestamp()
    return sum(first <= instant < before for instant in created)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder that already knows the account's dialect, so that every request is for a page of a window."""
    knows_the_dialect(tmp_path / "data", AUGUST.first)
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert workers_left() == []
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(2)  # the emulator's connections end a moment after it does
    assert [thread.name for thread in left if thread.is_alive()] == []


def workers_left() -> list[str]:
    """Return the threads that fetch or save."""
    return [each.name for each in threading.enumerate() if each.name.startswith(("fetch ", "save "))]


def windows_landed(data_dir: Path) -> list[Window]:
    return sorted(landing.window for landing in RawPages(data_dir).complete(ACCOUNT))


def assert_all_landed(data_dir: Path, recordings: int) -> None:
    """Check that each of this many recordings is listed by the landing of its day, and that nothing is left over."""
    raw, sids = RawPages(data_dir), set[str]()
    for landing in raw.complete(ACCOUNT):
        bodies = [page.body for page in raw.pages(landing)]
        # The pages of a landing are in order: each follows from the one before it, or begins with older hours of a day.
        for before, body in pairwise(bodies):
            own, following = own_uri(body), read_envelope(before).next_page_uri
            assert "PageToken" not in own or page_key(own) == page_key(following or "")
        sids |= sids_in(landing.window, bodies)
    assert len(sids) == recordings
    assert raw.unfinished(ACCOUNT) == []


def sids_in(window: Window, bodies: Iterable[bytes]) -> set[str]:
    """Return the recordings of a window that pages list."""
    records = [record for body in bodies for record in read_records(body).records]
    created = created_instants(records)
    return {
        record.sid
        for record, instant in zip(records, created, strict=True)
        if window.created_from <= instant < window.created_before
    }


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_workers_fetch_as_many_windows_at_once_as_configured(
    workers: int, dense: Source, data_dir: Path
) -> None:
    with watched(dense, latency=0.01 * workers) as (emulator, watch):
        assert ingest(emulator, data_dir, IN_AUGUST, concurrency=workers).failed == {}
        assert emulator.most_at_once == {ACCOUNT: workers}
    assert watch.most_windows_at_once() == workers  # never two requests of one window
    assert_all_landed(data_dir, MANY)


def test_dense_window_is_split_and_each_day_landed_once(dense: Source, data_dir: Path) -> None:
    with watched(dense) as (emulator, watch):
        summary = ingest(emulator, data_dir, IN_AUGUST)
    assert watch.windows()[0] == AUGUST
    landed = windows_landed(data_dir)
    assert len(landed) >= 8
    assert AUGUST not in landed
    assert all(each.is_whole for each in RawPages(data_dir).readable(ACCOUNT))
    assert days_landed(data_dir) == days_of(AUGUST)
    # Every page requested is stored, and none was requested twice.
    pages = sum(1 for _ in bodies_on_disk(data_dir))
    assert (summary.requests, summary.pages) == (pages, pages)
    assert pages < MANY / 1000 + 2 * len(watch.windows())
    assert max(Counter(seen.key for seen in watch.seen).values()) == 1


def test_concurrent_fetches_are_exact_to_the_last_decimal(dense: Source, data_dir: Path) -> None:
    with watched(dense) as (emulator, _):
        summary = run_against(emulator, data_dir, AUGUST.first, AUGUST.last)
        assert warehouse_cells(data_dir) == ledger_cells(emulator.totals())
    assert (summary.exit_code, summary.new, summary.holes) == (0, MANY, 0)


def test_sparse_account_costs_one_request_per_quarter(tmp_path: Path) -> None:
    """Ten recordings a month for three years; the first is not among the first days of its quarter."""
    months = [date(2023 + (month + 9) // 12, (month + 9) % 12 + 1, 1) for month in range(36)]
    made = [
        recording(10 * number + day, epoch(month.replace(day=3 + 2 * day)))
        for number, month in enumerate(months)
        for day in range(10)
    ]
    with watched(open_recordings(made, tmp_path / "rendered")) as (emulator, watch):
        summary = ingest(emulator, tmp_path / "data", IngestRequest())
    quarters = quarter_windows(date(2023, 10, 1), TODAY.date())
    assert len(quarters) == 12
    assert [window.last for window in sorted(watch.windows())] == [quarter.last for quarter in quarters]
    assert summary.requests - len(quarters) <= 30  # to probe the dialect and find the first day
    assert summary.rows == len(made)


@pytest.mark.parametrize("row", [0, 500, 999])
def test_unreadable_date_does_not_make_a_window_look_dense(row: int, tmp_path: Path, data_dir: Path) -> None:
    """A month of two pages; one row of the first has an unreadable date."""
    source = open_recordings(evenly(AUGUST.first, AUGUST.last, 1500), tmp_path / "rendered")

    def instead(seen: Seen, usual: Response) -> Response | None:
        if not seen.is_first_page:
            return None
        page = json.loads(text_of(usual))
        page["recordings"][min(row, len(page["recordings"]) - 1)]["date_created"] = "some time ago"
        return Response(200, (json_bytes(page),))

    with watched(source, instead=instead) as (emulator, watch):
        assert ingest(emulator, data_dir, IN_AUGUST).failed == {}
    assert len(watch.seen) == 2


def test_landings_get_distinct_instants_from_a_stopped_clock(dense: Source, data_dir: Path) -> None:
    with watched(dense) as (emulator, _):
        summary = ingest_account(
            accesses_of(emulator)[0], data_dir, IN_AUGUST, retry_policy=HASTE, clock=lambda: TODAY
        )
    landings = RawPages(data_dir).complete(ACCOUNT)
    assert summary.failed == {}
    assert len({landing.fetched_at for landing in landings}) == len(landings) >= 8
    assert all(timedelta() <= landing.fetched_at - TODAY < timedelta(seconds=1) for landing in landings)


BROKEN = QUARTERS[1]


def same_page_again(seen: Seen, usual: Response) -> Response | None:
    """Answer with a second page of the broken window that names itself as the next page."""
    if seen.window != BROKEN or seen.is_first_page:
        return None
    envelope = read_envelope(text_of(usual))
    assert envelope.next_page_uri is not None
    own = text_of(usual).split(b'"uri":')[1].split(b",")[0].strip()
    return Response(200, (text_of(usual).replace(json_bytes(envelope.next_page_uri), own, 1),))


def another_host(seen: Seen, usual: Response) -> Response | None:
    next_page = read_envelope(text_of(usual)).next_page_uri
    if seen.window != BROKEN or next_page is None:
        return None
    elsewhere = json_bytes(f"https://recordings.invalid{next_page}")
    return Response(200, (text_of(usual).replace(json_bytes(next_page), elsewhere, 1),))


def no_page(seen: Seen, usual: Response) -> Response | None:
    return (
        Response(200, (b'{"recordings": 3}',)) if seen.window == BROKEN and not seen.is_first_page else None
    )


def refused(seen: Seen, usual: Response) -> Response | None:
    return error(400, 20001, "Bad Request") if seen.window == BROKEN else None


@pytest.mark.parametrize(
    ("instead", "kept"), [(same_page_again, 1), (another_host, 0), (no_page, 1), (refused, 0)]
)
def test_failed_window_does_not_stop_other_windows(
    instead: Instead, kept: int, quarterly: Source, data_dir: Path
) -> None:
    with watched(quarterly, instead=instead) as (emulator, _):
        summary = ingest(emulator, data_dir, IN_QUARTERS)
    assert windows_landed(data_dir) == [quarter for quarter in QUARTERS if quarter != BROKEN]
    assert list(summary.failed) == [ACCOUNT]
    assert f"Not read: {BROKEN.first} to {BROKEN.last}." in summary.failed[ACCOUNT]
    assert summary.rows == 7500 + 1000 * kept
    normalize_account(data_dir, ACCOUNT)
    (found,) = coverage(data_dir, [ACCOUNT])
    assert found.holes == days_of(BROKEN)
    # Once the API is fixed, fetching continues after the landed pages, and nothing else is read.
    with watched(quarterly) as (emulator, watch):
        assert ingest(emulator, data_dir, IN_QUARTERS, now=TODAY + timedelta(hours=1)).failed == {}
    assert {seen.window for seen in watch.seen} == {BROKEN}
    assert len(watch.seen) == PAGES_PER_QUARTER - kept
    assert_all_landed(data_dir, 10_000)
    normalize_account(data_dir, ACCOUNT)
    (found,) = coverage(data_dir, [ACCOUNT])
    assert found.holes == []


def test_failed_window_does_not_stop_later_steps(tmp_path: Path, data_dir: Path) -> None:
    """Twenty quarters are more than one step takes."""
    quarters = quarter_windows(date(2021, 7, 1), date(2026, 6, 30))
    made = [recording(number, epoch(quarter.first)) for number, quarter in enumerate(quarters)]
    source = open_recordings(made, tmp_path / "rendered")

    def instead(seen: Seen, usual: Response) -> Response | None:
        return error(400, 20001, "Bad Request") if seen.window in (quarters[0], quarters[19]) else None

    with watched(source, instead=instead) as (emulator, _):
        summary = ingest(emulator, data_dir, IngestRequest(quarters[0].first, quarters[-1].last))
    assert windows_landed(data_dir) == quarters[1:19]
    assert summary.failed[ACCOUNT].endswith("Not read: 2021-07-01 to 2021-09-30 and 1 other windows.")


def fail_three_times(source: Source, data_dir: Path, instead: Instead) -> tuple[list[int], list[str]]:
    """Run three times over the quarters, one of which always fails; return each run's requests and message."""
    asked, messages = [], []
    with watched(source, instead=instead) as (emulator, watch):
        for run in range(3):
            before = len(watch.seen)
            summary = ingest(emulator, data_dir, IN_QUARTERS, now=TODAY + timedelta(hours=run))
            asked.append(len(watch.seen) - before)
            messages.append(summary.failed[ACCOUNT])
    return asked, messages


@pytest.mark.parametrize("instead", [no_page, refused])
def test_window_failing_every_run_keeps_one_unfinished_landing(
    instead: Instead, quarterly: Source, data_dir: Path
) -> None:
    asked, _ = fail_three_times(quarterly, data_dir, instead)
    assert len(RawPages(data_dir).unfinished(ACCOUNT)) == 1
    assert asked[1:] == [1, 1]


def test_window_failing_every_run_is_reported_once(quarterly: Source, data_dir: Path) -> None:
    _, messages = fail_three_times(quarterly, data_dir, no_page)
    assert [words for words in messages if "other windows" in words] == []


def finish_late(data_dir: Path, meanwhile: Callable[[LivingLedger], Recording]) -> dict[str, Any]:
    """Return a recording's row of the lake after its page was landed late.

    Fetching its window fails twice, a day apart. Then `meanwhile` changes the recording, and a third run finishes.
    """
    source = open_living(evenly(BROKEN.first, BROKEN.last, 2500), now=int(TODAY.timestamp()))
    asked, failures = IngestRequest(BROKEN.first, BROKEN.last), iter((True, True))

    def instead(seen: Seen, usual: Response) -> Response | None:
        return no_page(seen, usual) if not seen.is_first_page and next(failures, False) else None

    with watched(source, instead=instead) as (emulator, _):
        for day in range(2):
            assert ingest(emulator, data_dir, asked, now=TODAY + timedelta(days=day)).failed
            normalize_account(data_dir, ACCOUNT)
        happened = meanwhile(source.ledger)
        ingest(emulator, data_dir, asked, now=TODAY + timedelta(days=2))
        normalize_account(data_dir, ACCOUNT)
    rows: list[dict[str, Any]] = Lake(data_dir).read(ACCOUNT, f"{BROKEN.first:%Y-%m}").to_pylist()
    (row,) = [row for row in rows if row["recording_sid"] == happened.sid]
    return row


def test_recording_listed_by_a_late_page_is_not_deleted(data_dir: Path) -> None:
    row = finish_late(data_dir, lambda ledger: ledger.insert(recording(2500, epoch(BROKEN.first))))
    assert row["deleted_at"] is None


def test_price_listed_by_a_late_page_counts(data_dir: Path) -> None:
    """Its `date_updated` does not change; some APIs leave it."""

    def corrected(ledger: LivingLedger) -> Recording:
        oldest = ledger.listed(ACCOUNT)[-1].recording
        return ledger.change(oldest.sid, keep_updated_at=True, price=Decimal("0.5"))

    assert finish_late(data_dir, corrected)["price"] == Decimal("-0.5")


def test_refused_credentials_stop_all_workers_and_keep_pages(dense: Source, data_dir: Path) -> None:
    refusals: list[float] = []
    came: list[float] = []

    def instead(seen: Seen, usual: Response) -> Response | None:
        came.append(seen.came)
        if len(came) <= 20:
            return None
        refusals.append(time.monotonic())
        return unauthorized()

    with watched(dense, latency=0.02, instead=instead) as (emulator, _):
        summary = ingest(emulator, data_dir, IN_AUGUST)
        asked = page_requests(emulator)
    # Each of the other workers may be refused once as well before it is stopped.
    assert sum(1 for moment in came if moment > refusals[0]) <= 7
    assert sum(1 for moment in came if moment > refusals[0] + 0.5) == 0
    assert len(refusals) <= 8
    assert "refuses the credentials (401)" in summary.failed[ACCOUNT]
    assert summary.requests == len(asked) == len(came)
    kept = {page_key(own_uri(body)) for body in bodies_on_disk(data_dir)}
    assert len(kept) == 20  # all pages that were answered
    with watched(dense) as (emulator, watch):
        assert ingest(emulator, data_dir, IN_AUGUST, now=TODAY + timedelta(hours=1)).failed == {}
    assert kept & {seen.key for seen in watch.seen} == set()
    assert days_landed(data_dir) == days_of(AUGUST)
    assert_all_landed(data_dir, MANY)


def own_uri(body: bytes) -> str:
    """Return the `uri` in a page."""
    uri = json.loads(body)["uri"]
    assert isinstance(uri, str)
    return uri


def test_retry_after_holds_every_worker(dense: Source, data_dir: Path) -> None:
    hold, refused_at = 1.0, list[float]()
    number = count()

    def instead(seen: Seen, usual: Response) -> Response | None:
        if next(number) != 20:
            return None
        refused_at.append(time.monotonic())
        return error(429, 20429, "Too Many Requests", {"Retry-After": "1"})

    with watched(dense, latency=0.02, instead=instead) as (emulator, watch):
        summary = ingest(emulator, data_dir, IN_AUGUST)
    (moment,) = refused_at
    after = [seen.came - moment for seen in watch.seen if seen.came > moment]
    assert [late for late in after if 0.2 < late < hold - 0.05] == []
    assert len([late for late in after if late <= 0.2]) <= 14  # from workers that were not on hold yet
    assert min(late for late in after if late > 0.2) < hold + 1
    assert (summary.failed, summary.retries) == ({}, 1)
    assert_all_landed(data_dir, MANY)


class SlowLog(logging.Handler):
    """A log on a slow disk."""

    def emit(self, record: logging.LogRecord) -> None:
        time.sleep(0.15)


@pytest.fixture
def _slow_log() -> Iterator[None]:
    log, handler = logging.getLogger("flows.stores.api.client"), SlowLog()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield
    log.removeHandler(handler)
    log.setLevel(logging.NOTSET)


@pytest.mark.slow
@pytest.mark.usefixtures("_slow_log")
def test_no_request_is_sent_between_a_refusal_and_its_hold(dense: Source, data_dir: Path) -> None:
    """One of two workers waits because the API allows only one request at a time: it must wait for the hold, too."""
    number, refused_at = count(), list[float]()

    def instead(seen: Seen, usual: Response) -> Response | None:
        match next(number):
            case 10:
                return error(429, 20429, "Too Many Requests")
            case 14:
                refused_at.append(time.monotonic())
                return error(429, 20429, "Too Many Requests", {"Retry-After": "1"})
        return None

    with watched(dense, latency=0.02, instead=instead) as (emulator, watch):
        assert ingest(emulator, data_dir, IN_AUGUST, concurrency=2).failed == {}
    (moment,) = refused_at
    assert [seen for seen in watch.seen if moment < seen.came < moment + 0.95] == []


def test_too_many_requests_cost_workers_but_no_recording(dense: Source, data_dir: Path) -> None:
    with watched(dense, latency=0.03, faults=["throttle-concurrency"]) as (emulator, _):
        summary = ingest(emulator, data_dir, IN_AUGUST, retry_policy=RetryPolicy(backoff=0.01))
    assert summary.failed == {}
    assert summary.retries > 0
    assert_all_landed(data_dir, MANY)


def test_old_cursor_refused_restarts_only_its_window(quarterly: Source, data_dir: Path) -> None:
    """The previous run was interrupted after landing two pages of each window."""
    with watched(quarterly, instead=broken_third_page) as (emulator, _):
        ingest(emulator, data_dir, IN_QUARTERS)
    assert sum(1 for _ in bodies_on_disk(data_dir)) == 8
    is_first = iter((True,))

    def instead(seen: Seen, usual: Response) -> Response | None:
        is_refused = seen.window == BROKEN and not seen.is_first_page and next(is_first, False)
        return error(400, 54453, "The cursor is gone") if is_refused else None

    with watched(quarterly, instead=instead) as (emulator, watch):
        assert ingest(emulator, data_dir, IN_QUARTERS, now=TODAY + timedelta(hours=1)).failed == {}
    asked = defaultdict(list)
    for seen in watch.seen:
        asked[seen.window].append((seen.key[2], seen.status))
    assert asked.pop(BROKEN) == [("2", 400), ("0", 200), ("1", 200), ("2", 200)]
    assert asked == {quarter: [("2", 200)] for quarter in QUARTERS if quarter != BROKEN}
    assert_all_landed(data_dir, 10_000)


def broken_third_page(seen: Seen, usual: Response) -> Response | None:
    return Response(200, (b'{"recordings": 3}',)) if seen.key[2] == "2" else None


def test_cursor_lost_during_a_run_restarts_only_its_window(dense: Source, data_dir: Path) -> None:
    dead: list[Seen] = []

    def instead(seen: Seen, usual: Response) -> Response | None:
        if dead or seen.is_first_page or seen.window == AUGUST:
            return None
        dead.append(seen)
        return error(400, 54453, "The cursor is gone")

    with watched(dense, latency=0.005, instead=instead) as (emulator, watch):
        assert ingest(emulator, data_dir, IN_AUGUST).failed == {}
    # It may have been narrowed when it starts over.
    starts = Counter(seen.key[:2] for seen in watch.seen if seen.is_first_page)
    assert {bounds for bounds, times in starts.items() if times > 1} <= {dead[0].key[:2]}
    assert days_landed(data_dir) == days_of(AUGUST)
    assert_all_landed(data_dir, MANY)


def test_window_that_always_loses_its_cursor_is_given_up(quarterly: Source, data_dir: Path) -> None:
    def instead(seen: Seen, usual: Response) -> Response | None:
        is_dead = seen.window == BROKEN and not seen.is_first_page
        return error(400, 54453, "The cursor is gone") if is_dead else None

    with watched(quarterly, instead=instead) as (emulator, watch):
        summary = ingest(emulator, data_dir, IN_QUARTERS)
    assert windows_landed(data_dir) == [quarter for quarter in QUARTERS if quarter != BROKEN]
    assert "54453" in summary.failed[ACCOUNT]
    assert Counter(watch.windows())[BROKEN] == 7


def interrupt() -> None:
    """Press Ctrl-C: the signal reaches the main thread, which waits for the workers."""
    main = threading.main_thread().ident
    assert main is not None
    signal.pthread_kill(main, signal.SIGINT)


@pytest.mark.parametrize("after", [1, 12, 30])
def test_ctrl_c_ends_the_run_and_the_next_one_finishes_it(after: int, dense: Source, data_dir: Path) -> None:
    number, interrupted_at = count(1), list[float]()

    def instead(seen: Seen, usual: Response) -> Response | None:
        if next(number) == after:
            time.sleep(0.05)  # no thread is being started any more
            interrupted_at.append(time.monotonic())
            interrupt()
        return None

    with watched(dense, latency=0.02, instead=instead) as (emulator, watch):
        with pytest.raises(KeyboardInterrupt):
            ingest(emulator, data_dir, IN_AUGUST)
        ended_after = time.monotonic() - interrupted_at[0]
        until = time.monotonic() + 10
        while workers_left() and time.monotonic() < until:
            time.sleep(0.01)  # the run does not wait for pending responses
        assert workers_left() == []
        asked = len(page_requests(emulator))
        time.sleep(0.05)
        assert len(page_requests(emulator)) == asked
    assert ended_after < 30
    assert [seen for seen in watch.seen if seen.came > interrupted_at[0] + 0.5] == []
    kept = {page_key(own_uri(body)) for body in bodies_on_disk(data_dir)}
    with watched(dense) as (emulator, watch):
        assert ingest(emulator, data_dir, IN_AUGUST, now=TODAY + timedelta(hours=1)).failed == {}
    assert kept & {seen.key for seen in watch.seen} == set()
    assert days_landed(data_dir) == days_of(AUGUST)
    assert_all_landed(data_dir, MANY)


def test_ctrl_c_ends_a_long_wait_for_the_api(dense: Source, data_dir: Path) -> None:
    """The API asks to retry in a quarter of an hour."""
    number = count()

    def instead(seen: Seen, usual: Response) -> Response | None:
        held = error(429, 20429, "Too Many Requests", {"Retry-After": "900"})
        return held if next(number) >= 10 else None

    began = time.monotonic()
    timer = threading.Timer(0.7, interrupt)
    with watched(dense, instead=instead) as (emulator, _):
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            ingest(emulator, data_dir, IN_AUGUST)
    assert time.monotonic() - began < 60  # of 900
    assert workers_left() == []


@pytest.mark.parametrize("fails_at", [1, 15, 50])
def test_failed_disk_write_leaves_its_landing_incomplete(
    fails_at: int, dense: Source, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, add = count(1), LandingWriter.add
    lost: list[str] = []

    def failing(self: LandingWriter, url: str, body: bytes, rows: int) -> None:
        if next(number) == fails_at:
            lost.append(url)
            raise OSError(errno.ENOSPC, "No space left on device")
        add(self, url, body, rows)

    monkeypatch.setattr(LandingWriter, "add", failing)
    with watched(dense, latency=0.005) as (emulator, _), pytest.raises(OSError, match="No space left"):
        ingest(emulator, data_dir, IN_AUGUST)
    raw = RawPages(data_dir)
    complete = raw.complete(ACCOUNT)
    landed = {page_key(own_uri(page.body)) for landing in complete for page in raw.pages(landing)}
    assert page_key(lost[0]) not in landed
    for landing in complete:
        listed = sids_in(landing.window, (page.body for page in raw.pages(landing)))
        assert len(listed) == recordings_in(landing.window)
    monkeypatch.undo()
    kept = {page_key(own_uri(body)) for body in bodies_on_disk(data_dir)}
    with watched(dense) as (emulator, watch):
        assert ingest(emulator, data_dir, IN_AUGUST, now=TODAY + timedelta(hours=1)).failed == {}
    assert kept & {seen.key for seen in watch.seen} == set()
    assert_all_landed(data_dir, MANY)


def test_failed_manifest_write_is_finished_by_the_next_run(
    quarterly: Source, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(self: LandingWriter, completed_at: datetime) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(LandingWriter, "complete", failing)
    with watched(quarterly) as (emulator, _), pytest.raises(OSError, match="No space left"):
        ingest(emulator, data_dir, IngestRequest(BROKEN.first, BROKEN.last))
    monkeypatch.undo()
    assert RawPages(data_dir).complete(ACCOUNT) == []
    with watched(quarterly) as (emulator, watch):
        ingest(emulator, data_dir, IngestRequest(BROKEN.first, BROKEN.last), now=TODAY + timedelta(hours=1))
    assert (watch.seen, windows_landed(data_dir)) == ([], [BROKEN])
    assert_all_landed(data_dir, 2500)
