"""The commands for monitoring: `status` (how complete are the figures?), `doctor` (is everything set up?), `notify`."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.command.options import AsJson
from flows.command.screen.output import put, say, show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flows.monitor.channels import Channel

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
    from flows.settings.loading import load_to_read
    from transforms.values.durations import duration
    from transforms.values.json_text import json_text

    longest = None if max_age is None else duration(max_age)
    settings = load_to_read()
    found = health(settings.data_dir, account_names(settings), settings.reporting_timezone, datetime.now(UTC))
    if as_json:
        put(json_text(found.as_object(longest)))
    else:
        from flows.command.screen.health import health_lines

        show(*health_lines(found, longest))
    if longest is not None and found.is_older_than(longest):
        raise typer.Exit(1)


@app.command()
def doctor(
    as_json: AsJson = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Also read all that is kept, and compare it with what is recorded."),
    ] = False,
) -> None:
    """Check that everything a run needs is there; exit code 2 if anything fails.

    Each line is ok, warn or fail, and says what to do. It requests one row from each account (from
    Twilio also its usage, and before the first run how it compares dates). It never shows a secret.

    With `--verify`, every raw page and every file of the lake is read, which takes as long as reading them does. What
    is recorded of them (digests, days read, counts and totals) is derived once more and compared.

    Example: `recspend doctor`
    """
    from flows.command.screen.health import finding_line
    from flows.monitor.doctor import examine
    from transforms.values.json_text import json_text

    found = []
    for finding in examine(verify=verify):
        found.append(finding)
        if not as_json:
            show(finding_line(finding))
    states = {finding.state for finding in found}
    state = next(state for state in ("fail", "warn", "ok") if state in states)
    if as_json:
        findings = [{"subject": f.subject, "state": f.state, "words": f.words, **f.facts} for f in found]
        put(json_text({"state": state, "findings": findings}))
    if state == "fail":
        raise typer.Exit(2)


@app.command()
def notify(
    test: Annotated[
        bool,
        typer.Option("--test", help="Send a test message through each channel and show which ones work."),
    ] = False,
    channel: Annotated[
        str | None, typer.Option("--channel", metavar="NAME", help="With --test: only this channel.")
    ] = None,
) -> None:
    """Show current findings and which channels were already notified. Sends nothing; `run` does.

    It looks at the current tables. Failed runs are shown if a channel was notified of them.

    Channels are the `[[notify]]` entries of `recspend.toml`. With `--test`, each gets a message that says it is a
    test; exit code 2 if one does not work.

    Example: `recspend notify --test --channel slack`
    """
    from flows.monitor.channels import channels
    from flows.settings.config_file import config_path
    from flows.settings.loading import load
    from flows.stage import utc_now
    from transforms.errors import ConfigError

    settings = load()
    found = channels(settings, utc_now)
    names = [each.name for each in found]
    if channel is not None and (not test or channel not in names):
        raise ConfigError(
            f"--channel needs --test and the name of a channel. Channels: {', '.join(names) or 'none'}."
        )
    if not test:
        _show(settings.data_dir, found)
    elif not found:
        raise ConfigError(f"No channel is configured. Add a [[notify]] entry to {config_path()}.")
    else:
        works = [_is_working(each) for each in found if channel in (None, each.name)]
        if not all(works):
            raise typer.Exit(2)


def _show(data_dir: "Path", found: "Sequence[Channel]") -> None:
    from flows.monitor.notify import findings_open
    from flows.stores.folder.notified import Notified

    notified = Notified(data_dir).read()
    findings = findings_open(data_dir, set().union(*notified.values()))
    if not findings:
        say("No findings.")
    for finding in findings:
        put(f"{finding.kind}: {finding.sentence}")
        for each in found:
            if finding.kind in each.kinds:
                is_notified = finding.key in notified.get(each.name, ())
                put(f"  {each.name}: {'notified' if is_notified else 'not notified yet'}")


def _is_working(channel: "Channel") -> bool:
    from transforms.errors import reason_of
    from transforms.monitor.messages import TEST

    try:
        channel.send(TEST)
    except Exception as error:  # whatever it is, the next channel is tried
        say(f"{channel.name}: failed. {reason_of(error)}")
        return False
    say(f"{channel.name}: ok")
    return True
