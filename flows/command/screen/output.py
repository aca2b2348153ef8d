"""Where the commands print: results to standard output, everything else to standard error.

Nothing else prints, so that what comes from outside (names, statuses, rejects, messages) cannot act on a terminal.
"""

import sys
from typing import TYPE_CHECKING, Any

import typer

from transforms.values.visible import visible

if TYPE_CHECKING:
    from rich.console import Console


def show(*renderables: Any) -> None:
    """Print results for a person."""
    from rich.console import Console

    console = Console(soft_wrap=not sys.stdout.isatty(), highlight=False)
    for renderable in renderables:
        console.print(_harmless(renderable, console))


def say(sentence: str) -> None:
    """Print a message that is not part of the result."""
    typer.echo(visible(sentence, lines=True), err=True)


def put(text: str, *, end: str = "\n") -> None:
    """Print a result for a program as it is; on a terminal, without characters that act on it."""
    # Not by typer, which leaves out escape sequences in a pipe: a program gets what is there.
    sys.stdout.write(f"{visible(text, lines=True) if sys.stdout.isatty() else text}{end}")


def _harmless(renderable: Any, console: "Console") -> Any:
    """Return the same without characters that act on a terminal; the styles are the only escape sequences."""
    from rich.console import Group
    from rich.segment import Segment, Segments
    from rich.text import Text

    if isinstance(renderable, Text):
        parts = [(visible(each.text, lines=True), each.style or "") for each in renderable.render(console)]
        return Text.assemble(*parts, end=renderable.end)
    if isinstance(renderable, str):
        return Group(Text(visible(renderable, lines=True)))
    # As `print` does: no line is cut or filled up unless it is for a terminal.
    options = (
        console.options.update(no_wrap=True, overflow="ignore") if console.soft_wrap else console.options
    )
    # Tables escape their cells themselves, so that columns stay in line; this is for what they might forget.
    segments = [
        each if each.control else Segment(visible(each.text, lines=True), each.style)
        for each in console.render(renderable, options)
    ]
    return Segments(segments)
