"""The record of a run, written when it begins and when it ends, and the metrics for Prometheus, written at its end."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from flows.monitor.health import health_with_costs
from flows.run.request import RunContext
from flows.run.summary import RunSummary
from flows.settings.accounts import account_names
from flows.settings.settings import Settings
from flows.stores.folder.data_format import refuse_newer
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.private_files import for_everyone
from flows.stores.folder.runs import RunRecord, Runs
from flows.stores.whole_files import write_whole
from transforms.errors import RecspendError
from transforms.monitor.metrics import exposition, health_metrics

logger = logging.getLogger(__name__)

_UNEXPECTED = 2
"""The exit code of an unexpected error, such as a full disk."""


@contextmanager
def recorded(context: RunContext, summary: RunSummary, started: datetime) -> Iterator[Callable[[], None]]:
    """Record a run when it begins and when it ends. A run that is killed leaves the record of its beginning.

    started: the instant its process began to work (UTC).

    Yields a function that writes the record as it is now. Metrics are written at the end even if the block raises: the
    time of the last success then keeps its old value.
    """

    def keep(exit_code: int | None = None) -> None:
        counts = {
            name: value for name, value in summary.counts().items() if name in RunRecord.__struct_fields__
        }
        finished = None if exit_code is None else datetime.now(UTC)
        record = RunRecord(_run_id(started), started, finished, exit_code, **counts)
        Runs(context.settings.data_dir).write(record)

    keep()
    try:
        yield keep
    except Exception as error:
        keep(_exit_code(error))
        write_metrics(context.settings, context.names, context.clock())
        raise
    keep(summary.exit_code)
    write_metrics(context.settings, context.names, context.clock())


def record_failed_start(settings: Settings, started: datetime, error: Exception) -> None:
    """Record a run that failed before it had a record, and write the metrics.

    Does nothing if the data folder does not exist or was written by a newer recspend. If the record cannot be written,
    logs a warning.
    """
    data_dir, now = settings.data_dir, datetime.now(UTC)
    if not data_dir.is_dir():
        return
    try:
        refuse_newer(data_dir)
        Runs(data_dir).write(RunRecord(_run_id(started), started, now, _exit_code(error)))
    except (RecspendError, OSError) as trouble:
        logger.warning("Could not record the failed run (%s)", trouble)
        return
    write_metrics(settings, account_names(settings), now)


def _run_id(started: datetime) -> str:
    return f"{started:%Y%m%dT%H%M%S.%fZ}"


def _exit_code(error: Exception) -> int:
    return error.exit_code if isinstance(error, RecspendError) else _UNEXPECTED


def write_metrics(settings: Settings, names: Mapping[str, str], now: datetime) -> None:
    """Write the metrics file for Prometheus as of now (UTC). If that fails, logs a warning; the run continues."""
    path = settings.data_dir / settings.metrics_file
    try:
        # The run that writes them last knows of the others.
        with DataLocks(settings.data_dir).briefly("metrics"):
            found = health_with_costs(settings.data_dir, names, settings.reporting_timezone, now)
            write_whole(path, exposition(health_metrics(found)).encode())
            for_everyone(path)  # Prometheus reads it as another user; it holds no single recording
    except (RecspendError, OSError) as error:
        logger.warning("Could not write %s (%s); it still shows the metrics of an earlier run", path, error)
