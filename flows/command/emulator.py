"""`recspend emulator`: a local Recordings API that knows its own totals."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from flows.command.options import Accounts, DialectOption, Fault, Latency, Port, Recordings, Replay, Seed
from flows.command.screen.output import put, show
from transforms.errors import ConfigError

if TYPE_CHECKING:
    from flows.emulator import Emulator, Source

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
    dialect: DialectOption = None,
    replay: Replay = None,
) -> None:
    """Serve a local Recordings API with made-up recordings until Ctrl-C.

    With a fault that changes recordings (late-prices, corrections, deletions, inserts), `POST
    /emulator/advance?days=1` advances the clock, and `GET /emulator/totals` shows the totals at that time.

    Example: `recspend emulator --port 8080 --recordings 100000 --fault throttle --dialect day-inclusive`
    """
    if context.invoked_subcommand:
        sources = {name: context.get_parameter_source(name) for name in context.params}
        given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
        if given:
            raise ConfigError(f"Put --{given[0].replace('_', '-')} after the word totals.")
        return
    from flows.command.screen.figures import how_to_use
    from flows.emulator import serve_until_stopped

    faults = fault or ()
    source = _opened(recordings, accounts, seed, faults, replay)

    def ready(running: "Emulator") -> None:
        show(*how_to_use(running.base_url, source), *_how_to_move_time(running.base_url, faults))

    try:
        serve_until_stopped(
            source,
            ready,
            port=port,
            latency_ms=latency_ms,
            faults=faults,
            dialect=dialect or (),
            seed=seed,
        )
    except (ValueError, OSError) as error:
        raise _refusal(error) from None


@app.command()
def totals(
    port: Port = 0,
    recordings: Recordings = 10_000,
    accounts: Accounts = 3,
    seed: Seed = 1,
    latency_ms: Latency = 0,
    fault: Fault = None,
    dialect: DialectOption = None,
    replay: Replay = None,
) -> None:
    """Print the emulator's own totals as one JSON object. Takes the flags of the emulator.

    Recordings that change are counted as they are when the emulator starts. A running emulator shows its current
    totals at `/emulator/totals`.

    Example: `recspend emulator totals --recordings 100000`
    """
    from flows.emulator import totals_at_start

    faults = fault or ()
    source = _opened(recordings, accounts, seed, faults, replay)
    try:
        put(json.dumps(totals_at_start(source, faults=faults, dialect=dialect or (), seed=seed)))
    except ValueError as error:
        raise _refusal(error) from None


def _opened(
    recordings: int, accounts: int, seed: int, faults: Sequence[str], replay: Path | None
) -> "Source":
    """What to serve: recordings that live when a fault changes them. Raises ConfigError when there is nothing."""
    from flows.command.demo import open_source
    from flows.emulator import LEDGER_FAULTS, Parameters, open_living

    changing = [name for name in faults if name in LEDGER_FAULTS]
    if not changing:
        return open_source(recordings, accounts, seed, replay)
    if replay is not None:
        raise ConfigError(f"Captured pages do not change: leave out --fault {changing[0]} or --replay.")
    return open_living(Parameters(seed, recordings, accounts))


def _refusal(error: Exception) -> ConfigError:
    reason = str(error).rstrip(".")
    return ConfigError(f"The emulator cannot start: {reason}. See `recspend emulator --help`.")


def _how_to_move_time(base_url: str, faults: Sequence[str]) -> list[str]:
    from flows.emulator import LEDGER_FAULTS

    if LEDGER_FAULTS.keys().isdisjoint(faults):
        return []
    return [
        f"To advance its clock: curl -X POST '{base_url}/emulator/advance?days=1'",
        f"Its totals then: curl {base_url}/emulator/totals",
    ]
