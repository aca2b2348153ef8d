"""The commands that let Prefect run the pipeline by itself: `serve` and `deploy`."""

import os
import shlex
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

Cron = Annotated[str, typer.Option(metavar="CRON", help="When to run: minute, hour, day, month, weekday.")]
Timezone = Annotated[str, typer.Option(metavar="ZONE", help="Time zone of --cron.")]
Name = Annotated[
    str,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of the deployment. Each data folder on a server needs its own.",
    ),
]


@app.command("serve")
def serve_command(
    cron: Cron = HOURLY,
    timezone: Timezone = "UTC",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the Prefect server it starts; 0: any free port.")
    ] = 4200,
    name: Name = ALL_ACCOUNTS,
) -> None:
    """Run everything on a schedule, until Ctrl-C or SIGTERM.

    With PREFECT_API_URL set, it uses that server. Otherwise it starts its own on this machine, for its owner only: the
    UI asks once for a login, and the command says where it is.

    Example: `recspend serve --cron "17 * * * *" --timezone Europe/Berlin`
    """
    from flows.settings.loading import load
    from flows.settings.tokens import asks_prefect, secret_variables
    from flows.stores.prefect.server import free_address, own_server

    _end_by_signals()
    _check_name(name)
    with suppress(KeyboardInterrupt):
        settings = load()
        if not (asks_first := asks_prefect(settings)):
            _refuse_missing_tokens(settings)  # before anything is started
        given = os.environ.get("PREFECT_API_URL")
        address = given or free_address(port)
        login = "" if given else _log_in()
        _before_prefect(api_url := given or f"{address}/api")
        from flows.pipeline.deployments import serve_pipeline

        timetable = _timetable(cron, timezone)
        own = own_server(address, login, os.environ, secret_variables(settings))
        with nullcontext(lambda: False) if given else own as has_ended:
            if asks_first:
                _refuse_missing_tokens(settings)  # asking the same server as the runs will
            say(f"Scheduled at {cron} ({timezone}). Prefect UI: {_ui_of(api_url)}  Press Ctrl-C to stop.")
            _warn_of_open_server() if given else say(_how_to_log_in(login))
            serve_pipeline(name, timetable, has_ended)
    say("Stopped. Everything fetched so far is kept, and the next run continues from there.")


@app.command("deploy")
def deploy_command(
    work_pool: Annotated[
        str, typer.Option("--work-pool", metavar="NAME", help="A work pool of type process.")
    ],
    cron: Annotated[
        str | None,
        typer.Option(metavar="CRON", help="When to run. Without it, runs are only started by hand."),
    ] = None,
    timezone: Timezone = "UTC",
    per_account: Annotated[
        bool, typer.Option("--per-account", help="One deployment per account instead of one for all.")
    ] = False,
    shards: Annotated[
        int,
        typer.Option(
            min=0,
            max=1000,
            metavar="N",
            help="One deployment per part of the accounts, for several machines.",
        ),
    ] = 0,
    name: Name = ALL_ACCOUNTS,
) -> None:
    """Deploy the pipeline to the Prefect server at PREFECT_API_URL, for the workers of a pool on this machine.

    Runs use the current folder, where the settings file is. Deploy again to update everything. With --shards, workers
    on several machines each read a part of the accounts into a bucket (`lake_url`), and the deployment `figures`
    builds the tables of what is there when it is due.

    Example: `recspend deploy --work-pool local --cron "17 * * * *"`
    """
    from flows.settings.accounts import account_names
    from flows.settings.loading import load

    _check_name(name)
    if per_account and shards:
        raise ConfigError(
            "--per-account and --shards divide the accounts in different ways. Leave out one of them."
        )
    if shards and name != ALL_ACCOUNTS:
        raise ConfigError("--shards names each deployment after its part. Leave out --name.")
    if per_account and name != ALL_ACCOUNTS:
        raise ConfigError("--per-account names each deployment after its account. Leave out --name.")
    settings = load()
    if not os.environ.get("PREFECT_API_URL"):
        raise ConfigError(
            "PREFECT_API_URL is not set. Set it to your server, for example http://127.0.0.1:4200/api; "
            "without a server, use `recspend serve`."
        )
    if shards and not settings.lake_url:
        raise ConfigError(
            "--shards is for machines that share a bucket. Set lake_url; on one machine, all accounts are read at once."
        )
    accounts = account_names(settings) if per_account else {}
    if per_account and not accounts:
        raise ConfigError(
            "No account is configured. Set RECSPEND_ACCOUNT_SID or list accounts in a settings file."
        )
    from flows.pipeline.deployments import deploy_pipeline

    timetable = _timetable(cron, timezone) if cron else None
    for deployed in deploy_pipeline(work_pool, Path.cwd(), timetable, name, accounts, shards):
        show(f"Deployed {deployed}")
    say(f"Start a worker where recspend is installed: prefect worker start --pool {work_pool}")
    _warn_of_open_server()


