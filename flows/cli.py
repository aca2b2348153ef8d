"""The `recspend` command. The only place that prints; everything heavy is imported where it is used."""

import json
import os
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from transforms.errors import ConfigError, RecspendError

if TYPE_CHECKING:
    from flows.job import Job, Summary, Work

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, rich_markup_mode="markdown"
)
emulator_app = typer.Typer(rich_markup_mode="markdown")
app.add_typer(emulator_app, name="emulator")

# The emulator's own list, repeated so that --help need not load it; a test holds them together.
_FAULTS = "bad-json, flaky, not-found, other-host, redirect, repeat-cursor, throttle, unauthorized"

First = Annotated[
    str | None, typer.Option("--from", metavar="DAY", help="First day of creation, UTC: 2026-09-01.")
]
Last = Annotated[str | None, typer.Option("--to", metavar="DAY", help="Last day of creation, UTC, included.")]
Account = Annotated[
    str | None, typer.Option("--account", metavar="NAME", help="Only this account (name or sid).")
]
Again = Annotated[
    bool, typer.Option("--again", help="Read the days of --from and --to even when they are covered.")
]
Audit = Annotated[
    int, typer.Option("--audit", metavar="N", min=0, help="Also read the N days read longest ago again.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Prefect = Annotated[
    bool, typer.Option("--prefect", help="Run as a Prefect flow, also without PREFECT_API_URL.")
]
Recordings = Annotated[int, typer.Option(min=0, help="How many recordings there are, over all accounts.")]
Accounts = Annotated[int, typer.Option(min=1, help="How many accounts share them.")]
Seed = Annotated[int, typer.Option(help="The same seed makes up the same recordings.")]
Latency = Annotated[int, typer.Option(min=0, help="Wait so many milliseconds before each page.")]
Fault = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help=f"Misbehave, several times if wanted: {_FAULTS}.")
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")]
Replay = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Serve the captured pages of a folder instead.")
]


class Format(StrEnum):
    """How `query` prints its rows."""

    table = "table"
    csv = "csv"
    json = "json"


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and every log line.")] = False,
) -> None:
    """What every call recording costs: the Recordings API of SignalWire and Twilio as exact spend tables.

    Start with `recspend demo`, which needs no account. For your own, set RECSPEND_BASE_URL, RECSPEND_ACCOUNT_SID and
    RECSPEND_API_TOKEN, then `recspend run`.
    """
    from flows.logs import set_up_logging

    set_up_logging(verbose=debug)


@app.command()
def demo(
    recordings: Recordings = 6_000,
    accounts: Accounts = 3,
    seed: Seed = 1,
    prefect: Prefect = False,
    as_json: AsJson = False,
) -> None:
    """Show the whole path without an account: emulator, all stages, spend tables.

    Everything goes to `data/demo`, which is made anew each time.

    Example: `recspend demo --recordings 20000`
    """
    from flows.demo import emulated_accounts, fresh_folder
    from flows.emulator import Parameters
    from flows.job import Job, Work
    from flows.settings import load

    settings = load(data_dir=load().data_dir / "demo")
    fresh_folder(settings.data_dir)
    with emulated_accounts(settings, Parameters(seed, recordings, accounts)) as (url, found):
        _say(
            f"Emulator of the Recordings API on {url}: {recordings} made-up recordings in {accounts} accounts."
        )
        work = Work(settings, found, {access.account_sid: access.name for access in found})
        _perform(work, Job("run"), as_json=as_json, prefect=prefect)


@app.command()
def run(
    first: First = None,
    last: Last = None,
    account: Account = None,
    again: Again = False,
    audit: Audit = 0,
    as_json: AsJson = False,
    prefect: Prefect = False,
) -> None:
    """Do everything: ingest, normalize, model, report. This is what a schedule runs.

    Without `--from`, everything the account has; of what was read before, only the days that may have changed.

    Example: `recspend run --from 2026-09-01 --to 2026-09-30`
    """
    from flows.job import Job

    job = Job("run", *_days(first, last), account, again=_given_days(again, first), audit_days=audit)
    _perform(None, job, as_json=as_json, prefect=prefect)


