"""The beginning of a run, in which it may fail before it keeps a record of itself: that is told and on record, too."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from flows.monitor.notify import Announce, failure_told
from flows.run.job import RunContext, RunRequest, on_failure
from flows.run.upgrade import held
from flows.settings.settings import Settings
from flows.stage import utc_now


@contextmanager
def beginning(settings: Settings, job: RunRequest, announce: Announce | None = None) -> Iterator[None]:
    """Tell of a run that fails in the block, and put it on record; the error is raised all the same."""
    with failure_told(settings, job, announce), _on_record(settings, job):
        yield


@contextmanager
def held_for(work: RunContext, job: RunRequest) -> Iterator[bool]:
    """Hold the data folder as `held` does, and raise as it does; a run that cannot be begun for it is on record."""
    with ExitStack() as stack:
        with _on_record(work.settings, job):
            is_rebuilt = stack.enter_context(held(work.settings.data_dir, work.progress))
        yield is_rebuilt


@contextmanager
def _on_record(settings: Settings, job: RunRequest) -> Iterator[None]:
    """Put a run on record that the block ends; but not one that another run leaves no room for."""
    started = utc_now()

    def record(error: Exception) -> None:
        from flows.run.record import record_failed_start

        record_failed_start(settings, started, error)

    with on_failure(job, record):
        yield
