"""Ingest: finish interrupted landings, plan which days of an account to read, and land every page of them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from flows.ingest.plan import find_dialect, note_deleted_are_asked_for, plan_account
from flows.ingest.usage import ingest_usage
from flows.ingest.workers import Workers, days_in, window_of
from flows.stage import Clock, Progress, Step, directly, silent, utc_now
from flows.stores.api.access import AccountAccess
from flows.stores.api.retries import RetryPolicy
from flows.stores.folder.account_state import AccountStates
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import ApiError, DataError, RecspendError
from transforms.ingest.dialect import Dialect
from transforms.ingest.plan import windows_of
from transforms.ingest.request import IngestRequest
from transforms.settings.run_names import span
from transforms.values.windows import Window, days_of

logger = logging.getLogger(__name__)

# Each step has a cost (a task, when Prefect runs it), so an account gets a few large steps, not one per window.
_WINDOWS_PER_STEP = 16


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """The requests sent and the pages and rows landed.

    failed: account name → what went wrong and what to do. warnings: account name → what went wrong although all of its
    recordings were read.
    """

    requests: int = 0
    retries: int = 0
    pages: int = 0
    rows: int = 0
    failed: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)

    def __add__(self, other: "IngestSummary") -> "IngestSummary":
        """Add up two summaries."""
        return IngestSummary(
            self.requests + other.requests,
            self.retries + other.retries,
            self.pages + other.pages,
            self.rows + other.rows,
            {**self.failed, **other.failed},
            {**self.warnings, **other.warnings},
        )


def ingest_account(
    access: AccountAccess,
    data_dir: Path,
    request: IngestRequest = IngestRequest(),
    *,
    retry_policy: RetryPolicy = RetryPolicy(),
    progress: Progress = silent,
    step: Step = directly,
    clock: Clock = utc_now,
) -> IngestSummary:
    """Finish an account's interrupted landings, then land the days that have to be read.

    Does not raise on a failure: the summary says what went wrong and what to do.
    """
    name, failed, warning = access.name, "", ""
    with Workers(
        access, RawPages(data_dir), retry_policy, request.concurrency, clock, request.limits
    ) as workers:
        try:
            _read_recordings(workers, name, data_dir, request, progress, step, clock)
            if request.usage and access.provider == "twilio":
                warning = step(f"usage {name}", partial(_read_usage, workers, data_dir, request, clock))
        except (ApiError, DataError) as error:
            failed = str(error)
    if workers.totals.failures and not failed:
        failed = _in_words(workers.totals.failures)
    for message in (warning, failed):
        if message:
            logger.warning("%s", message)
    return IngestSummary(
        workers.requests,
        workers.retries,
        workers.totals.pages,
        workers.totals.rows,
        failed={name: failed} if failed else {},
        warnings={name: warning} if warning else {},
    )


def _read_recordings(
    workers: Workers,
    name: str,
    data_dir: Path,
    request: IngestRequest,
    progress: Progress,
    step: Step,
    clock: Clock,
) -> None:
    dialect = find_dialect(workers, data_dir, clock().date())
    note_deleted_are_asked_for(workers, data_dir, clock())
    fetch = partial(_fetch_in_steps, workers, dialect, name, step, partial(progress, f"ingest {name}"))
    fetch(_unfinished(RawPages(data_dir), workers.account_sid, clock()))
    days = plan_account(workers, dialect, data_dir, request, clock().date()).reads
    # A window that failed just now is left to the next run, which continues after its last page.
    failed = {day for window, _ in workers.totals.failures for day in days_of(window)}
    fetch(windows_of(days.keys() - failed))


def _read_usage(workers: Workers, data_dir: Path, request: IngestRequest, clock: Clock) -> str:
    """Read the provider's own usage counts. Returns a warning if that fails, else "": recordings don't depend on it."""
    today = clock().date()
    first = request.first or AccountStates(data_dir).read(workers.account_sid).first_day or today
    days = Window(first, min(request.last or today, today))
    try:
        ingest_usage(workers, data_dir, days, request.rules, clock, again=request.again)
    except (ApiError, DataError) as error:
        return f"The recordings were read, but the Usage Records were not. {error}"
    return ""


def _unfinished(raw: RawPages, account_sid: str, now: datetime) -> list[Window | Landing]:
    """Return the landings that an interrupted run left to be finished.

    A landing whose days were read again since is abandoned, or discarded if it has no pages. If it were continued, it
    would count as the older of the two fetches, yet list newer data.
    """
    pending: list[Window | Landing] = []
    unfinished = raw.unfinished(account_sid)
    later = [*raw.complete(account_sid), *unfinished]
    for landing in unfinished:
        is_stale = any(
            each.fetched_at > landing.fetched_at and each.window.overlaps(landing.window) for each in later
        )
        if not is_stale:
            pending.append(landing)
        elif raw.has_pages(landing):
            raw.abandon(landing, now)
        else:
            raw.discard(landing)
    return pending


def _fetch_in_steps(
    workers: Workers,
    dialect: Dialect,
    name: str,
    step: Step,
    report: Callable[[int, int], None],
    pending: Sequence[Window | Landing],
) -> None:
    """Land windows in steps of a few windows each. Calls `report` with the number of days done and their total."""
    total, done = sum(days_in(each) for each in pending), 0
    for start in range(0, len(pending), _WINDOWS_PER_STEP):
        batch = pending[start : start + _WINDOWS_PER_STEP]
        report_batch = partial(_report_from, report, done, total)
        step(f"ingest {name} {_span(batch)}", partial(workers.fetch, batch, dialect, report_batch))
        done += sum(days_in(each) for each in batch)


def _report_from(report: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    report(before + done, total)


def _span(pending: Sequence[Window | Landing]) -> str:
    windows = [window_of(each) for each in pending]
    return span(min(window.first for window in windows), max(window.last for window in windows))


def _in_words(failures: Sequence[tuple[Window, RecspendError]]) -> str:
    (window, error), *others = failures
    more = f" and {len(others)} other windows" if others else ""
    return f"{error} Not read: {window.first} to {window.last}{more}."
