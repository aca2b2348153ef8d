"""The Prefect flows: thin wrappers over the stages, with a task for each batch of windows, account or stage.

Each flow run costs Prefect about a second and a task run some milliseconds, so there are few of both. Flows take no
secret and return none: tokens are looked up inside the run, and results are not kept.
"""

import os
from collections.abc import Callable
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, TypeVar

from flows.stores.prefect import defaults as prefect_defaults  # noqa: F401 (before Prefect)

# isort: split
from httpx import HTTPError
from prefect import Task, flow, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from pydantic import Field

from flows.pipeline.artifacts import Artifacts
from flows.pipeline.events import announcer
from flows.pipeline.states import state_of_error, state_of_summary
from flows.report.formats import FileFormat
from flows.report.presets import Preset
from flows.run.job import RunContext, RunRequest, RunSummary
from flows.run.lifecycle import beginning
from flows.run.stages import perform, prepare
from flows.settings.settings import load
from flows.stage import utc_now
from flows.stores.waiting import retried
from transforms.errors import BusyError, ConfigError, RecspendError
from transforms.settings.credentials import without_credentials
from transforms.settings.run_names import run_name

T = TypeVar("T")

FLOW = "recspend"
"""The name of the flow of all stages in Prefect; those of one stage begin with it."""

AuditDays = Annotated[int, Field(ge=0)]
Concurrency = Annotated[int, Field(ge=1, le=64)]
WaitMinutes = Annotated[int, Field(ge=0, le=24 * 60)]
_SECONDS_BETWEEN_TRIES = 5


def _name_of_run() -> str:
    """The name of a flow run, from its parameters. A scheduled one is called by the day it was due on, UTC."""
    given = runtime.flow_run.parameters
    # Prefect has them as text when it took them from its server.
    first, last = (
        date.fromisoformat(str(day)) if day else None for day in (given.get("first"), given.get("last"))
    )
    due = runtime.flow_run.scheduled_start_time or utc_now()
    command = (runtime.flow_run.flow_name or FLOW).removeprefix(FLOW).strip() or "run"
    return run_name(command, given.get("account"), first, last, due.date())


@flow(name=FLOW, flow_run_name=_name_of_run, persist_result=False)
def pipeline(
    first: date | None = None,
    last: date | None = None,
    account: str | None = None,
    *,
    again: bool = False,
    audit_days: AuditDays = 0,
    presets: tuple[Preset, ...] = (),
    concurrency: Concurrency | None = None,
    wait_minutes: WaitMinutes = 0,
) -> State[Any]:
    """Read what every call recording costs, and build tables and reports: what a schedule runs.

    Without parameters, everything that may have changed since it was read last is read, of all accounts; a run that
    was missed or killed is made up for by the next one.

    Args:
        first: First day of creation to read, UTC. Empty: the first day of the account.
        last: Last day of creation to read, UTC, included. Empty: today.
        account: Only this account, by its name or sid in the settings. Empty: all of them.
        again: Read the days from first to last even when they are covered. Needs first.
        audit_days: Also read so many of the days read longest ago again; finds deletions and corrections.
        presets: Write the costs for these systems too.
        concurrency: Windows of days read side by side, 1 to 64. Empty: as the settings say.
        wait_minutes: Wait so long for another run that writes to the data folder, then leave it to that one.
    """
    job = RunRequest("run", first, last, account, again=again, audit_days=audit_days, presets=presets)
    return _in_flow(job, concurrency, wait_minutes)


@flow(name=f"{FLOW} ingest", flow_run_name=_name_of_run, persist_result=False)
def ingest(
    first: date | None = None,
    last: date | None = None,
    account: str | None = None,
    *,
    again: bool = False,
    audit_days: AuditDays = 0,
    concurrency: Concurrency | None = None,
) -> State[Any]:
    """Land raw pages, nothing else.

    Args:
        first: First day of creation to read, UTC. Empty: the first day of the account.
        last: Last day of creation to read, UTC, included. Empty: today.
        account: Only this account, by its name or sid in the settings. Empty: all of them.
        again: Read the days from first to last even when they are covered. Needs first.
        audit_days: Also read so many of the days read longest ago again; finds deletions and corrections.
        concurrency: Windows of days read side by side, 1 to 64. Empty: as the settings say.
    """
    job = RunRequest("ingest", first, last, account, again=again, audit_days=audit_days)
    return _in_flow(job, concurrency)


