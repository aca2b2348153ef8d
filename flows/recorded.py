"""A run on record: what it did, kept from its beginning to its end, and what Prometheus is told when it ends."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import duckdb

from flows.health import health_with_costs
from flows.job import Summary, Work
from flows.settings import Settings
from flows.stores.files import write_whole
from flows.stores.runs import RunRecord, Runs
from transforms.errors import RecspendError
from transforms.metrics import exposition, health_metrics

logger = logging.getLogger(__name__)

_UNEXPECTED = 2
"""The exit code of what nobody foresaw, as of a full disk."""


@contextmanager
def recorded(work: Work, summary: Summary) -> Iterator[Callable[[], None]]:
    """Keep the record of a run, so that one that is killed leaves a trace too; the block may write it in between.

    When it ends, well or not, the metrics are written: after a failure the last success stays an old one.
    """
    started = datetime.now(UTC)

    def record(exit_code: int | None = None) -> None:
        known = {
            name: getattr(summary, name, None) for name in RunRecord.__struct_fields__ if name != "exit_code"
        }
        counts = {name: value for name, value in known.items() if value is not None}
        finished = None if exit_code is None else datetime.now(UTC)
        Runs(work.settings.data_dir).write(
            RunRecord(f"{started:%Y%m%dT%H%M%S.%fZ}", started, finished, exit_code, **counts)
        )

    record()
    try:
        yield record
    except Exception as error:
        record(error.exit_code if isinstance(error, RecspendError) else _UNEXPECTED)
        write_metrics(work.settings, work.names, work.clock())
        raise
    record(summary.exit_code)
    write_metrics(work.settings, work.names, work.clock())


def write_metrics(settings: Settings, names: Mapping[str, str], now: datetime) -> None:
    """Write the file for Prometheus as of now (UTC). That it cannot be written is logged and ends no run."""
    path = settings.data_dir / settings.metrics_file
    try:
        found = health_with_costs(settings.data_dir, names, settings.reporting_timezone, now)
        write_whole(path, exposition(health_metrics(found)).encode())
    except (RecspendError, OSError, duckdb.Error) as error:
        logger.warning("%s could not be written (%s); it tells what the run before found", path, error)
