"""What a run reads again, what it finds, and what it does not request needlessly. It is September 2026."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flows.emulator import Emulator, Recording, open_recordings, serve
from flows.ingest.ingest import IngestSummary, ingest_account
from flows.ingest.plan import plan_account
from flows.ingest.workers import Workers
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.stores.api.client import RecordingsApi
from flows.stores.api.retries import RetryPolicy
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from tests.support.runs.ledger_runs import accesses_of, context_for, rows_of
from transforms.ingest.dialect import Dialect
from transforms.ingest.request import IngestRequest, Rules
from transforms.values.windows import Window

pytestmark = pytest.mark.builds("marts.daily_spend")

ACCOUNT = "5a3c0c2e-0000-4000-8000-000000000001"
TODAY = datetime(2026, 9, 30, 12, tzinfo=UTC)
EVERY_FACT = "select * from marts.fct_recordings order by recording_sid"


def recording(sequence: int, day: date, price: str | None = "0.0025", **facts: Any) -> Recording:
    created_at = int(datetime(day.year, day.month, day.day, 9, tzinfo=UTC).timestamp()) + sequence
    return Recording(
        **{
            "account_sid": ACCOUNT,
            "sequence": sequence,
            "created_at": created_at,
            "updated_at": created_at + 60,
            "started_at": created_at,
            "ended_at": created_at + 30,
            "call_sid": f"call-{sequence}",
            "conference_sid": None,
            "duration_seconds": 30,
            "source": "DialVerb",
            "channels": 1,
            "status": "completed",
            "price": None if price is None else Decimal(price),
            "currency": "USD",
            **facts,
        }
    )


numbered = count()


@contextmanager
def served(recordings: Sequence[Recording], tmp_path: Path) -> Iterator[Emulator]:
    with serve(open_recordings(recordings, tmp_path / f"rendered-{next(numbered)}")) as emulator:
        yield emulator


def read(
    emulator: Emulator,
    data_dir: Path,
    now: datetime,
    asked: IngestRequest = IngestRequest(),
    created_on: date | None = None,
) -> IngestSummary:
    """Do a run at an instant: ingest, normalize, model. created_on: when the account was created, if that is known."""
    steps = count()  # next() on it is atomic: all workers call it
    (access,) = accesses_of(emulator)
    summary = ingest_account(
        replace(access, created_on=created_on),
        data_dir,
        asked,
        retry_policy=RetryPolicy(backoff=0),
        clock=lambda: now + timedelta(milliseconds=next(steps)),
    )
    for stage in ("normalize", "model"):
        perform(context_for([], data_dir), RunRequest(stage))
    return summary


def days_asked(emulator: Emulator, since: int) -> list[tuple[str, str]]:
    """Return the first and last day of each window requested after the first `since` requests."""
    asked = []
    for request in emulator.requests[since:]:
        query = parse_qs(urlsplit(request.target).query)
        # Requests with one row a page are probes, not reads.
        if query["PageSize"] == ["1000"] and "PageToken" not in query:
            first, last = (
                datetime.fromisoformat(query[name][0]) for name in ("DateCreated>", "DateCreated<")
            )
            days = first + timedelta(seconds=1), last - timedelta(seconds=1)
            asked.append((days[0].date().isoformat(), days[1].date().isoformat()))
    return sorted(asked)


SETTLED = [recording(0, date(2026, 8, 3)), recording(1, date(2026, 9, 2)), recording(2, date(2026, 9, 29))]


def test_first_run_finds_the_first_day_and_reads_to_today(tmp_path: Path) -> None:
    with served(SETTLED, tmp_path) as emulator:
        summary = read(emulator, tmp_path / "data", TODAY)
        windows = days_asked(emulator, 0)
    assert windows[0][0] in ("2026-08-01", "2026-08-02", "2026-08-03")
    assert [window[1] for window in windows] == ["2026-09-30"]
    assert summary.requests < 40


def test_next_run_requests_only_the_newest_days(tmp_path: Path) -> None:
    with served(SETTLED, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY)
        before = len(emulator.requests)
        summary = read(emulator, tmp_path / "data", TODAY + timedelta(hours=1))
        assert days_asked(emulator, before) == [("2026-09-28", "2026-09-30")]
    assert summary.requests == 1


def test_late_price_is_found_without_reading_other_old_days(tmp_path: Path) -> None:
    unpriced = [*SETTLED[:1], recording(1, date(2026, 9, 2), price=None), SETTLED[2]]
    with served(unpriced, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY)
    with served(SETTLED, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY + timedelta(hours=1))
        assert days_asked(emulator, 0) == [("2026-09-28", "2026-09-30")]
        before = len(emulator.requests)
        no_audit = IngestRequest(rules=Rules(audit_requests=0))
        read(emulator, tmp_path / "data", TODAY + timedelta(days=7), no_audit)
        # The whole month has few recordings, so it costs no request more.
        assert days_asked(emulator, before)[0] == ("2026-09-01", "2026-09-30")
    priced = rows_of(
        tmp_path / "data",
        "select cost, first_seen_at, first_priced_at from marts.fct_recordings order by created_at",
    )
    assert [row["cost"] for row in priced] == [Decimal("0.0025")] * 3
    assert priced[1]["first_priced_at"] - priced[1]["first_seen_at"] >= timedelta(minutes=59)


def test_unpriced_recording_is_read_again_until_settle_days(tmp_path: Path) -> None:
    old = [recording(0, date(2026, 8, 3), price=None)]
    with served(old, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY)
        before = len(emulator.requests)
        read(
            emulator,
            tmp_path / "data",
            TODAY + timedelta(hours=1),
            IngestRequest(rules=Rules(settle_days=57)),
        )
        assert days_asked(emulator, before) == [("2026-09-28", "2026-09-30")]
        before = len(emulator.requests)
        read(
            emulator,
            tmp_path / "data",
            TODAY + timedelta(hours=2),
            IngestRequest(rules=Rules(settle_days=59, settle_each_run_days=59)),
        )
        assert days_asked(emulator, before) == [("2026-08-03", "2026-08-04"), ("2026-09-28", "2026-09-30")]


def test_days_since_the_last_run_are_read(tmp_path: Path) -> None:
    with served(SETTLED, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY)
    later = [*SETTLED, recording(3, date(2026, 10, 5))]
    with served(later, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY + timedelta(days=10))
        # The days since the last run, and in the same request those that still have recordings.
        assert days_asked(emulator, 0) == [("2026-08-02", "2026-09-30"), ("2026-10-01", "2026-10-10")]
    assert len(rows_of(tmp_path / "data", EVERY_FACT)) == 4


def test_audit_finds_an_old_deletion_and_keeps_its_cost(tmp_path: Path) -> None:
    with served(SETTLED, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY)
    with served(SETTLED[1:], tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY + timedelta(hours=1))
        unnoticed = rows_of(
            tmp_path / "data", "select deleted_at from marts.fct_recordings where deleted_at is not null"
        )
        assert unnoticed == []
        read(
            emulator,
            tmp_path / "data",
            TODAY + timedelta(hours=2),
            IngestRequest(rules=Rules(audit_days=100)),
        )
    (row,) = rows_of(
        tmp_path / "data",
        "select created_at, cost, deleted_at from marts.fct_recordings where deleted_at is not null",
    )
    assert (row["created_at"].date(), row["cost"]) == (date(2026, 8, 3), Decimal("0.0025"))
    assert row["deleted_at"] >= TODAY + timedelta(hours=2)


def test_recording_that_reappears_is_no_longer_deleted(tmp_path: Path) -> None:
    again = IngestRequest(first=date(2026, 9, 1), again=True)
    for hour, recordings in enumerate([SETTLED, SETTLED[:2], SETTLED]):
        with served(recordings, tmp_path) as emulator:
            read(emulator, tmp_path / "data", TODAY + timedelta(hours=hour), again)
        gone = rows_of(
            tmp_path / "data", "select recording_sid from marts.fct_recordings where deleted_at is not null"
        )
        assert len(gone) == (1 if hour == 1 else 0)


def test_recording_that_moves_to_another_month_counts_once(tmp_path: Path) -> None:
    moved = replace(
        SETTLED[1], created_at=SETTLED[1].created_at - 5 * 86400, updated_at=SETTLED[1].updated_at + 9
    )
    everything = IngestRequest(first=date(2026, 8, 1), again=True)
    with served(SETTLED, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY, everything)
    with served([SETTLED[0], moved, SETTLED[2]], tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY + timedelta(hours=1), everything)
    rows = rows_of(
        tmp_path / "data",
        "select recording_sid, created_at, deleted_at, first_seen_at from marts.fct_recordings",
    )
    assert len(rows) == 3
    (row,) = [row for row in rows if row["recording_sid"] == moved.sid]
    assert (row["created_at"].date(), row["deleted_at"]) == (date(2026, 8, 28), None)
    assert row["first_seen_at"] < TODAY + timedelta(minutes=1)
    assert (
        rows_of(tmp_path / "data", "select name from ops.checks where severity = 'fail' and not is_passed")
        == []
    )


def test_again_reads_every_day_of_the_range_and_no_other(tmp_path: Path) -> None:
    days = IngestRequest(first=date(2026, 9, 1), last=date(2026, 9, 5))
    with served(SETTLED, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY, days)
        before = len(emulator.requests)
        assert read(emulator, tmp_path / "data", TODAY, days).requests == 0
        read(emulator, tmp_path / "data", TODAY, replace(days, again=True))
        assert days_asked(emulator, before) == [("2026-09-01", "2026-09-05")]


def test_future_days_are_not_requested_or_counted_as_read(tmp_path: Path) -> None:
    with served(SETTLED, tmp_path) as emulator:
        read(
            emulator,
            tmp_path / "data",
            TODAY,
            IngestRequest(first=date(2026, 9, 29), last=date(2026, 10, 31)),
        )
        assert days_asked(emulator, 0) == [("2026-09-29", "2026-09-30")]
        (access,) = accesses_of(emulator)
        data_dir = tmp_path / "data"
        with Workers(access, RawPages(data_dir), RetryPolicy(), 1) as workers:
            plan = plan_account(
                workers, Dialect(), data_dir, IngestRequest(first=date(2026, 9, 29)), date(2026, 10, 1)
            ).reads
    assert plan[date(2026, 10, 1)] == "not covered"


def test_refused_cursor_restarts_only_its_landing(tmp_path: Path) -> None:
    recordings = [recording(number, date(2026, 9, 2)) for number in range(1200)]
    data_dir = tmp_path / "data"
    window = Window(date(2026, 9, 1), date(2026, 9, 3))
    with served(recordings, tmp_path) as emulator:
        (access,) = accesses_of(emulator)
        api, raw = RecordingsApi(access), RawPages(data_dir)
        interrupted = Landing(ACCOUNT, window, TODAY)
        pager = api.pager({"DateCreated>": "2026-08-31T00:00:00Z", "DateCreated<": "2026-09-04T00:00:00Z"})
        body, envelope = api.fetch(pager.url or "")
        refused = body.replace(b"PageToken=PA", b"PageToken=XX")
        assert refused != body
        raw.writer(interrupted).add(pager.url or "", refused, envelope.rows)
        read(
            emulator,
            data_dir,
            TODAY + timedelta(hours=1),
            IngestRequest(first=window.first, last=window.last),
        )
    assert raw.unfinished(ACCOUNT) == []
    assert interrupted not in raw.complete(ACCOUNT)
    assert len(rows_of(data_dir, EVERY_FACT)) == 1200


def test_account_added_later_gets_its_whole_history(tmp_path: Path) -> None:
    other = "5a3c0c2e-0000-4000-8000-000000000002"
    with served(SETTLED, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY)
    theirs = [
        recording(0, date(2025, 3, 7), account_sid=other),
        recording(1, date(2026, 9, 29), account_sid=other),
    ]
    with served(theirs, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY)
    rows = rows_of(
        tmp_path / "data",
        f"select usage_date from marts.daily_spend where account_sid = '{other}' order by 1",
    )
    assert [row["usage_date"] for row in rows] == [date(2025, 3, 7), date(2026, 9, 29)]


@pytest.mark.parametrize("days_ago", [0, 1, 400, 3650])
def test_first_day_is_found_at_any_age(days_ago: int, tmp_path: Path) -> None:
    day = TODAY.date() - timedelta(days=days_ago)
    with served([recording(0, day)], tmp_path) as emulator:
        summary = read(emulator, tmp_path / "data", TODAY)
        probes = len(emulator.requests) - len(days_asked(emulator, 0))
    assert len(rows_of(tmp_path / "data", EVERY_FACT)) == 1
    assert probes <= 30
    assert summary.failed == {}


def probes(emulator: Emulator, since: int) -> int:
    """Count the requests for a single row after the first `since` requests."""
    return sum("PageSize=1&" in f"{request.target}&" for request in emulator.requests[since:])


def test_young_account_is_read_from_its_creation_on(tmp_path: Path) -> None:
    with served(SETTLED, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY, created_on=date(2026, 8, 2))
        calibration = probes(emulator, 0)
        assert calibration <= 5
        assert days_asked(emulator, 0) == [("2026-08-01", "2026-09-30")]
        read(emulator, tmp_path / "data", TODAY + timedelta(hours=1), created_on=date(2026, 8, 2))
        assert probes(emulator, 0) == calibration
        for day in (1, 2):  # asked once, on another day
            read(emulator, tmp_path / "data", TODAY + timedelta(days=day), created_on=date(2026, 8, 2))
            assert probes(emulator, 0) == calibration + 1
    assert len(rows_of(tmp_path / "data", EVERY_FACT)) == len(SETTLED)


def test_creation_day_that_is_wrong_is_found_out_the_day_after(tmp_path: Path) -> None:
    with served(SETTLED, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY, created_on=date(2026, 9, 1))
        assert len(rows_of(tmp_path / "data", EVERY_FACT)) == 2
        read(emulator, tmp_path / "data", TODAY + timedelta(days=1), created_on=date(2026, 9, 1))
    assert len(rows_of(tmp_path / "data", EVERY_FACT)) == 3
    assert rows_of(tmp_path / "data", "from ops.coverage where not is_covered") == []


def test_coverage_counts_recordings_and_unsettled_ones_by_day(tmp_path: Path) -> None:
    day = date(2026, 9, 2)
    recordings = [
        recording(0, day),
        recording(1, day, price=None),
        recording(2, day, status="in-progress"),
        recording(3, date(2026, 9, 3), price="0"),
    ]
    with served(recordings, tmp_path) as emulator:
        read(emulator, tmp_path / "data", TODAY, IngestRequest(first=date(2026, 9, 1), last=date(2026, 9, 3)))
    rows = rows_of(
        tmp_path / "data",
        "select day, is_covered, recordings, unsettled_recordings from ops.coverage order by day",
    )
    assert [tuple(row.values()) for row in rows] == [
        (date(2026, 9, 1), True, 0, 0),
        (day, True, 3, 2),
        (date(2026, 9, 3), True, 1, 0),
    ]


def test_torn_lake_file_is_repaired_by_the_same_run(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with served(SETTLED, tmp_path) as emulator:
        read(emulator, data_dir, TODAY)
        month = (
            data_dir
            / "recordings"
            / f"account_sid={ACCOUNT}"
            / "created_month=2026-09"
            / "recordings.parquet"
        )
        month.write_bytes(month.read_bytes()[:100])
        torn = read(emulator, data_dir, TODAY + timedelta(hours=1))
        assert torn.failed == {}
        assert len(rows_of(data_dir, EVERY_FACT)) == 3
        assert read(emulator, data_dir, TODAY + timedelta(hours=2)).failed == {}


def test_changed_price_is_a_correction_also_after_a_rebuild(tmp_path: Path) -> None:
    corrected = [SETTLED[0], SETTLED[1], recording(2, date(2026, 9, 29), price="0.005")]
    data_dir = tmp_path / "data"
    with served(SETTLED, tmp_path) as emulator:
        read(emulator, data_dir, TODAY)
    with served(corrected, tmp_path) as emulator:
        read(emulator, data_dir, TODAY + timedelta(hours=1))
    query = "select * from ops.corrections"
    (row,) = found = rows_of(data_dir, query)
    assert row["recording_sid"] == corrected[2].sid
    assert (row["cost_before"], row["cost_after"]) == (Decimal("0.0025"), Decimal("0.005"))
    assert row["seen_at"] >= TODAY + timedelta(hours=1)
    for page, price in ((row["raw_page_before"], "0.0025"), (row["raw_page_after"], "0.005")):
        assert price.encode() in RawPages(data_dir).page(page)[0].body
    shutil.rmtree(data_dir / "corrections")
    perform(context_for([], data_dir), RunRequest("normalize", rebuild=True))
    perform(context_for([], data_dir), RunRequest("model"))
    assert rows_of(data_dir, query) == found