@flow(name=f"{FLOW} normalize", persist_result=False)
def normalize(*, rebuild: bool = False) -> State[Any]:
    """Bring the lake up to the landed pages.

    Args:
        rebuild: Build it anew, from nothing but the pages.
    """
    return _in_flow(RunRequest("normalize", rebuild=rebuild))


@flow(name=f"{FLOW} model", persist_result=False)
def model() -> State[Any]:
    """Build the warehouse and run its checks."""
    return _in_flow(RunRequest("model"))


@flow(name=f"{FLOW} report", persist_result=False)
def report(*, presets: tuple[Preset, ...] = (), formats: tuple[FileFormat, ...] = ()) -> State[Any]:
    """Write the report files.

    Args:
        presets: Write the costs for these systems too.
        formats: Write the spend tables in these formats beside CSV.
    """
    return _in_flow(RunRequest("report", presets=presets, formats=formats))


@dataclass(slots=True)
class _Given:
    """What the command hands to a flow beside its parameters, and where the flow leaves what it came to."""

    work: RunContext | None = None
    has_begun: bool = False
    summary: RunSummary | None = None
    error: RecspendError | None = None


_given: ContextVar[_Given | None] = ContextVar("given", default=None)


def perform_as_flow(work: RunContext, job: RunRequest) -> RunSummary:
    """Do the job as a Prefect flow run, called from the command line. Raises what the stages raise."""
    given = _Given(work)
    token = _given.set(given)
    try:
        state = _called(job)
    except (RuntimeError, OSError, HTTPError) as error:
        where = without_credentials(os.environ.get("PREFECT_API_URL", "of its own"))
        # A flow that has begun tells and records by itself how it ended.
        with nullcontext() if given.has_begun else beginning(work.settings, job):
            raise ConfigError(
                f"The Prefect server {where} does not answer ({type(error).__name__}). Start it, or unset "
                "PREFECT_API_URL and leave out --prefect to run without it."
            ) from error
    finally:
        _given.reset(token)
    if given.error:
        raise given.error
    if given.summary is None:
        state.result()  # raises what stopped the flow
        raise RuntimeError(f"The flow run ended as {state.name}.")
    return given.summary


def _called(job: RunRequest) -> State[Any]:
    which = job.first, job.last, job.account
    match job.command:
        case "run":
            return pipeline(
                *which, again=job.again, audit_days=job.audit_days, presets=job.presets, return_state=True
            )
        case "ingest":
            return ingest(*which, again=job.again, audit_days=job.audit_days, return_state=True)
        case "normalize":
            return normalize(rebuild=job.rebuild, return_state=True)
        case "model":
            return model(return_state=True)
        case "report":
            return report(presets=job.presets, formats=job.formats, return_state=True)


def _in_flow(job: RunRequest, concurrency: int | None = None, wait_minutes: int = 0) -> State[Any]:
    """Do the job inside a flow run. Work that is given was checked where its flags were read."""
    given = _given.get() or _Given()
    given.has_begun = True
    try:
        announce = announcer()
        work = given.work or prepare(load(concurrency=concurrency), job.checked(utc_now().date()), announce)
        artifacts = Artifacts()
        in_flow = replace(work, step=_as_task, progress=artifacts.beside(work.progress), announce=announce)
        summary = _in_its_turn(in_flow, job, 60.0 * wait_minutes)
    except RecspendError as error:
        given.error = error
        return state_of_error(error)
    given.summary = summary
    artifacts.show(work, job, summary)
    return state_of_summary(summary)


def _in_its_turn(work: RunContext, job: RunRequest, seconds: float) -> RunSummary:
    """Do the job once no other run writes to the data folder. Raises BusyError after so many seconds."""
    return retried(lambda: perform(work, job), BusyError, seconds, _SECONDS_BETWEEN_TRIES)


def _as_task(name: str, piece: Callable[[], T]) -> T:
    """Run a piece of work as a task of that name. It takes no parameters, so none can show a secret."""
    return _task_of(name, piece)()


def _task_of(name: str, piece: Callable[[], T]) -> Task[[], T]:
    @task(
        name=name.split(maxsplit=1)[0],
        # A text would be a pattern to Prefect, and an account's name may have braces.
        task_run_name=lambda: name,
        cache_policy=NO_CACHE,
        persist_result=False,
    )
    def run_piece() -> T:
        return piece()

    return run_piece