@app.command()
def ingest(
    first: First = None,
    last: Last = None,
    account: Account = None,
    again: Again = False,
    audit: Audit = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show which days would be read, and why.")
    ] = False,
    as_json: AsJson = False,
    prefect: Prefect = False,
) -> None:
    """Land the raw pages of the API; nothing is computed from them yet.

    Example: `recspend ingest --account support --from 2026-09-01 --dry-run`
    """
    from flows.job import Job

    job = Job("ingest", *_days(first, last), account, again=_given_days(again, first), audit_days=audit)
    if not dry_run:
        _perform(None, job, as_json=as_json, prefect=prefect)
        return
    from flows.screen import table
    from flows.settings import load
    from flows.stages import planned, prepare
    from transforms.reports import to_json

    plan = planned(prepare(load(), job), job)
    if as_json:
        typer.echo(to_json(plan))
    else:
        _print(table(plan))


@app.command()
def normalize(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Build the lake anew from the raw pages alone.")
    ] = False,
    as_json: AsJson = False,
    prefect: Prefect = False,
) -> None:
    """Bring the lake (Parquet) up to the landed pages.

    Example: `recspend normalize --rebuild`
    """
    from flows.job import Job

    _perform(None, Job("normalize", rebuild=rebuild), as_json=as_json, prefect=prefect)


@app.command()
def model(as_json: AsJson = False, prefect: Prefect = False) -> None:
    """Build the warehouse (DuckDB) from the lake and run its checks.

    Example: `recspend model`
    """
    from flows.job import Job

    _perform(None, Job("model"), as_json=as_json, prefect=prefect)


@app.command()
def report(as_json: AsJson = False, prefect: Prefect = False) -> None:
    """Write the spend tables as CSV files to `data/reports`.

    Example: `recspend report`
    """
    from flows.job import Job

    _perform(None, Job("report"), as_json=as_json, prefect=prefect)


