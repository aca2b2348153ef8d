"""Ingest: walk the windows of each account and land every page, going on where a walk was broken off."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from flows.progress import Progress, silent
from flows.stores.raw_pages import Landing, RawPages
from flows.stores.recordings_api import Access, Patience, RecordingsApi
from transforms.errors import ApiError, DataError, RequestRefusedError
from transforms.windows import Window, asked_dates, find_first_day, month_windows

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


def ingest(
    accounts: Sequence[Access],
    data_dir: Path,
    *,
    first: date | None = None,
    last: date | None = None,
    patience: Patience = Patience(),
    progress: Progress = silent,
    clock: Clock = utc_now,
) -> IngestSummary:
    """Land the recordings of all accounts created on the days first to last (inclusive, UTC).

    Without `first`, from the first day the account has recordings on; without `last`, to today. An account that
    fails does not stop the others: the summary says which and why.
    """
    summary = IngestSummary()
    for access in accounts:
        summary.add(
            ingest_account(
                access, data_dir, first=first, last=last, patience=patience, progress=progress, clock=clock
            )
        )
    return summary


def ingest_account(
    access: Access,
    data_dir: Path,
    *,
    first: date | None = None,
    last: date | None = None,
    patience: Patience = Patience(),
    progress: Progress = silent,
    clock: Clock = utc_now,
) -> IngestSummary:
    """The same for one account."""
    api, raw = RecordingsApi(access, patience), RawPages(data_dir)
    summary = IngestSummary()
    try:
        resumed = [
            _resume(api, raw, landing, summary, clock) for landing in raw.unfinished(access.account_sid)
        ]
        windows = _plan(api, raw, first, last, clock().date())
        to_walk = [window for window in windows if window not in resumed]
        for done, window in enumerate(to_walk):
            progress(f"ingest {access.name}", done, len(to_walk))
            _walk(api, raw, Landing(access.account_sid, window, clock()), summary, clock)
        progress(f"ingest {access.name}", len(to_walk), len(to_walk))
    except (ApiError, DataError) as error:
        logger.warning("%s", error)
        summary.failed[access.name] = str(error)
    finally:
        summary.requests, summary.retries = api.requests, api.retries
    return summary


def _plan(
    api: RecordingsApi, raw: RawPages, first: date | None, last: date | None, today: date
) -> list[Window]:
    if first is None:
        landed = [landing.window.first for landing in raw.complete(api.access.account_sid)]
        found = find_first_day(api.exists_before, today)
        # Days read before are read again even when nothing is left of them: that is how deletions are found.
        # An account without recordings is still read today, so that it counts as covered.
        first = min([day for day in (found, *landed) if day is not None], default=today)
    # Days that have not begun hold nothing yet, and must not count as read.
    return month_windows(first, min(last or today, today))


def _resume(
    api: RecordingsApi, raw: RawPages, landing: Landing, summary: IngestSummary, clock: Clock
) -> Window:
    """Finish a walk that was broken off; if its cursor is refused by now, walk that window anew."""
    try:
        _walk(api, raw, landing, summary, clock)
    except RequestRefusedError:
        raw.discard(landing)
        anew = Landing(landing.account_sid, landing.window, clock())
        _walk(api, raw, anew, summary, clock)
    return landing.window


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
