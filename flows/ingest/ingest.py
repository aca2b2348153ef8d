"""Ingest: finish what was broken off, plan the days of an account, and land every page of them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from flows.ingest.lanes import Lanes, days_in, window_of
from flows.ingest.plan import IngestRequest, find_dialect, plan_account
from flows.ingest.usage import ingest_usage
from flows.stage import Clock, Progress, Step, directly, silent, utc_now
from flows.stores.api.access import AccountAccess
from flows.stores.api.retries import RetryPolicy
from flows.stores.folder.account_state import AccountStates
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import ApiError, DataError, RecspendError
from transforms.ingest.plan import windows_of
from transforms.settings.run_names import span
from transforms.values.windows import Window, days_of

logger = logging.getLogger(__name__)

# So that a step is worth its cost to whoever runs it, and there are no more than a few for each account.
_WINDOWS_PER_STEP = 16

Tell = Callable[[int, int], None]


@dataclass(slots=True)
class IngestSummary:
    """What ingesting asked and landed. `failed`: account name → what went wrong and what to do.

    `warnings`: account name → what of less weight went wrong, while its recordings were read.
    """

    requests: int = 0
    retries: int = 0
    pages: int = 0
    rows: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, str] = field(default_factory=dict)

    def add(self, other: "IngestSummary") -> None:
        """Count another account in."""
        self.requests += other.requests
        self.retries += other.retries
        self.pages += other.pages
        self.rows += other.rows
        self.failed |= other.failed
        self.warnings |= other.warnings


def ingest_account(
    access: AccountAccess,
    data_dir: Path,
    asked: IngestRequest = IngestRequest(),
    *,
    concurrency: int = 8,
    retry_policy: RetryPolicy = RetryPolicy(),
    progress: Progress = silent,
    step: Step = directly,
    clock: Clock = utc_now,
) -> IngestSummary:
    """Finish walks that were broken off, then land the days of an account that have to be read.

    concurrency: how many windows are walked side by side. A failure does not raise: the summary says what went wrong
    and what to do.
    """
    raw, summary = RawPages(data_dir), IngestSummary()
    tell = partial(progress, f"ingest {access.name}")
    with Lanes(access, raw, retry_policy, concurrency, clock) as lanes:
        try:
            find_dialect(lanes, data_dir, clock().date())
            _walk(lanes, access, _unfinished(raw, access.account_sid, clock()), step, tell)
            days = plan_account(lanes, data_dir, asked, clock().date())
            # What failed just now waits for the next run, which goes on behind its last page.
            failed = {day for window, _ in lanes.landed.failures for day in days_of(window)}
            _walk(lanes, access, windows_of(days.keys() - failed), step, tell)
            if asked.usage and access.provider == "twilio":
                step(
                    f"usage {access.name}",
                    partial(_read_usage, lanes, data_dir, asked, clock, summary, access.name),
                )
        except (ApiError, DataError) as error:
            summary.failed[access.name] = str(error)
        if lanes.landed.failures and access.name not in summary.failed:
            summary.failed[access.name] = _told(lanes.landed.failures)
    for told in (summary.warnings.get(access.name), summary.failed.get(access.name)):
        if told:
            logger.warning("%s", told)
    summary.requests, summary.retries = lanes.requests, lanes.retries
    summary.pages, summary.rows = lanes.landed.pages, lanes.landed.rows
    return summary


def _read_usage(
    lanes: Lanes, data_dir: Path, asked: IngestRequest, clock: Clock, summary: IngestSummary, name: str
) -> None:
    """Read what the provider counts itself. It is there to compare with: without it, the recordings are as good."""
    today = clock().date()
    first = asked.first or AccountStates(data_dir).read(lanes.account_sid).first_day or today
    try:
        ingest_usage(
            lanes,
            data_dir,
            Window(first, min(asked.last or today, today)),
            asked.rules,
            clock,
            again=asked.again,
        )
    except (ApiError, DataError) as error:
        summary.warnings[name] = f"Usage Records were not read, the recordings were. {error}"


def _unfinished(raw: RawPages, account_sid: str, now: datetime) -> list[Window | Landing]:
    """What a run that was broken off has left to do.

    A landing whose days were read again since must not be gone on with: it would count as the older of the two
    readings, and list what is newer.
    """
    work: list[Window | Landing] = []
    unfinished = raw.unfinished(account_sid)
    later = [*raw.complete(account_sid), *unfinished]
    for landing in unfinished:
        is_stale = any(
            each.fetched_at > landing.fetched_at and each.window.overlaps(landing.window) for each in later
        )
        if not is_stale:
            work.append(landing)
        elif raw.has_pages(landing):
            raw.abandon(landing, now)
        else:
            raw.discard(landing)
    return work


def _walk(
    lanes: Lanes, access: AccountAccess, work: Sequence[Window | Landing], step: Step, tell: Tell
) -> None:
    total, done = sum(days_in(each) for each in work), 0
    for start in range(0, len(work), _WINDOWS_PER_STEP):
        batch = work[start : start + _WINDOWS_PER_STEP]
        tell_batch = partial(_tell_on, tell, done, total)
        step(f"ingest {access.name} {_span(batch)}", partial(lanes.walk, batch, tell_batch))
        done += sum(days_in(each) for each in batch)


def _tell_on(tell: Tell, before: int, total: int, done: int) -> None:
    tell(before + done, total)


def _span(work: Sequence[Window | Landing]) -> str:
    windows = [window_of(each) for each in work]
    return span(min(window.first for window in windows), max(window.last for window in windows))


def _told(failures: Sequence[tuple[Window, RecspendError]]) -> str:
    (window, error), *others = failures
    more = f" and {len(others)} other windows" if others else ""
    return f"{error} Not read: {window.first} to {window.last}{more}."
