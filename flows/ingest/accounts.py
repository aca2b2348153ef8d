"""Ingest accounts side by side. A failure of one account, or a limit of its API, does not hold up the others."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from threading import Lock
from typing import Protocol

from flows.ingest.ingest import IngestSummary
from flows.stage import Progress, Step, directly, silent
from flows.stores.api.access import AccountAccess
from flows.stores.api.throttle import Brake

# Each step has a cost (a task, when Prefect runs it), so a step is many accounts.
_ACCOUNTS_PER_STEP = 50
# More accounts than this are counted: a bar for each could not be read.
_BARS = 8


class ReadAccount(Protocol):
    """Reads one account, and reports its progress; ends early once the brake is pulled."""

    def __call__(self, account: AccountAccess, /, *, brake: Brake, progress: Progress) -> IngestSummary:
        """Read the account."""


def ingest_accounts(
    accounts: Sequence[AccountAccess],
    read: ReadAccount,
    at_once: int,
    *,
    step: Step = directly,
    progress: Progress = silent,
) -> IngestSummary:
    """Read each account, `at_once` of them side by side, and add up what they landed, in the order of the accounts.

    A step waits for its accounts, while those of later steps are read already. What reading raises, such as a full
    disk, stops all accounts.
    """
    shown = _Shown(len(accounts), progress)
    with _threads(at_once) as (threads, brake):
        # Each thread has a copy of the context: by it Prefect finds the run that a log line belongs to.
        reading = [
            threads.submit(copy_context().run, partial(_read, read, account, brake, shown))
            for account in accounts
        ]
        return sum(
            (
                step(_name(accounts[first:last]), partial(_total, reading[first:last]))
                for first, last in _batches(len(accounts))
            ),
            IngestSummary(),
        )


class _Shown:
    """Shows the progress of each account, or how many accounts are done if there are many. Usable from any thread."""

    def __init__(self, accounts: int, progress: Progress) -> None:
        self._accounts = accounts
        self._progress = progress
        self._done = 0
        self._lock = Lock()

    def account(self, stage: str, done: int, total: int | None = None) -> None:
        """Show the progress of an account."""
        if self._accounts <= _BARS:
            with self._lock:
                self._progress(stage, done, total)

    def one_more(self) -> None:
        """Count an account as done."""
        if self._accounts > _BARS:
            with self._lock:
                self._done += 1
                self._progress("ingest accounts", self._done, self._accounts)


def _read(read: ReadAccount, account: AccountAccess, brake: Brake, shown: _Shown) -> IngestSummary:
    summary = read(account, brake=brake, progress=shown.account)
    shown.one_more()
    return summary


def _total(reading: Sequence[Future[IngestSummary]]) -> IngestSummary:
    return sum((each.result() for each in reading), IngestSummary())


def _batches(accounts: int) -> Iterator[tuple[int, int]]:
    for first in range(0, accounts, _ACCOUNTS_PER_STEP):
        yield first, min(first + _ACCOUNTS_PER_STEP, accounts)


def _name(accounts: Sequence[AccountAccess]) -> str:
    others = len(accounts) - 1
    more = f" and {others} other account{'s' * (others > 1)}" if others else ""
    return f"ingest {accounts[0].name}{more}"


@contextmanager
def _threads(number: int) -> Iterator[tuple[ThreadPoolExecutor, Brake]]:
    threads, brake = ThreadPoolExecutor(number, thread_name_prefix="account"), Brake()
    try:
        yield threads, brake
    except BaseException as error:
        brake.pull()
        # On Ctrl-C, do not wait for pending responses: the next run fetches those pages again.
        threads.shutdown(wait=isinstance(error, Exception), cancel_futures=True)
        raise
    threads.shutdown()
