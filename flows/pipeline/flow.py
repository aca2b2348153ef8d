"""The Prefect flows: thin wrappers over the stages, with one task per batch of windows, account or stage.

A flow run costs Prefect about a second and a task run a few milliseconds, so there are few of both. Flows neither take
nor return secrets: tokens are looked up inside the run, and results are not persisted.
"""

import os
from contextlib import nullcontext
from datetime import date
from typing import Annotated, Any

from flows.stores.prefect import defaults as prefect_defaults  # noqa: F401 (before Prefect)

# isort: split
from httpx import HTTPError
from prefect import flow, runtime
from prefect.client.schemas.objects import State
from pydantic import Field

from flows.pipeline.flow_run import GivenRun, given_run, in_flow
from flows.report.formats import FileFormat
from flows.report.presets import Preset
from flows.run.lifecycle import begun
from flows.run.request import RunContext, RunRequest
from flows.run.summary import RunSummary
from flows.stage import utc_now
from flows.stores.prefect.protected import protect_temporary_server
from flows.stores.prefect.refusals import REFUSED_LOGIN, is_refused_login
from transforms.errors import ConfigError
from transforms.settings.credentials import without_credentials
from transforms.settings.run_names import FIGURES, run_name
from transforms.settings.shards import read_shard
from transforms.values.visible import visible

FLOW = "recspend"
"""The name of the flow of all stages in Prefect. Names of single-stage flows begin with it."""

_NO_RESPONSE = (
    "does not respond ({}). Start it, or unset PREFECT_API_URL and leave out --prefect to run without it."
)

AuditDays = Annotated[int, Field(ge=0)]
Concurrency = Annotated[int, Field(ge=1, le=64)]
WaitMinutes = Annotated[int, Field(ge=0, le=24 * 60)]


def _name_of_run() -> str:
    """Return the name of a flow run, made from its parameters and, if it was scheduled, the UTC day it was due."""
    given = runtime.flow_run.parameters
    # They are text if Prefect read them from its server.
    first, last = (
        date.fromisoformat(str(day)) if day else None for day in (given.get("first"), given.get("last"))
    )
    due = runtime.flow_run.scheduled_start_time or utc_now()
    command = (runtime.flow_run.flow_name or FLOW).removeprefix(FLOW).strip() or "run"
    if given.get("figures_only"):
        command = FIGURES
    shard = given.get("shard")
    who = given.get("account") or (f"shard {shard}" if shard else None)
    return visible(run_name(command, who, first, last, due.date()))


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
    shard: str | None = None,
    figures_only: bool = False,
) -> State[Any]:
    """Read what every call recording costs, and build tables and reports.

    Without parameters, reads everything that may have changed since the last run, for all accounts. A run makes up
    for runs that were missed or killed.

    Args:
        first: First day to read, by creation date (UTC). Default: the account's first day.
        last: Last day to read, inclusive (UTC). Default: today.
        account: Only this account: its name or sid in the settings. Default: all accounts.
        again: Read the days from first to last even if they are covered. Requires first.
        audit_days: Also re-read this many days whose last reading is oldest; finds deletions and corrections.
        presets: Also write the costs for these systems.
        concurrency: How many windows of days to read in parallel, 1 to 64. Default: from the settings.
        wait_minutes: Wait up to this long for another run that has the account or the data folder, then give up.
        shard: Only the accounts of this part, such as 3/8, without tables: for several machines. Default: all.
        figures_only: Read nothing; build tables and reports of what is there.
    """
    request = RunRequest(
        "run",
        first,
        last,
        account,
        again=again,
        audit_days=audit_days,
        presets=presets,
        wait_minutes=wait_minutes,
        shard=read_shard(shard),
        figures_only=figures_only,
    )
    return in_flow(request, concurrency)


@flow(name=f"{FLOW} ingest", flow_run_name=_name_of_run, persist_result=False)
def ingest(
    first: date | None = None,
    last: date | None = None,
    account: str | None = None,
    *,
    again: bool = False,
    audit_days: AuditDays = 0,
    shard: str | None = None,
    concurrency: Concurrency | None = None,
) -> State[Any]:
    """Only fetch and store raw pages.

    Args:
        first: First day to read, by creation date (UTC). Default: the account's first day.
        last: Last day to read, inclusive (UTC). Default: today.
        account: Only this account: its name or sid in the settings. Default: all accounts.
        again: Read the days from first to last even if they are covered. Requires first.
        audit_days: Also re-read this many days whose last reading is oldest; finds deletions and corrections.
        shard: Only the accounts of this part, such as 3/8: for several machines. Default: all accounts.
        concurrency: How many windows of days to read in parallel, 1 to 64. Default: from the settings.
    """
    request = RunRequest(
        "ingest", first, last, account, again=again, audit_days=audit_days, shard=read_shard(shard)
    )
    return in_flow(request, concurrency)


@flow(name=f"{FLOW} normalize", persist_result=False)
def normalize(*, rebuild: bool = False, shard: str | None = None) -> State[Any]:
    """Update the lake from the stored pages.

    Args:
        rebuild: Rebuild the whole lake from the pages.
        shard: Only the accounts of this part, such as 3/8: for several machines. Default: all accounts.
    """
    return in_flow(RunRequest("normalize", rebuild=rebuild, shard=read_shard(shard)))


@flow(name=f"{FLOW} model", persist_result=False)
def model() -> State[Any]:
    """Build the warehouse and run its checks."""
    return in_flow(RunRequest("model"))


@flow(name=f"{FLOW} report", persist_result=False)
def report(*, presets: tuple[Preset, ...] = (), formats: tuple[FileFormat, ...] = ()) -> State[Any]:
    """Write the report files.

    Args:
        presets: Also write the costs for these systems.
        formats: Write the spend tables in these formats in addition to CSV.
    """
    return in_flow(RunRequest("report", presets=presets, formats=formats))


def perform_as_flow(context: RunContext, request: RunRequest) -> RunSummary:
    """Perform a request of the command line as a Prefect flow run. Raises what the stages raise."""
    protect_temporary_server()
    given = GivenRun(context)
    token = given_run.set(given)
    try:
        state = _called(request)
    except (RuntimeError, OSError, HTTPError) as error:
        url = os.environ.get("PREFECT_API_URL")
        server = f"The Prefect server {without_credentials(url)}" if url else "Prefect's temporary server"
        # A flow that has begun records and reports its own end.
        with nullcontext() if given.has_begun else begun(context, request):
            trouble = REFUSED_LOGIN if is_refused_login(error) else _NO_RESPONSE.format(type(error).__name__)
            raise ConfigError(f"{server} {trouble}") from error
    finally:
        given_run.reset(token)
    if given.error:
        raise given.error
    if given.summary is None:
        state.result()  # raises what stopped the flow
        raise RuntimeError(f"The flow run ended as {state.name}.")
    return given.summary


def _called(request: RunRequest) -> State[Any]:
    which = request.first, request.last, request.account
    shard = str(request.shard) if request.shard else None
    match request.command:
        case "run":
            return pipeline(
                *which,
                again=request.again,
                audit_days=request.audit_days,
                presets=request.presets,
                shard=shard,
                figures_only=request.figures_only,
                return_state=True,
            )
        case "ingest":
            return ingest(
                *which, again=request.again, audit_days=request.audit_days, shard=shard, return_state=True
            )
        case "normalize":
            return normalize(rebuild=request.rebuild, shard=shard, return_state=True)
        case "model":
            return model(return_state=True)
        case "report":
            return report(presets=request.presets, formats=request.formats, return_state=True)