@app.command()
def check(as_json: AsJson = False) -> None:
    """Run the checks on the warehouse as it stands; exit code 1 when one of severity fail finds something.

    Example: `recspend check`
    """
    from flows.model import read_checks
    from flows.screen import check_lines
    from flows.settings import load, shipped
    from flows.stores.warehouse import Warehouse, check_table, warehouse_path
    from transforms.reports import to_json

    results = Warehouse(warehouse_path(load().data_dir)).check(read_checks(shipped("sql")))
    if as_json:
        typer.echo(to_json(check_table(results)))
    else:
        _print(*check_lines(results))
    if any(result.stops for result in results):
        raise typer.Exit(1)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(metavar="SELECT", help="One statement; the warehouse is read-only.")],
    output: Annotated[Format, typer.Option("--format", help="How to print the rows.")] = Format.table,
) -> None:
    """Ask the warehouse.

    Example: `recspend query "select * from marts.spend_by_source" --format csv`
    """
    from flows.screen import table
    from flows.settings import load
    from flows.stores.warehouse import Warehouse, warehouse_path
    from transforms.reports import to_csv, to_json

    rows = Warehouse(warehouse_path(load().data_dir)).table(sql)
    if output is Format.table:
        _print(table(rows))
    else:
        sys.stdout.write(to_csv(rows) if output is Format.csv else to_json(rows) + "\n")


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Look whether everything is there that a run needs; exit code 2 when something is broken.

    Example: `recspend doctor`
    """
    from flows.doctor import findings
    from flows.screen import finding_line
    from flows.settings import load

    found = []
    for finding in findings(load()):
        found.append(finding)
        if not as_json:
            _print(finding_line(finding))
    if as_json:
        typer.echo(json.dumps([{"subject": f.subject, "state": f.state, "words": f.words} for f in found]))
    if any(finding.state == "broken" for finding in found):
        raise typer.Exit(2)


@emulator_app.callback(invoke_without_command=True)
def emulator(
    context: typer.Context,
    port: Port = 0,
    recordings: Recordings = 10_000,
    accounts: Accounts = 3,
    seed: Seed = 1,
    latency_ms: Latency = 0,
    fault: Fault = None,
    replay: Replay = None,
) -> None:
    """Serve a local Recordings API with made-up recordings until Ctrl-C.

    Example: `recspend emulator --port 8080 --recordings 100000 --fault throttle`
    """
    if context.invoked_subcommand:
        sources = {name: context.get_parameter_source(name) for name in context.params}
        given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
        if given:
            raise ConfigError(f"--{given[0].replace('_', '-')} belongs behind the word totals.")
        return
    from flows.demo import open_source
    from flows.emulator import serve_until_stopped
    from flows.screen import how_to_use

    source = open_source(recordings, accounts, seed, replay)
    try:
        serve_until_stopped(
            source,
            lambda running: _print(*how_to_use(running.base_url, source)),
            port=port,
            latency_ms=latency_ms,
            faults=fault or (),
            seed=seed,
        )
    except (ValueError, OSError) as error:
        raise ConfigError(f"The emulator cannot start: {error}. See `recspend emulator --help`.") from None


@emulator_app.command()
def totals(
    port: Port = 0,
    recordings: Recordings = 10_000,
    accounts: Accounts = 3,
    seed: Seed = 1,
    latency_ms: Latency = 0,
    fault: Fault = None,
    replay: Replay = None,
) -> None:
    """Print what the emulator itself says the right answer is, as one JSON object; the flags are the emulator's.

    Example: `recspend emulator totals --recordings 100000`
    """
    from flows.demo import open_source

    typer.echo(json.dumps(open_source(recordings, accounts, seed, replay).totals()))


def _perform(work: "Work | None", job: "Job", *, as_json: bool, prefect: bool) -> None:
    """Do a job with a progress bar, directly or through Prefect, and print what came of it."""
    from flows.screen import progress_shown
    from flows.settings import load
    from flows.stages import perform, prepare

    work = work or prepare(load(), job)
    through_prefect = prefect or bool(os.environ.get("PREFECT_API_URL"))
    if through_prefect and not os.environ.get("PREFECT_API_URL"):
        _say(
            "Starting a temporary Prefect server; this takes some seconds. Set PREFECT_API_URL to use your own."
        )
    with progress_shown() as progress:
        work = replace(work, progress=progress)
        if through_prefect:
            from flows.pipeline import perform_as_flow

            summary = perform_as_flow(work, job)
        else:
            summary = perform(work, job)
    _show(summary, work, as_json=as_json)
    if summary.exit_code:
        raise typer.Exit(summary.exit_code)


def _show(summary: "Summary", work: "Work", *, as_json: bool) -> None:
    from flows.screen import files_line, remarks, spend_tables, stage_line

    if as_json:
        typer.echo(json.dumps(summary.as_object()))
        return
    if summary.cost is not None:
        _print(*spend_tables(work.settings.data_dir))
    _print(stage_line(summary), *remarks(summary))
    if summary.reports:
        _print(files_line(work.settings.data_dir))


def _days(first: str | None, last: str | None) -> tuple[date | None, date | None]:
    days = []
    for flag, text in (("--from", first), ("--to", last)):
        try:
            days.append(date.fromisoformat(text) if text else None)
        except ValueError:
            raise ConfigError(f"{flag} {text} is no day. Write it like 2026-09-30.") from None
    today = datetime.now(UTC).date()
    if days[0] and days[0] > min(days[1] or today, today):
        end = "is after --to" if days[1] and days[0] > days[1] else "lies in the future"
        raise ConfigError(f"--from {first} {end}. Days are inclusive and UTC; today is {today}.")
    return days[0], days[1]


def _given_days(again: bool, first: str | None) -> bool:
    if again and first is None:
        raise ConfigError("--again needs --from: say which days are to be read again.")
    return again


def _print(*renderables: Any) -> None:
    from rich.console import Console

    console = Console(soft_wrap=not sys.stdout.isatty(), highlight=False)
    for renderable in renderables:
        console.print(renderable)


def _say(sentence: str) -> None:
    """Tell the person at the terminal something that is no result."""
    typer.echo(sentence, err=True)


def main() -> None:
    """Entry point: errors become one sentence and an exit code."""
    debug = "--debug" in sys.argv
    # The flag may stand anywhere.
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    try:
        app(["--debug", *arguments] if debug else arguments, prog_name="recspend")
    except RecspendError as error:
        if debug:
            raise
        _say(f"Error: {error}")
        sys.exit(error.exit_code)
    except Exception as error:
        if debug:
            raise
        _say(
            f"Error: something unexpected happened ({type(error).__name__}). Run again with --debug to see where."
        )
        sys.exit(2)
