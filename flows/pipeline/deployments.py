"""Schedules of the pipeline in Prefect: served by one process, or deployed for the workers of a pool.

A deployment has one run at a time. Prefect cancels a run that is due while another is in progress; nothing is lost,
because the next run reads whatever is not covered. Runs of other deployments, or without Prefect, are kept apart by the
locks of the data folder: those of single accounts read at the same time, and build the tables one after another. Runs
whose process was killed are detected by their missing heartbeats.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.stores.prefect import defaults as prefect_defaults  # noqa: F401 (before Prefect)

# isort: split
from httpx import HTTPError
from prefect import get_client
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.deployments.runner import DeploymentApplyError, RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.runner import Runner
from prefect.runner.storage import LocalStorage
from prefect.schedules import Cron, Schedule
from prefect.settings import get_current_settings
from prefect.types.entrypoint import EntrypointType

from flows.pipeline.flow import FLOW, pipeline
from flows.pipeline.lost_runs import watch_for_lost_runs
from flows.pipeline.own_code import run_only_our_flow
from flows.stores.prefect.refusals import REFUSED_LOGIN, is_refused_login
from transforms.errors import ConfigError
from transforms.settings.credentials import without_credentials
from transforms.settings.run_names import FIGURES, is_deployment_name
from transforms.settings.shards import Shard

ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
# Works in any folder, although Prefect puts the folder of a run first on the path when it loads a flow.
ENTRYPOINT = "recspend_installed.pipeline"
_TURN_MINUTES = 60
_NO_RESPONSE = (HTTPError, OSError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Timetable:
    """When runs are due: a cron expression and its time zone."""

    cron: str
    timezone: str = "UTC"

    def schedule(self) -> Schedule:
        """Return Prefect's form of it. Raises ConfigError if the cron expression is not valid."""
        try:
            return Cron(self.cron, timezone=self.timezone)
        except ValueError as error:
            raise ConfigError(f"--cron {self.cron!r} is not a valid schedule: {error}") from None

    def refuse_never_due(self) -> None:
        """Raise ConfigError if the schedule is never due, such as on 31 February: then no run would ever start."""
        # Prefect's server decides when runs are due, so its own answer counts.
        from prefect.server.schemas.schedules import CronSchedule  # noqa: PLC0415

        try:
            due = asyncio.run(CronSchedule(cron=self.cron, timezone=self.timezone).get_dates(n=1))
        except ValueError:
            due = []
        if not due:
            raise ConfigError(f"--cron {self.cron!r} is never due. Correct its day and month.")


def serve_pipeline(name: str, timetable: Timetable, has_ended: Callable[[], bool] = lambda: False) -> None:
    """Run the pipeline as the deployment of that name whenever it is due, until Ctrl-C or SIGTERM.

    The schedule is kept afterwards; at the next start, one run makes up for all that were due in between. has_ended:
    checks whether the server has ended. Raises ConfigError if it has, or if it does not respond.
    """
    run_only_our_flow(ENTRYPOINT)
    runner = _Runner(pause_on_shutdown=False)
    with _server_errors_reported():
        watch_for_lost_runs()
        runner.add_deployment(deployment_of(name, None, timetable))
        with suppress(KeyboardInterrupt):
            asyncio.run(_run_with_server(has_ended, runner))


async def _run_with_server(has_ended: Callable[[], bool], runner: Runner) -> None:
    """Run what is due while the server runs. The runner alone would keep retrying for minutes after it ended."""
    running = asyncio.ensure_future(runner.start())
    try:
        while not running.done():
            await asyncio.wait({running}, timeout=1)
            if has_ended():
                raise ConfigError(
                    "The Prefect server that this command started has ended by itself. Start the command again; what "
                    "has landed is kept, and the next run continues from there."
                )
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


class _Runner(Runner):
    """Prefect's runner, except that SIGTERM acts like Ctrl-C: it stops its runs and waits for them."""

    def handle_sigterm(self, *args: Any, **kwargs: Any) -> None:
        """Interrupt this process. Prefect's handler would exit at once and leave its runs running."""
        signal.raise_signal(signal.SIGINT)


