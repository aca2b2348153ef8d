"""What surrounds the stages of a run. Read `lifecycle` from top to bottom: it enters the outermost context first.

Only the command `run` writes a record and metrics and sends notifications. A single stage only takes the locks.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flows.monitor.notify import findings_now, notify
from flows.run.compaction import compact_daily
from flows.run.request import RunContext, RunRequest, accounts_to_read
from flows.run.summary import RunSummary
from flows.run.upgrade import held
from flows.stage import utc_now
from flows.stores.api.access import AccountAccess
from flows.stores.bucket.turns import bind, share_runs, shared_turn
from flows.stores.folder.data_locks import DataLocks
from flows.stores.waiting import retried
from transforms.errors import BucketError, BusyError
from transforms.monitor.coverage_gaps import young_holes
from transforms.monitor.findings import (
    KINDS,
    OF_FIGURES,
    Finding,
    account_key,
    failed_accounts,
    failed_checks,
    failed_run,
)
from transforms.monitor.messages import Seen

SECONDS_FOR_A_BUILD = 3_600.0
"""How long a run waits, at least, for another one that builds the tables."""

_SECONDS_BETWEEN_TRIES = 0.1
_WAIT = "wait for the tables"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Run:
    """A run in progress.

    started: UTC. is_rebuilt: an upgrade of the data folder rebuilt the lake. is_on_record: the run has its own record.
    save_record: writes the record of the run as it is now, so that the warehouse built next includes it. holding: what
    is held until everything is done.
    remember: stores what was reported, once everything else is done: a run that is killed before has reported nothing.
    """

    context: RunContext
    request: RunRequest
    accounts: Sequence[AccountAccess] = ()
    summary: RunSummary = field(default_factory=RunSummary)
    started: datetime = field(default_factory=utc_now)
    is_rebuilt: bool = False
    is_on_record: bool = False
    save_record: Callable[[], None] = lambda: None
    holding: ExitStack = field(default_factory=ExitStack)
    remember: Callable[[], None] = lambda: None

    @property
    def wait_seconds(self) -> float:
        """How long the run waits for another one that has what it needs to begin."""
        return 60.0 * self.request.wait_minutes

    def hold_warehouse(self) -> None:
        """Keep the tables, and everything made of them, from other runs until everything is done.

        Another run that builds them is waited for: it takes minutes at most, and everything was read already. Raises
        BusyError if that run hangs.
        """
        locks, progress = DataLocks(self.context.settings.data_dir), self.context.progress
        builder = locks.warehouse_holder()
        if builder:
            progress(_WAIT, 0, 1)
            logger.info("Another run is building the tables: %s. Waiting for it.", builder)
        seconds = max(self.wait_seconds, SECONDS_FOR_A_BUILD)
        self.holding.enter_context(locks.warehouse(seconds))
        self.holding.enter_context(shared_turn(self.context.settings.data_dir, seconds))
        if builder:
            progress(_WAIT, 1, 1)


@contextmanager
def lifecycle(context: RunContext, request: RunRequest) -> Iterator[Run]:
    """Do everything around the stages of a run; the block does the stages.

    Raises BusyError when other processes have the data folder, or each account that is asked for (nothing is recorded
    or sent then), or the tables for too long; ConfigError when an account or its token is missing or a newer recspend
    wrote the folder, DataError when the folder cannot be upgraded, and any error of the block.
    """
    with begun(context, request) as run:
        run.accounts = accounts_to_read(context, request)
        with held(context.settings.data_dir, context.progress, run.wait_seconds) as here, run.holding:
            bind(context.settings.data_dir, context.settings.lake_url)
            run.started, run.is_rebuilt = here.since, here.is_rebuilt
            refuse_busy(run)
            with on_record(run):
                yield run
                if request.builds_tables:
                    compact_daily(context)
            run.remember()
        _share_runs(context)


def _share_runs(context: RunContext) -> None:
    """Add the record of the run to the bucket, if there is one. The next run does it if that fails."""
    try:
        share_runs(context.settings.data_dir)
    except (BucketError, BusyError) as error:
        logger.warning("The record of this run is not in the bucket yet: %s", error)


def refuse_busy(run: Run) -> None:
    """Raise BusyError if other processes still have all accounts of a run after the time that it waits."""
    locks = DataLocks(run.context.settings.data_dir)

    def refuse() -> None:
        holders = [locks.account_holder(each.account_sid) for each in run.accounts]
        if all(holders):
            by_process = " and ".join(sorted({str(holder) for holder in holders}))
            names = run.accounts[0].name if len(run.accounts) == 1 else f"all {len(run.accounts)} accounts"
            raise BusyError(
                f"Another run is working on {names}: {by_process}. Its new days come with that run or the next."
            )

    if run.accounts:
        retried(refuse, BusyError, run.wait_seconds, _SECONDS_BETWEEN_TRIES)


@contextmanager
def begun(context: RunContext, request: RunRequest) -> Iterator[Run]:
    """Send notifications of how a run ends, and record it even if it fails before it has its own record."""
    run = Run(context, request)
    with notified(run), failed_start_recorded(run):
        yield run


@contextmanager
def notified(run: Run) -> Iterator[None]:
    """Send what the run found, or that it failed. The data folder is free again by then: a receiver may be slow."""
    settings, announce = run.context.settings, run.context.announce
    with _on_failure(run, lambda error: notify(settings, announce, lambda: _failure(run, error))):
        yield
    if run.request.command == "run":
        run.summary.notify_warnings = notify(settings, announce, lambda: _found(run))


@contextmanager
def failed_start_recorded(run: Run) -> Iterator[None]:
    """Record a run that fails before `on_record`."""

    def record(error: Exception) -> None:
        from flows.run.record import record_failed_start

        if not run.is_on_record:
            record_failed_start(run.context.settings, run.started, error)

    with _on_failure(run, record):
        yield


@contextmanager
def on_record(run: Run) -> Iterator[None]:
    """Record the run for the block, and write the metrics when it ends."""
    if run.request.command != "run":
        yield
        return
    from flows.run.record import recorded

    with recorded(run.context, run.summary, run.started) as run.save_record:
        run.is_on_record = True
        yield


def _found(run: Run) -> tuple[list[Finding], Seen]:
    """Return what the run found, and what it looked at."""
    context, summary = run.context, run.summary
    stopping = summary.stopping_checks
    found = failed_accounts(summary.failed)
    accounts = [access for access in run.accounts if access.name not in summary.busy]
    if not run.request.builds_tables:
        return found, Seen((), {account_key(access.name) for access in accounts})
    found += failed_checks((each.check.name, each.check.why, each.offending_rows) for each in stopping)
    found += findings_now(context.settings.data_dir, with_figures=not stopping)
    kinds = set(KINDS) - (OF_FIGURES if stopping else set())
    read = {access.account_sid for access in accounts}
    if read >= context.names.keys():
        return found, Seen(kinds)
    return found, Seen(
        kinds - {"run.failed"},
        {account_key(access.name) for access in accounts},
        # The current day of another account is a coverage gap until that account's own run.
        young_holes(found, read, context.clock().date() - timedelta(days=1)),
    )


def _failure(run: Run, error: Exception) -> tuple[list[Finding], Seen]:
    """Return that the run failed, and that it looked at nothing else."""
    account = run.request.account or ""
    name = run.context.names.get(account, run.request.account)  # --account also takes a sid
    return [failed_run(error, name)], Seen(kinds=())


@contextmanager
def _on_failure(run: Run, react: Callable[[Exception], object]) -> Iterator[None]:
    """Call `react` if the block of a whole run raises, unless the data folder is busy: then another run reports."""
    try:
        yield
    except BusyError:
        raise
    except Exception as error:
        if run.request.command == "run":
            react(error)
        raise
