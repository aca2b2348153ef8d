"""The commands that let Prefect run the pipeline by itself: `serve` and `deploy`."""

import os
import signal
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.command.screen.output import say, show
from transforms.errors import ConfigError
from transforms.settings.credentials import without_credentials
from transforms.settings.run_names import ALL_ACCOUNTS, HOURLY, is_deployment_name

if TYPE_CHECKING:
    from flows.pipeline.deployments import Timetable
    from flows.settings.settings import Settings

app = typer.Typer()

Cron = Annotated[
    str, typer.Option(metavar="CRON", help="When runs are due: minute, hour, day, month, weekday.")
]
Timezone = Annotated[str, typer.Option(metavar="ZONE", help="The time zone that --cron is read in.")]
Name = Annotated[
    str,
    typer.Option(
        "--name",
        metavar="NAME",
        help="What the deployment is called: each data folder on a server needs its own.",
    ),
]


@app.command("serve")
def serve_command(
    cron: Cron = HOURLY,
    timezone: Timezone = "UTC",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of its own Prefect server; 0: a free one.")
    ] = 4200,
    name: Name = ALL_ACCOUNTS,
) -> None:
    """Run everything whenever it is due, until Ctrl-C or SIGTERM.

    With PREFECT_API_URL it reports to that server; without it, it starts one of its own on this machine.

    Example: `recspend serve --cron "17 * * * *" --timezone Europe/Berlin`
    """
    from flows.settings.settings import load
    from flows.settings.tokens import asks_prefect
    from flows.stores.prefect.proxies import past_proxies
    from flows.stores.prefect.server import free_address, own_server

    _end_by_signals()
    _check_name(name)
    with suppress(KeyboardInterrupt):
        settings = load()
        if not (asks_first := asks_prefect(settings)):
            _say_what_is_missing(settings)  # before anything is started
        given = os.environ.get("PREFECT_API_URL")
        address = "" if given else free_address(port)
        if not given:
            os.environ.update(past_proxies(os.environ))  # our server, and we and the runs on the way to it
        _before_prefect(api_url := given or f"{address}/api")
        from flows.pipeline.deployments import serve_pipeline

        timetable = _timetable(cron, timezone)
        with nullcontext(lambda: False) if given else own_server(address, os.environ) as has_ended:
            if asks_first:
                _say_what_is_missing(settings)  # asking the same server as the runs will
            say(f"Runs are due at {cron} ({timezone}). Prefect's UI: {_ui_of(api_url)}  Ctrl-C ends it.")
            serve_pipeline(name, timetable, has_ended)
    say("Stopped. What has landed is kept, and the next run goes on from there.")


@app.command("deploy")
def deploy_command(
    work_pool: Annotated[
        str, typer.Option("--work-pool", metavar="NAME", help="A work pool of type process.")
    ],
    cron: Annotated[
        str | None, typer.Option(metavar="CRON", help="When runs are due; without it, only by hand.")
    ] = None,
    timezone: Timezone = "UTC",
    per_account: Annotated[
        bool, typer.Option("--per-account", help="A deployment for each account, instead of one for all.")
    ] = False,
    name: Name = ALL_ACCOUNTS,
) -> None:
    """Put the pipeline on the Prefect server of PREFECT_API_URL, for the workers of a pool on this machine.

    Its runs work in the current folder, where the settings file is. Deploying again brings everything up to date.

    Example: `recspend deploy --work-pool local --cron "17 * * * *"`
    """
    from flows.settings.accounts import account_names
    from flows.settings.settings import load

    _check_name(name)
    if per_account and name != ALL_ACCOUNTS:
        raise ConfigError("--per-account calls each deployment after its account. Leave --name out.")
    settings = load()
    if not os.environ.get("PREFECT_API_URL"):
        raise ConfigError(
            "PREFECT_API_URL is not set. Set it to your server, as PREFECT_API_URL=http://127.0.0.1:4200/api; "
            "without a server, use `recspend serve`."
        )
    accounts = account_names(settings) if per_account else {}
    if per_account and not accounts:
        raise ConfigError("No account is described. Set RECSPEND_ACCOUNT_SID or describe accounts in a file.")
    from flows.pipeline.deployments import deploy_pipeline

    timetable = _timetable(cron, timezone) if cron else None
    for deployed in deploy_pipeline(work_pool, Path.cwd(), timetable, name, accounts):
        show(f"Deployed {deployed}")
    say(f"A worker runs them where recspend is installed: prefect worker start --pool {work_pool}")


def _end_by_signals() -> None:
    """Have SIGTERM end us like Ctrl-C, from the start on.

    A shell that is no terminal starts what it sends to the background with SIGINT ignored, which our own server and
    all runs would inherit: neither SIGTERM, which becomes SIGINT in the runner, nor we ourselves could end them.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def _check_name(name: str) -> None:
    if not is_deployment_name(name):
        raise ConfigError(f"--name {name!r} is none that Prefect takes. Leave out / % & < and >.")


def _say_what_is_missing(settings: "Settings") -> None:
    """Raise ConfigError now, not in an hour."""
    from flows.run.job import RunRequest
    from flows.run.stages import prepare

    prepare(settings, RunRequest("run"))


def _before_prefect(api_url: str) -> None:
    """What Prefect reads when it is loaded: the server, and that our log belongs to that of a run."""
    os.environ["PREFECT_API_URL"] = api_url
    os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "flows")


def _ui_of(api_url: str) -> str:
    """The address to show to a person: a server has its UI above its API; of Prefect Cloud, the API is all we know."""
    return without_credentials(api_url).rstrip("/").removesuffix("/api")


def _timetable(cron: str, timezone: str) -> "Timetable":
    from zoneinfo import available_timezones

    from flows.pipeline.deployments import Timetable

    if timezone not in available_timezones():
        raise ConfigError(f"--timezone {timezone} is no time zone; give a name like UTC or Europe/Berlin.")
    timetable = Timetable(cron, timezone)
    timetable.schedule()
    return timetable