def deploy_pipeline(
    work_pool: str,
    folder: Path,
    timetable: Timetable | None,
    name: str,
    accounts: Mapping[str, str],
    shards: int = 0,
) -> list[str]:
    """Create deployments on the Prefect server: one of that name for all accounts, or one for each given account.

    Returns their full names. accounts: sid → name. shards: in place of that, one for each of so many parts of the
    accounts, and one that builds the tables of all. folder: the working directory of their runs, with the settings
    file. Raises ConfigError if the server does not respond or has no such pool.
    """
    with _server_errors_reported():
        with get_client(sync_client=True) as client:
            try:
                pool = client.read_work_pool(work_pool)
            except ObjectNotFound:
                raise ConfigError(
                    f"The Prefect server has no work pool {work_pool}. Create it: prefect work-pool create {work_pool} "
                    "--type process"
                ) from None
        if pool.type != "process":
            raise ConfigError(
                f"The work pool {work_pool} is of type {pool.type}. recspend keeps its data on one disk, "
                "so it needs a pool of type process."
            )
        wanted = [deployment_of(name, None, timetable)]
        if accounts:
            wanted = [deployment_of(_deployable(*each), each[1], timetable) for each in accounts.items()]
        if shards:
            wanted = [
                *shard_deployments(shards, timetable),
                _deployed(FIGURES, {"figures_only": True}, timetable),
            ]
        for deployment in wanted:
            deployment.work_pool_name = work_pool
            # The code is loaded from where recspend is installed. Without this, Prefect would copy the folder.
            deployment.storage = LocalStorage(str(folder))
            deployment.job_variables = {"env": environment_of_runs()}
            deployment.apply()
        watch_for_lost_runs()
    return [deployment.full_name for deployment in wanted]


def _deployable(account_sid: str, account_name: str) -> str:
    """Return the name of an account's deployment: the account's name, or its sid if Prefect refuses the name."""
    return account_name if is_deployment_name(account_name) else account_sid


def deployment_of(name: str, account: str | None, timetable: Timetable | None) -> RunnerDeployment:
    """Return the deployment of that name, for one account or (None) for all of them."""
    # A run of all accounts, or one that was started by hand, may have the account for a while.
    parameters = {"account": account, "wait_minutes": _TURN_MINUTES} if account else {}
    return _deployed(name, parameters, timetable)


def shard_deployments(shards: int, timetable: Timetable | None) -> list[RunnerDeployment]:
    """Return a deployment for each part of the accounts. Each reads its accounts and brings them into the lake."""
    parts = [Shard(number, shards) for number in range(1, shards + 1)]
    return [_deployed(f"shard-{part.number}-of-{shards}", {"shard": str(part)}, timetable) for part in parts]


def _deployed(name: str, parameters: dict[str, Any], timetable: Timetable | None) -> RunnerDeployment:
    deployment = RunnerDeployment.from_flow(
        pipeline,
        name,
        schedule=timetable.schedule() if timetable else None,
        concurrency_limit=ONE_AT_A_TIME,
        parameters=parameters,
        tags=[FLOW],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    deployment.entrypoint = ENTRYPOINT
    return deployment


def environment_of_runs() -> dict[str, str]:
    """Return variables for the process of a run: the heartbeat interval, and that our log is part of the run's."""
    heartbeat = get_current_settings().flows.heartbeat_frequency
    return {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(heartbeat), "PREFECT_LOGGING_EXTRA_LOGGERS": "flows"}


@contextmanager
def _server_errors_reported() -> Iterator[None]:
    """Turn errors of the server into a ConfigError with one sentence: no response, or a refused deployment."""
    try:
        yield
    except _NO_RESPONSE as error:
        raise _no_response(error) from error
    except ExceptionGroup as group:  # raised by the runner's tasks
        if not (known := group.subgroup(_NO_RESPONSE)):
            raise
        raise _no_response(_first(known)) from group
    except DeploymentApplyError as error:
        raise ConfigError(f"The Prefect server refused the deployment: {error}") from error


def _no_response(error: Exception) -> ConfigError:
    where = without_credentials(str(get_current_settings().api.url))
    if is_refused_login(error):
        return ConfigError(f"The Prefect server {where} {REFUSED_LOGIN}")
    return ConfigError(
        f"The Prefect server {where} does not respond ({type(error).__name__}). Start it, or set PREFECT_API_URL."
    )


def _first(group: ExceptionGroup[Exception]) -> Exception:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error
