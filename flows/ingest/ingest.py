"""Ingest: finish interrupted landings, plan which days of an account to read, and land every page of them."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType

from flows.ingest.dialects import Dialects, forget_dialect
from flows.ingest.known_days import note_asked
from flows.ingest.parts import give_up, is_part_of
from flows.ingest.plan import Plan, note_deleted_are_asked_for, plan_account
from flows.ingest.single_fetch import Singles
from flows.ingest.usage import ingest_usage
from flows.ingest.workers import NoteAsked, Workers
from flows.stage import Clock, Progress, silent, utc_now
from flows.stores.api.access import AccountAccess
from flows.stores.api.retries import RetryPolicy
from flows.stores.api.throttle import Brake
from flows.stores.bucket.turns import account_turn
from flows.stores.folder.account_state import AccountStates
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import ApiError, BucketError, BusyError, DataError, FilterChangedError, RecspendError
from transforms.ingest.dialect import Dialect
from transforms.ingest.request import IngestRequest
from transforms.values.windows import Window, days_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """The requests sent, and the pages, their rows and the single recordings landed.

    failed: account name → what went wrong and what to do. warnings: account name → what went wrong although all of its
    recordings were read. busy: account name → which other process has it, so that it was not read.
    """

    requests: int = 0
    retries: int = 0
    pages: int = 0
    rows: int = 0
    singles: int = 0
    failed: Mapping[str, str] = field(default_factory=dict)
    warnings: Mapping[str, str] = field(default_factory=dict)
    busy: Mapping[str, str] = field(default_factory=dict)

    def __add__(self, other: "IngestSummary") -> "IngestSummary":
        """Add up two summaries."""
        return IngestSummary(
            self.requests + other.requests,
            self.retries + other.retries,
            self.pages + other.pages,
            self.rows + other.rows,
            self.singles + other.singles,
            {**self.failed, **other.failed},
            {**self.warnings, **other.warnings},
            {**self.busy, **other.busy},
        )


def ingest_account(
    access: AccountAccess,
    data_dir: Path,
    request: IngestRequest = IngestRequest(),
    *,
    retry_policy: RetryPolicy = RetryPolicy(),
    progress: Progress = silent,
    clock: Clock = utc_now,
    brake: Brake | None = None,
    dialects: Dialects | None = None,
    wait_seconds: float = 0,
) -> IngestSummary:
    """Finish an account's interrupted landings, then land the days that have to be read.

    dialects: what the accounts of the run found out about their APIs. wait_seconds: how long to wait for another
    process that has the account; it is not read then, if that one still has it.

    Does not raise on a failure of the account: the summary says what went wrong and what to do. Raises StoppedError
    once the brake is pulled.
    """
    brake = brake or Brake()
    cure = "Its new days come with that run or the next."
    try:
        with account_turn(
            data_dir, access.account_sid, access.name, cure, wait_seconds, before_try=brake.refuse_pulled
        ):
            return _ingested(
                access, data_dir, request, retry_policy, progress, clock, brake, dialects or Dialects()
            )
    except BusyError as error:
        logger.warning("%s", error)
        return IngestSummary(busy={access.name: str(error)})
    except BucketError as error:
        return IngestSummary(failed={access.name: str(error)})


def _ingested(
    access: AccountAccess,
    data_dir: Path,
    request: IngestRequest,
    retry_policy: RetryPolicy,
    progress: Progress,
    clock: Clock,
    brake: Brake,
    dialects: Dialects,
) -> IngestSummary:
    name, failed, warning = access.name, "", ""
    with Workers(
        access, RawPages(data_dir), retry_policy, request.concurrency, clock, request.limits, brake
    ) as workers:
        try:
            _read_recordings(workers, data_dir, request, partial(progress, f"ingest {name}"), clock, dialects)
            if request.usage and access.provider == "twilio":
                warning = _read_usage(workers, data_dir, request, clock)
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
        workers.totals.singles,
        failed={name: failed} if failed else {},
        warnings={name: warning} if warning else {},
    )


def _read_recordings(
    workers: Workers,
    data_dir: Path,
    request: IngestRequest,
    report: Callable[[int, int], None],
    clock: Clock,
    dialects: Dialects,
) -> None:
    dialect = dialects.find(workers, data_dir, clock().date())
    note_deleted_are_asked_for(workers, data_dir, clock())
    fetch = partial(_fetch, workers, dialect, report)
    pending = unfinished(data_dir, workers.account_sid, clock())
    fetch([each for each in pending if not each.is_single])
    today = clock().date()
    plan = plan_account(workers, dialect, data_dir, request, today)
    # A window that failed just now is left to the next run, which continues after its last page.
    failed = {day for window, _ in workers.totals.failures for day in days_of(window)}
    windows = plan.windows(today, failed)
    singles = _singles(plan, windows, failed, [each for each in pending if each.is_single])
    asked = partial(note_asked, data_dir, workers.account_sid, plan.covered)
    fetch([*windows, *singles], plan.known, asked)
    if any(isinstance(error, FilterChangedError) for _, error in workers.totals.failures):
        forget_dialect(data_dir, workers.account_sid)


def _singles(
    plan: Plan, windows: Sequence[Window], without: Collection[date], interrupted: Sequence[Landing]
) -> list[Singles]:
    """Return the single recordings to ask for, day by day. interrupted: landings of such, to be continued or ended."""
    landings = {each.window: each for each in interrupted}
    asked_for = {Window(day, day): sids for day, sids in plan.asked_for(windows, without).items()}
    wanted = dict.fromkeys(landings, ()) | asked_for
    return [Singles(window, sids, plan.days, landings.get(window)) for window, sids in wanted.items()]


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


def unfinished(data_dir: Path, account_sid: str, now: datetime) -> list[Landing]:
    """Return the landings that an interrupted run left to be finished, without their parts.

    A landing whose days were read again since is abandoned, or discarded if it has no pages. If it were continued, it
    would count as the older of the two fetches, yet list newer data.
    """
    raw, pending = RawPages(data_dir), list[Landing]()
    found = raw.unfinished(account_sid)
    parts = [each for each in found if each.is_part]
    interrupted = [each for each in found if not each.is_part]
    first = min((each.fetched_at for each in interrupted), default=now)
    later = [*raw.complete(account_sid, first), *interrupted] if interrupted else []
    for landing in interrupted:
        is_stale = any(
            each.fetched_at > landing.fetched_at and each.window.overlaps(landing.window) for each in later
        )
        if is_stale:
            give_up(raw, landing, now)
        else:
            pending.append(landing)
    for part in parts:
        if not any(is_part_of(part, landing) for landing in pending):
            give_up(raw, part, now)
    return pending


def _fetch(
    workers: Workers,
    dialect: Dialect,
    report: Callable[[int, int], None],
    pending: Sequence[Window | Landing | Singles],
    known: Mapping[date, int] = MappingProxyType({}),
    asked: NoteAsked = lambda window, began: None,
) -> None:
    """Land windows and single recordings. Calls `report` with the number of days done and their total.

    known, asked: as for `Workers.fetch`.
    """
    if pending:
        windows = (each if isinstance(each, Window) else each.window for each in pending)
        total = sum(len(days_of(window)) for window in windows)
        # More days than planned are done where a recording has moved.
        workers.fetch(pending, dialect, lambda done: report(min(done, total), total), known, asked)


def _in_words(failures: Sequence[tuple[Window, RecspendError]]) -> str:
    (window, error), *others = failures
    more = f" and {len(others)} other windows" if others else ""
    return f"{error} Not read: {window.first} to {window.last}{more}."
