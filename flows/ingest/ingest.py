"""Ingest: finish what was broken off, plan the days of an account, and land every page of them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from flows.ingest.lanes import Lanes, days_in, window_of
from flows.ingest.plan import find_dialect, plan_account
from flows.ingest.usage import ingest_usage
from flows.stage import Clock, Progress, Step, directly, silent, utc_now
from flows.stores.api.access import AccountAccess
from flows.stores.api.retries import RetryPolicy
from flows.stores.folder.account_state import AccountStates
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import ApiError, DataError, RecspendError
from transforms.ingest.dialect import Dialect
from transforms.ingest.plan import IngestRequest, windows_of
from transforms.settings.run_names import span
from transforms.values.windows import Window, days_of

logger = logging.getLogger(__name__)

# So that a step is worth its cost to whoever runs it, and there are no more than a few for each account.
_WINDOWS_PER_STEP = 16


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What ingesting asked and landed. `failed`: account name → what went wrong and what to do.

    `warnings`: account name → what went wrong while its recordings were read anyway.
    """

    requests: int = 0
    retries: int = 0
    pages: int = 0
    rows: int = 0
    failed: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)

    def __add__(self, other: "IngestSummary") -> "IngestSummary":
        """Both accounts together."""
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
    """Finish what was interrupted, then land the days of an account that have to be read.

    A failure does not raise: the summary says what went wrong and what to do.
    """
    name, failed, warning = access.name, "", ""
    with Lanes(access, RawPages(data_dir), retry_policy, request.concurrency, clock) as lanes:
        try:
            _read_recordings(lanes, name, data_dir, request, progress, step, clock)
            if request.usage and access.provider == "twilio":
                warning = step(f"usage {name}", partial(_read_usage, lanes, data_dir, request, clock))
        except (ApiError, DataError) as error:
            failed = str(error)
    if lanes.landed.failures and not failed:
        failed = _in_words(lanes.landed.failures)
    for message in (warning, failed):
        if message:
            logger.warning("%s", message)
    return IngestSummary(
        lanes.requests,
        lanes.retries,
        lanes.landed.pages,
        lanes.landed.rows,
        failed={name: failed} if failed else {},
        warnings={name: warning} if warning else {},
    )


def _read_recordings(
    lanes: Lanes,
    name: str,
    data_dir: Path,
    request: IngestRequest,
    progress: Progress,
    step: Step,
    clock: Clock,
) -> None:
    dialect = find_dialect(lanes, data_dir, clock().date())
    fetch = partial(_fetch, lanes, dialect, name, step, partial(progress, f"ingest {name}"))
    fetch(_unfinished(RawPages(data_dir), lanes.account_sid, clock()))
    days = plan_account(lanes, dialect, data_dir, request, clock().date())
    # What failed just now waits for the next run, which goes on after its last page.
    failed = {day for window, _ in lanes.landed.failures for day in days_of(window)}
    fetch(windows_of(days.keys() - failed))


def _read_usage(lanes: Lanes, data_dir: Path, request: IngestRequest, clock: Clock) -> str:
    """Read what the provider counts itself; the warning when that fails. The recordings are complete without it."""
    today = clock().date()
    first = request.first or AccountStates(data_dir).read(lanes.account_sid).first_day or today
    days = Window(first, min(request.last or today, today))
    try:
        ingest_usage(lanes, data_dir, days, request.rules, clock, again=request.again)
    except (ApiError, DataError) as error:
        return f"Usage Records were not read, the recordings were. {error}"
    return ""


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


def _fetch(
    lanes: Lanes,
    dialect: Dialect,
    name: str,
    step: Step,
    report: Callable[[int, int], None],
    work: Sequence[Window | Landing],
) -> None:
    """Land windows, a few of them a step; `report` is called with the days done and their total."""
    total, done = sum(days_in(each) for each in work), 0
    for start in range(0, len(work), _WINDOWS_PER_STEP):
        batch = work[start : start + _WINDOWS_PER_STEP]
        report_batch = partial(_report_from, report, done, total)
        step(f"ingest {name} {_span(batch)}", partial(lanes.walk, batch, dialect, report_batch))
        done += sum(days_in(each) for each in batch)


def _report_from(report: Callable[[int, int], None], before: int, total: int, done: int) -> None:
    report(before + done, total)


def _span(work: Sequence[Window | Landing]) -> str:
    windows = [window_of(each) for each in work]
    return span(min(window.first for window in windows), max(window.last for window in windows))


def _in_words(failures: Sequence[tuple[Window, RecspendError]]) -> str:
    (window, error), *others = failures
    more = f" and {len(others)} other windows" if others else ""
    return f"{error} Not read: {window.first} to {window.last}{more}."