def _end_by_signals() -> None:
    """Make SIGTERM end the command like Ctrl-C, from the start.

    A non-interactive shell starts background jobs with SIGINT ignored, and our server and all runs would inherit that:
    neither SIGTERM, which becomes SIGINT in the runner, nor this command could end them.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def _check_name(name: str) -> None:
    if not is_deployment_name(name):
        raise ConfigError(f"{name!r} is not a valid deployment name: it must not contain / % & < or >.")


def _refuse_missing_tokens(settings: "Settings") -> None:
    """Raise ConfigError now, not in an hour. Checks only: no run was due, so nothing is recorded or sent."""
    from flows.settings.accounts import accesses

    accesses(settings)


def _log_in() -> str:
    """Have this process and its runs log in to our server, past every proxy; return the login.

    It is the operator's own if they set one, or that of the file, which no other user can read.
    """
    from flows.stores.prefect.login import CLIENT, SERVER, home_of, kept_login
    from flows.stores.prefect.proxies import past_proxies

    os.environ.update(past_proxies(os.environ))
    # Prefect reads its variables in either case.
    given = [os.environ.pop(name) for name in list(os.environ) if name.upper() == SERVER]
    login = next(filter(None, given), "") or kept_login(home_of(os.environ))
    for name in [name for name in os.environ if name.upper() == CLIENT]:
        del os.environ[name]
    os.environ[CLIENT] = login
    return login


def _how_to_log_in(login: str) -> str:
    """Say where the login is, never what it is."""
    from flows.stores.prefect.login import home_of, is_kept, login_file

    if not is_kept(login, home := home_of(os.environ)):
        return "The UI asks once for the login in PREFECT_SERVER_API_AUTH_STRING."
    return f"The UI asks once for a login. Show it: cat {shlex.quote(str(login_file(home)))}"


def _warn_of_open_server() -> None:
    """Warn if anybody who can reach the server can use it."""
    from flows.stores.prefect.open_server import OPEN_SERVER, answers_anybody

    url = os.environ["PREFECT_API_URL"]
    if answers_anybody(url):
        say(f"Warning: {without_credentials(url)} {OPEN_SERVER}")


def _before_prefect(api_url: str) -> None:
    """Set what Prefect reads when it is loaded: the server, and that our log belongs to that of a run."""
    os.environ["PREFECT_API_URL"] = api_url
    os.environ.setdefault("PREFECT_LOGGING_EXTRA_LOGGERS", "flows")


def _ui_of(api_url: str) -> str:
    """Return the address to show to people: a server has its UI above its API, Prefect Cloud elsewhere."""
    return without_credentials(api_url).rstrip("/").removesuffix("/api")


def _timetable(cron: str, timezone: str) -> "Timetable":
    from zoneinfo import available_timezones

    from flows.pipeline.deployments import Timetable

    if timezone not in available_timezones():
        raise ConfigError(
            f"--timezone: {timezone!r} is not a time zone. Give a name such as UTC or Europe/Berlin."
        )
    timetable = Timetable(cron, timezone)
    timetable.schedule()
    timetable.refuse_never_due()
    return timetable
