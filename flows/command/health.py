"""The commands for who watches: `status` (how do the figures fare?) and `doctor` (is everything there?)."""

from typing import Annotated

import typer

from flows.command.options import AsJson
from flows.command.screen.output import show
from transforms.values.json_text import json_text

app = typer.Typer()


@app.command()
def status(
    max_age: Annotated[
        str | None,
        typer.Option(
            "--max-age",
            metavar="LENGTH",
            help="End with exit code 1 when the coverage is older: 26h, 2d, 90m.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell until when everything was read, how the last run went, and what is missing; asks no server.

    A day that is over counts to its end, the day under way as far as it was read. Of several accounts the one that is
    furthest behind counts.

    Example: `recspend status --max-age 26h`
    """
    from datetime import UTC, datetime

    from flows.monitor.health import health
    from flows.settings.accounts import account_names
    from flows.settings.settings import load
    from transforms.values.durations import duration

    longest = None if max_age is None else duration(max_age)
    settings = load()
    found = health(settings.data_dir, account_names(settings), settings.reporting_timezone, datetime.now(UTC))
    if as_json:
        typer.echo(json_text(found.as_object(longest)))
    else:
        from flows.command.screen.health import health_lines

        show(*health_lines(found, longest))
    if longest is not None and found.is_older_than(longest):
        raise typer.Exit(1)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Look whether everything is there that a run needs; exit code 2 when something is broken.

    Each line is ok, worth a look, or broken, and says what to do. It asks each account for one row (of Twilio for
    its usage too, and before the first run how it compares dates), and never shows a secret.

    Example: `recspend doctor`
    """
    from flows.command.screen.health import finding_line
    from flows.monitor.doctor import examine

    found = []
    for finding in examine():
        found.append(finding)
        if not as_json:
            show(finding_line(finding))
    states = {finding.state for finding in found}
    state = next(state for state in ("broken", "look", "ok") if state in states)
    if as_json:
        findings = [{"subject": f.subject, "state": f.state, "words": f.words, **f.facts} for f in found]
        typer.echo(json_text({"state": state, "findings": findings}))
    if state == "broken":
        raise typer.Exit(2)
