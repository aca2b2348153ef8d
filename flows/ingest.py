"""Ingest: walk the windows of each account and land every page, going on where a walk was broken off."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from flows.progress import Progress, silent
from flows.stores.account_state import AccountState, AccountStates
from flows.stores.lake import Lake
from flows.stores.patience import Patience
from flows.stores.raw_pages import Landing, RawPages
from flows.stores.recordings_api import Access, RecordingsApi
from transforms.errors import ApiError, DataError, RequestRefusedError
from transforms.plan import Reason, Rules, plan_days, windows_of
from transforms.windows import Window, asked_dates, covered_days, days_of, find_first_day

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The instant, in UTC."""
    return datetime.now(UTC)


@dataclass(slots=True)
class IngestSummary:
    """What ingesting asked and landed. `failed`: account name → what went wrong and what to do."""

    requests: int = 0
    retries: int = 0
    pages: int = 0
    rows: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    def add(self, other: "IngestSummary") -> None:
        """Count another account in."""
        self.requests += other.requests
        self.retries += other.retries
        self.pages += other.pages
        self.rows += other.rows
        self.failed |= other.failed


@dataclass(frozen=True, slots=True)
class Asked:
    """Which days are asked for (inclusive, UTC; None = from the account's first day, to today), and how.

    again: read every one of them, covered or not. rules: how far a run looks back.
    """

    first: date | None = None
    last: date | None = None
    again: bool = False
    rules: Rules = field(default_factory=Rules)


def ingest_account(
    access: Access,
    data_dir: Path,
    asked: Asked = Asked(),
    *,
    patience: Patience = Patience(),
    progress: Progress = silent,
    clock: Clock = utc_now,
) -> IngestSummary:
    """Finish walks that were broken off, then land the days of an account that have to be read.

    A failure does not raise: the summary says what went wrong and what to do.
    """
    api, raw = RecordingsApi(access, patience), RawPages(data_dir)
    summary = IngestSummary()
    try:
        for landing in raw.unfinished(access.account_sid):
            _resume(api, raw, landing, summary, clock)
        windows = windows_of(plan_account(api, data_dir, asked, clock().date()))
        for done, window in enumerate(windows):
            progress(f"ingest {access.name}", done, len(windows))
            _walk(api, raw, raw.begin(access.account_sid, window, clock()), summary, clock)
        progress(f"ingest {access.name}", len(windows), len(windows))
    except (ApiError, DataError) as error:
        logger.warning("%s", error)
        summary.failed[access.name] = str(error)
    finally:
        summary.requests, summary.retries = api.requests, api.retries
    return summary


def plan_account(api: RecordingsApi, data_dir: Path, asked: Asked, today: date) -> dict[date, Reason]:
    """The days to read now, each with the reason. May ask the API for the account's first day, once."""
    sid = api.access.account_sid
    covered = {
        day.day: day for day in covered_days(landing.reading for landing in RawPages(data_dir).complete(sid))
    }
    first = asked.first or min([_first_day(api, data_dir, today), *covered])
    # Days that have not begun hold nothing yet, and must not count as read.
    days = Window(first, min(asked.last or today, today))
    if asked.again:
        return dict.fromkeys(days_of(days), "asked again")
    counts = Lake(data_dir).count_by_day(sid, today - timedelta(days=asked.rules.settle_days))
    unsettled = [day for day, count in counts.items() if count.unsettled]
    return plan_days(days, today, covered, unsettled, asked.rules)


def _first_day(api: RecordingsApi, data_dir: Path, today: date) -> date:
    states, sid = AccountStates(data_dir), api.access.account_sid
    known = states.read(sid).first_day
    if known is not None:
        return known
    # An account without recordings is read from today on, so that it counts as covered.
    found = find_first_day(api.exists_before, today) or today
    states.write(sid, AccountState(found))
    return found


def _resume(
    api: RecordingsApi, raw: RawPages, landing: Landing, summary: IngestSummary, clock: Clock
) -> None:
    """Finish a walk that was broken off; if its cursor is refused by now, walk that window anew."""
    try:
        _walk(api, raw, landing, summary, clock)
    except RequestRefusedError:
        raw.discard(landing)
        _walk(api, raw, raw.begin(landing.account_sid, landing.window, clock()), summary, clock)


def _walk(api: RecordingsApi, raw: RawPages, landing: Landing, summary: IngestSummary, clock: Clock) -> None:
    writer = raw.writer(landing)
    pager = api.pager(asked_dates(landing.window))
    for body, envelope in writer.kept_pages():
        writer.note(pager.url or "", body, envelope.rows)
        pager.advance(envelope.next_page_uri)
    while (url := pager.url) is not None:
        body, envelope = api.fetch(url)
        pager.advance(envelope.next_page_uri)  # a page whose cursor cannot be followed is not kept
        writer.add(url, body, envelope.rows)
        summary.pages += 1
        summary.rows += envelope.rows
    writer.complete(clock())
