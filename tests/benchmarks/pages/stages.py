"""Our stages one by one, to measure their memory: each in its own process, on the same data folder."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from flows.emulator.ledger.generator import LAST_DAY
from flows.ingest.ingest import ingest_account
from flows.model.model import model
from flows.normalize.normalize import normalize_account
from flows.stores.api.access import AccountAccess
from flows.stores.raw.raw_pages import RawPages
from flows.stores.shipped import shipped
from tests.benchmarks.measure.task import Task
from transforms.model.options import ModelOptions

# The ledger ends the day before, so that every run requests the same days.
_NOW = datetime(LAST_DAY.year, LAST_DAY.month, LAST_DAY.day, 12, tzinfo=UTC) + timedelta(days=1)


def prepare(task: Task) -> Callable[[], object]:
    """Prepare to run one stage on the data folder `out`, on which the previous stages have run."""
    if task.what == "ingest":
        return partial(_ingest, task)
    if task.what == "normalize":
        (account_sid,) = RawPages(task.out).accounts()
        return partial(normalize_account, task.out, account_sid)
    return partial(model, task.out, shipped("sql"), shipped("reference"), ModelOptions(settle_days=90))


def _ingest(task: Task) -> None:
    access = AccountAccess(**dict(task.access or {}))  # type: ignore[arg-type]
    summary = ingest_account(access, task.out, clock=lambda: _NOW)
    if summary.failed:
        raise RuntimeError(str(summary.failed))
