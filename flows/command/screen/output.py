"""Where the commands print: results to standard output, everything else to standard error."""

import sys
from typing import Any

import typer


def show(*renderables: Any) -> None:
    """Print results for a person."""
    from rich.console import Console

    console = Console(soft_wrap=not sys.stdout.isatty(), highlight=False)
    for renderable in renderables:
        console.print(renderable)


def say(sentence: str) -> None:
    """Print a message that is not part of the result."""
    typer.echo(sentence, err=True)
