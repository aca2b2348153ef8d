"""`recspend notify`: the current findings, and whether each channel works."""

from typing import TYPE_CHECKING, Annotated

import typer

from flows.command.screen.output import say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flows.monitor.channels import Channel

app = typer.Typer()


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
    from flows.settings.settings import load
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
        typer.echo(f"{finding.kind}: {finding.sentence}")
        for each in found:
            if finding.kind in each.kinds:
                is_notified = finding.key in notified.get(each.name, ())
                typer.echo(f"  {each.name}: {'notified' if is_notified else 'not notified yet'}")


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
