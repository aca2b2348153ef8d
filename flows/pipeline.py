"""The Prefect flows: thin wrappers over the stages, with a task for each batch of windows, account or stage.

Each flow run costs Prefect about a second and a task run some milliseconds, so there are few of both. Flows take no
secret and return none: tokens are looked up inside the run, and results are not kept.
"""

import os
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar

from flows import prefect_defaults  # noqa: F401 (before Prefect)

# isort: split
from httpx import HTTPError
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.artifacts import Artifacts
from flows.events import announce
from flows.formats import FileFormat
from flows.job import Job, Summary, Work
from flows.presets import Preset
from flows.settings import load
from flows.stages import perform, prepare
from transforms.credentials import without_credentials
from transforms.errors import ConfigError

T = TypeVar("T")


@flow(name="recspend", persist_result=False)
def pipeline(
    first: date | None = None,
    last: date | None = None,
    account: str | None = None,
    *,
    again: bool = False,
    audit_days: int = 0,
    presets: tuple[Preset, ...] = (),
) -> State[Any]:
    """Ingest, normalize, model and report: what a schedule runs.

    first, last: days of creation to read, inclusive, UTC; without them, everything. account: a name or sid. again: read
    the days even when they are covered. audit_days: read so many of the oldest readings again. presets: write the
    exports for these systems too.
    """
    job = Job("run", first, last, account, again=again, audit_days=audit_days, presets=presets)
    return _in_flow(job)


@flow(name="recspend ingest", persist_result=False)
def ingest(
    first: date | None = None,
    last: date | None = None,
    account: str | None = None,
    *,
    again: bool = False,
    audit_days: int = 0,
) -> State[Any]:
    """Land raw pages, nothing else. Parameters as in the pipeline."""
    return _in_flow(Job("ingest", first, last, account, again=again, audit_days=audit_days))


@flow(name="recspend normalize", persist_result=False)
def normalize(*, rebuild: bool = False) -> State[Any]:
    """Bring the lake up to the landed pages; with rebuild, from nothing but them."""
    return _in_flow(Job("normalize", rebuild=rebuild))


@flow(name="recspend model", persist_result=False)
def model() -> State[Any]:
    """Build the warehouse and run its checks."""
    return _in_flow(Job("model"))


@flow(name="recspend report", persist_result=False)
def report(*, presets: tuple[Preset, ...] = (), formats: tuple[FileFormat, ...] = ()) -> State[Any]:
    """Write the report files, in these formats too, and the exports for these systems."""
    return _in_flow(Job("report", presets=presets, formats=formats))


@dataclass(frozen=True, slots=True)
class _Given:
    """What the command hands to a flow beside its parameters, and where the flow leaves its summary."""

    work: Work
    done: list[Summary] = field(default_factory=list)


_given: ContextVar[_Given | None] = ContextVar("given", default=None)


def perform_as_flow(work: Work, job: Job) -> Summary:
    """Do the job as a Prefect flow run, called from the command line. Raises what the stages raise."""
    given = _Given(work)
    token = _given.set(given)
    try:
        state = _called(job)
    except (RuntimeError, OSError, HTTPError) as error:
        where = without_credentials(os.environ.get("PREFECT_API_URL", "of its own"))
        raise ConfigError(
            f"The Prefect server {where} does not answer ({type(error).__name__}). Start it, or unset PREFECT_API_URL "
            "and leave out --prefect to run without it."
        ) from error
    finally:
        _given.reset(token)
    if not given.done:
        state.result()  # raises what stopped the flow
    return given.done[0]


def _called(job: Job) -> State[Any]:
    match job.command:
        case "run":
            return pipeline(
                job.first,
                job.last,
                job.account,
                again=job.again,
                audit_days=job.audit_days,
                presets=job.presets,
                return_state=True,
            )
        case "ingest":
            return ingest(
                job.first,
                job.last,
                job.account,
                again=job.again,
                audit_days=job.audit_days,
                return_state=True,
            )
        case "normalize":
            return normalize(rebuild=job.rebuild, return_state=True)
        case "model":
            return model(return_state=True)
        case "report":
            return report(presets=job.presets, formats=job.formats, return_state=True)


def _in_flow(job: Job) -> State[Any]:
    given = _given.get() or _Given(prepare(load(), job, announce))
    work, artifacts = given.work, Artifacts()
    summary = perform(
        replace(work, step=_as_task, progress=artifacts.beside(work.progress), announce=announce), job
    )
    given.done.append(summary)
    artifacts.show(work, job, summary)
    if summary.stopping_checks:
        names = ", ".join(check.check.name for check in summary.stopping_checks)
        return Failed(message=f"Checks failed: {names}.")
    if summary.failed:
        return Failed(message=" ".join(summary.failed.values()))
    return Completed(message=f"{summary.holes} days of accounts are missing." if summary.holes else "Done.")


def _as_task(name: str, piece: Callable[[], T]) -> T:
    """Run a piece of work as a task of that name. It takes no parameters, so none can show a secret."""

    @task(name=name.split(maxsplit=1)[0], task_run_name=name, cache_policy=NO_CACHE, persist_result=False)
    def run_piece() -> T:
        return piece()

    return run_piece()
