"""Ours: `normalize_accounts` from raw pages into an empty lake, exactly as in the stage."""

from collections.abc import Callable, Iterator
from functools import partial
from unittest.mock import patch

from flows.normalize.accounts import normalize_accounts
from flows.normalize.summary import NormalizeSummary
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from flows.stores.warehouse.machine import give_workers
from tests.benchmarks.measure.task import Task
from tests.benchmarks.pages.page_files import page_files
from transforms.pages.recordings import Page


def prepare(task: Task) -> Callable[[], NormalizeSummary]:
    """Prepare to normalize the landed account into `out`.

    With `in_memory` the store returns bytes that are already decompressed and compared with their digest.
    """
    assert task.landed is not None
    page_files(task.landed)
    task.out.mkdir(parents=True)
    (task.out / "raw").symlink_to((task.landed / "raw").resolve())
    raw = RawPages(task.out)
    (account_sid,) = raw.accounts()
    give_workers(task.cores)
    normalize = partial(normalize_accounts, task.out, {account_sid: account_sid})
    if not task.in_memory:
        return normalize
    ready = {landing.name: list(raw.pages(landing)) for landing in raw.readable(account_sid)}

    def pages(_store: RawPages, landing: Landing) -> Iterator[Page]:
        return iter(ready[landing.name])

    def run() -> NormalizeSummary:
        with patch.object(RawPages, "pages", pages):
            return normalize()

    return run
