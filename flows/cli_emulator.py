"""`recspend emulator`: a local Recordings API, and what it says the right answer is."""

import json

import typer

from flows.cli_options import Accounts, Fault, Latency, Port, Recordings, Replay, Seed
from flows.cli_output import show
from transforms.errors import ConfigError

app = typer.Typer(rich_markup_mode="markdown")


@app.callback(invoke_without_command=True)
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
            lambda running: show(*how_to_use(running.base_url, source)),
            port=port,
            latency_ms=latency_ms,
            faults=fault or (),
            seed=seed,
        )
    except (ValueError, OSError) as error:
        raise ConfigError(f"The emulator cannot start: {error}. See `recspend emulator --help`.") from None


@app.command()
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
