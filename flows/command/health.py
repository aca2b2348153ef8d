"""The commands for monitoring: `status` (how complete are the figures?) and `doctor` (is everything set up?)."""

from typing import Annotated

import typer

from flows.command.options import AsJson
from flows.command.screen.output import show

app = typer.Typer()


@app.command()
def status(
    max_age: Annotated[
        str | None,
        typer.Option(
            "--max-age",
            metavar="LENGTH",
            help="Exit with code 1 when coverage is older than this: 26h, 2d, 90m.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how far the data is complete, how the last run went, and what is missing. Makes no requests.

    A finished day counts to its end, the current day as far as it was read. With several accounts, the least complete
    one counts.

    Example: `recspend status --max-age 26h`
    """
    from datetime import UTC, datetime

    from flows.monitor.health import health
    from flows.settings.accounts import account_names
    from flows.settings.settings import load
    from transforms.values.durations import duration
    from transforms.values.json_text import json_text

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
    """Check that everything a run needs is there; exit code 2 if anything fails.

    Each line is ok, warn or fail, and says what to do. It requests one row from each account (from
    Twilio also its usage, and before the first run how it compares dates). It never shows a secret.

    Example: `recspend doctor`
    """
    from flows.command.screen.health import finding_line
    from flows.monitor.doctor import examine
    from transforms.values.json_text import json_text

    found = []
    for finding in examine():
        found.append(finding)
        if not as_json:
            show(finding_line(finding))
    states = {finding.state for finding in found}
    state = next(state for state in ("fail", "warn", "ok") if state in states)
    if as_json:
        findings = [{"subject": f.subject, "state": f.state, "words": f.words, **f.facts} for f in found]
        typer.echo(json_text({"state": state, "findings": findings}))
    if state == "fail":
        raise typer.Exit(2)
