"""The `recspend` command. Only flows/command prints; everything heavy is imported where it is used."""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from flows.command import emulator as cli_emulator
from flows.command import figures as cli_figures
from flows.command import init as cli_init
from flows.command import monitor as cli_monitor
from flows.command import query as cli_ask
from flows.command import report as cli_report
from flows.command import schedule as cli_schedule
from flows.command import upkeep as cli_upkeep
from flows.command.options import (
    AccountOption,
    Accounts,
    Again,
    AsJson,
    Audit,
    First,
    Last,
    Prefect,
    Presets,
    Recordings,
    Seed,
    ShardOption,
    days_given,
)
from flows.command.screen.errors import sentence_of
from flows.command.screen.output import put, say, show
from transforms.errors import ConfigError, RecspendError
from transforms.settings.shards import read_shard

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, rich_markup_mode="markdown"
)
app.add_typer(cli_init.app)
app.add_typer(cli_upkeep.app)
app.add_typer(cli_report.app)
app.add_typer(cli_ask.app)
app.add_typer(cli_figures.app)
app.add_typer(cli_monitor.app)
app.add_typer(cli_schedule.app)
app.add_typer(cli_emulator.app, name="emulator")


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"recspend {version('recspend')}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and all log lines.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """What every call recording costs: the Recordings API of SignalWire and Twilio as exact spend tables.

    Start with `recspend demo`, which needs no account. For your own, set RECSPEND_BASE_URL, RECSPEND_ACCOUNT_SID and
    RECSPEND_API_TOKEN, then `recspend run`.
    """
    from flows.command.screen.logs import set_up_logging
    from flows.stores.warehouse.memory import refuse_few_addresses

    refuse_few_addresses()
    set_up_logging(verbose=debug)


@app.command()
def demo(
    recordings: Recordings = 6_000,
    accounts: Accounts = 3,
    seed: Seed = 1,
    prefect: Prefect = False,
    as_json: AsJson = False,
) -> None:
    """Run everything without an account: emulator, all stages, spend tables.

    Everything goes to `data/demo`, which is rebuilt each time.

    Example: `recspend demo --recordings 20000`
    """
    from flows.command.demo import emulated_accounts, fresh_folder
    from flows.command.perform import perform_request
    from flows.emulator import Parameters
    from flows.run.request import RunContext, RunRequest
    from flows.settings.loading import load

    settings = load(data_dir=load().data_dir / "demo", notify=[])
    fresh_folder(settings.data_dir)
    with emulated_accounts(settings, Parameters(seed, recordings, accounts)) as (url, found):
        say(
            f"Emulator of the Recordings API on {url}: {recordings} made-up recordings in {accounts} accounts."
        )
        context = RunContext(settings, found, {access.account_sid: access.name for access in found})
        perform_request(context, RunRequest("run"), as_json=as_json, prefect=prefect)


@app.command()
def run(
    first: First = None,
    last: Last = None,
    account: AccountOption = None,
    again: Again = False,
    audit: Audit = 0,
    preset: Presets = None,
    shard: ShardOption = None,
    figures_only: Annotated[
        bool, typer.Option("--figures-only", help="Read nothing; build tables and reports of what is there.")
    ] = False,
    as_json: AsJson = False,
    prefect: Prefect = False,
) -> None:
    """Run everything: ingest, normalize, model, report. This is what a schedule runs.

    Without `--from`, reads everything the account has. Days read before are only read again if they may have changed.
    Where machines share a bucket, each runs with `--shard` and builds no tables; one runs with `--figures-only`.

    Example: `recspend run --from 2026-09-01 --to 2026-09-30`
    """
    from flows.command.perform import perform_request
    from flows.run.request import RunRequest

    days, presets = days_given(first, last), tuple(preset or ())
    request = RunRequest(
        "run",
        *days,
        account,
        again=again,
        audit_days=audit,
        presets=presets,
        shard=read_shard(shard),
        figures_only=figures_only,
    )
    perform_request(None, request, as_json=as_json, prefect=prefect)


@app.command()
def ingest(
    first: First = None,
    last: Last = None,
    account: AccountOption = None,
    again: Again = False,
    audit: Audit = 0,
    shard: ShardOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show which days would be read, and why.")
    ] = False,
    as_json: AsJson = False,
    prefect: Prefect = False,
) -> None:
    """Fetch the raw pages from the API, without computing anything from them.

    Example: `recspend ingest --account support --from 2026-09-01 --dry-run`
    """
    from flows.command.perform import perform_request
    from flows.run.request import RunRequest

    request = RunRequest(
        "ingest",
        *days_given(first, last),
        account,
        again=again,
        audit_days=audit,
        shard=read_shard(shard),
    )
    if not dry_run:
        perform_request(None, request, as_json=as_json, prefect=prefect)
        return
    from flows.command.screen.tables import table
    from flows.run.request import context_of
    from flows.run.stages import planned
    from flows.settings.loading import load
    from transforms.report.text import to_json

    plan = planned(context_of(load()), request)
    if as_json:
        put(to_json(plan))
    else:
        show(table(plan))


@app.command()
def normalize(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Rebuild the lake from the raw pages alone.")
    ] = False,
    shard: ShardOption = None,
    as_json: AsJson = False,
    prefect: Prefect = False,
) -> None:
    """Bring the lake (Parquet) up to date with the fetched pages.

    Example: `recspend normalize --rebuild`
    """
    from flows.command.perform import perform_request
    from flows.run.request import RunRequest

    request = RunRequest("normalize", rebuild=rebuild, shard=read_shard(shard))
    perform_request(None, request, as_json=as_json, prefect=prefect)


@app.command()
def model(as_json: AsJson = False, prefect: Prefect = False) -> None:
    """Build the warehouse (DuckDB) from the lake and run its checks.

    Example: `recspend model`
    """
    from flows.command.perform import perform_request
    from flows.run.request import RunRequest

    perform_request(None, RunRequest("model"), as_json=as_json, prefect=prefect)


def _refuse_bytes(arguments: Sequence[str]) -> None:
    """Raise ConfigError if an argument is not text: Python keeps other bytes as surrogates, which nothing takes."""
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise ConfigError(f"The argument {argument!r} is not text in UTF-8. Write it in UTF-8.")


def main() -> None:
    """Entry point: errors become one sentence and an exit code."""
    debug = "--debug" in sys.argv
    # The flag may be anywhere.
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        _refuse_bytes(arguments)
        app(["--debug", *arguments] if debug else arguments, prog_name="recspend")
    except Exception as error:
        if debug:
            raise
        say(f"Error: {sentence_of(error)}")
        sys.exit(error.exit_code if isinstance(error, RecspendError) else 2)
