"""What a run came to, as a page of Markdown for whoever looks at it in a browser: pure text from plain values."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

from transforms.values.money import readable

_SIGNIFICANT = re.compile(r"([\\`*_\[\]()|~#!])")
_NO_KEY = re.compile("[^a-z0-9]+")
_MOST_LINES = 20
NOTHING = "–"  # noqa: RUF001
"""What stands for null."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be said of a run.

    figures: the summary as one object. days: account, first and last day covered, days covered, days missing, as text.
    remarks: what a reader must know, as sentences. folder: where the files are; files: their names.
    """

    title: str
    figures: Mapping[str, Any]
    days: Sequence[Sequence[str | None]] = ()
    remarks: Sequence[str] = ()
    folder: str = ""
    files: Sequence[str] = ()


def run_page(told: Told) -> str:
    """Return the page of a run. What belongs to stages that did not run is left out."""
    costs = told.figures.get("cost", {})
    counts = {name: f"{value:,}" for name, value in told.figures.items() if isinstance(value, int)}
    seconds = {stage: f"{taken:.1f}" for stage, taken in told.figures.get("seconds", {}).items()}
    # A browser opens no file from a page of a server, so a link would lead nowhere.
    files = f"On the machine that ran it, in {literal(told.folder)}: {literal(', '.join(told.files))}"
    return page(
        told.title,
        {
            "To look at": bullets(told.remarks),
            "Cost of everything in the warehouse": side_by_side(
                {currency: readable([Decimal(cost)])[0] for currency, cost in costs.items()}
            ),
            "Figures": side_by_side(counts),
            "Days": grid(("account", "first day", "last day", "covered", "missing"), told.days),
            "Seconds": side_by_side(seconds),
            "Files": files if told.files else "",
        },
    )


def literal(text: str) -> str:
    """Return a text that a Markdown page shows as it is, on one line: no marks, no HTML, no end of a table cell."""
    return _SIGNIFICANT.sub(r"\\\1", escape(" ".join(text.split()), quote=False))


def key_of(*parts: str) -> str:
    """Return a key of lower-case letters, digits and dashes; what has to give way to that is told apart by a digest."""
    text = "-".join(parts)
    key = _NO_KEY.sub("-", text.lower()).strip("-")
    return key if key == text else f"{key}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def grid(header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """Return a table; null is a dash. Empty when there are no rows."""
    cells = [[NOTHING if cell is None else literal(cell) for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in [[literal(name) for name in header], *cells]]
    return "\n".join([lines[0], f"|{' --- |' * len(header)}", *lines[1:]]) if cells else ""


def side_by_side(figures: Mapping[str, str | None]) -> str:
    """Return a table of one row, each figure under its name. Empty when there are none."""
    return grid(list(figures), [list(figures.values())] if figures else [])


def bullets(sentences: Sequence[str]) -> str:
    """Return a list of the first sentences, and how many more there are."""
    lines = [f"- {literal(sentence)}" for sentence in sentences[:_MOST_LINES]]
    more = len(sentences) - _MOST_LINES
    return "\n".join([*lines, f"- and {more} more"] if more > 0 else lines)


def page(title: str, sections: Mapping[str, str]) -> str:
    """Return sections under their headings; one without content is left out."""
    parts = [f"# {literal(title)}"]
    parts += [f"## {heading}\n\n{content}" for heading, content in sections.items() if content]
    return "\n\n".join(parts) + "\n"
