"""Ingest accounts side by side. A failure of one account, or a limit of its API, does not hold up the others."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import Protocol

from flows.ingest.ingest import IngestSummary
from flows.stage import Progress, ProgressOfMany, Step, directly, silent, steps_of
from flows.stores.api.access import AccountAccess
from flows.stores.api.throttle import Brake


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
    shown = ProgressOfMany("ingest", len(accounts), progress)
    with _threads(at_once) as (threads, brake):
        # Each thread has a copy of the context: by it Prefect finds the run that a log line belongs to.
        reading = [
            threads.submit(copy_context().run, partial(_read, read, account, brake, shown))
            for account in accounts
        ]
        return sum(
            (
                step(name, partial(_total, [reading[place] for place in places]))
                for name, places in steps_of("ingest", [account.name for account in accounts])
            ),
            IngestSummary(),
        )


def _read(read: ReadAccount, account: AccountAccess, brake: Brake, shown: ProgressOfMany) -> IngestSummary:
    summary = read(account, brake=brake, progress=shown.account)
    shown.one_more()
    return summary


def _total(reading: Sequence[Future[IngestSummary]]) -> IngestSummary:
    return sum((each.result() for each in reading), IngestSummary())


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
