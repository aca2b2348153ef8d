"""A run on record: what it did, kept from its beginning to its end, and what Prometheus is told when it ends."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import duckdb

from flows.monitor.health import health_with_costs
from flows.run.request import RunContext
from flows.run.summary import RunSummary
from flows.settings.accounts import account_names
from flows.settings.settings import Settings
from flows.stores.folder.data_format import refuse_newer
from flows.stores.folder.lock import holder
from flows.stores.folder.runs import RunRecord, Runs
from flows.stores.whole_files import write_whole
from transforms.errors import RecspendError
from transforms.monitor.metrics import exposition, health_metrics

logger = logging.getLogger(__name__)

_UNEXPECTED = 2
"""The exit code of what nobody foresaw, as of a full disk."""


@contextmanager
def recorded(work: RunContext, summary: RunSummary) -> Iterator[Callable[[], None]]:
    """Keep the record of a run, so that one that is killed leaves a trace too; the block may write it in between.

    When it ends, well or not, the metrics are written: after a failure the last success stays an old one.
    """
    started = datetime.now(UTC)

    def keep(exit_code: int | None = None) -> None:
        counts = {
            name: value for name, value in summary.counts().items() if name in RunRecord.__struct_fields__
        }
        finished = None if exit_code is None else datetime.now(UTC)
        record = RunRecord(_run_id(started), started, finished, exit_code, **counts)
        Runs(work.settings.data_dir).write(record)

    keep()
    try:
        yield keep
    except Exception as error:
        keep(_exit_code(error))
        write_metrics(work.settings, work.names, work.clock())
        raise
    keep(summary.exit_code)
    write_metrics(work.settings, work.names, work.clock())


def record_failed_start(settings: Settings, started: datetime, error: Exception) -> None:
    """Keep the record of a run that ended before it had one, and write the metrics.

    Leaves a folder alone that does not exist, or that a newer recspend wrote. That it cannot be written to is logged.
    """
    data_dir, now = settings.data_dir, datetime.now(UTC)
    if not data_dir.is_dir():
        return
    try:
        refuse_newer(data_dir)
        Runs(data_dir).write(RunRecord(_run_id(started), started, now, _exit_code(error)))
        is_held = holder(data_dir) is not None
    except (RecspendError, OSError) as trouble:
        logger.warning("That the run failed could not be put on record (%s)", trouble)
        return
    if not is_held:  # else that run writes them, when it ends
        write_metrics(settings, account_names(settings), now)


def _run_id(started: datetime) -> str:
    return f"{started:%Y%m%dT%H%M%S.%fZ}"


def _exit_code(error: Exception) -> int:
    return error.exit_code if isinstance(error, RecspendError) else _UNEXPECTED


def write_metrics(settings: Settings, names: Mapping[str, str], now: datetime) -> None:
    """Write the file for Prometheus as of now (UTC). That it cannot be written is logged and ends no run."""
    path = settings.data_dir / settings.metrics_file
    try:
        found = health_with_costs(settings.data_dir, names, settings.reporting_timezone, now)
        write_whole(path, exposition(health_metrics(found)).encode())
    except (RecspendError, OSError, duckdb.Error) as error:
        logger.warning("%s could not be written (%s); it tells what the run before found", path, error)
