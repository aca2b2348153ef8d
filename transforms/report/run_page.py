"""The result of a run as a Markdown page for the Prefect UI: plain values in, text out."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

from transforms.values.money import readable
from transforms.values.visible import visible

_SIGNIFICANT = re.compile(r"([\\`*_\[\]()|~#!])")
_NO_KEY = re.compile("[^a-z0-9]+")
_MOST_LINES = 20
NOTHING = "–"  # noqa: RUF001
"""How null is shown."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """The content of a run's page.

    figures: the summary as one object. days: account, first and last day covered, days covered, days missing, as text.
    remarks: what a reader must know, as sentences. folder: the folder of the files; files: their names.
    """

    title: str
    figures: Mapping[str, Any]
    days: Sequence[Sequence[str | None]] = ()
    remarks: Sequence[str] = ()
    folder: str = ""
    files: Sequence[str] = ()


def run_page(result: RunResult) -> str:
    """Write the page of a run, without the parts of stages that did not run."""
    costs = result.figures.get("cost", {})
    counts = {name: f"{value:,}" for name, value in result.figures.items() if isinstance(value, int)}
    seconds = {stage: f"{taken:.1f}" for stage, taken in result.figures.get("seconds", {}).items()}
    # Browsers do not open local files from a web page, so a link would not work.
    files = f"On the machine that ran it, in {literal(result.folder)}: {literal(', '.join(result.files))}"
    return page(
        result.title,
        {
            "Remarks": bullets(result.remarks),
            "Total cost in the warehouse": side_by_side(
                {currency: readable([Decimal(cost)])[0] for currency, cost in costs.items()}
            ),
            "Figures": side_by_side(counts),
            "Days": grid(("account", "first day", "last day", "covered", "missing"), result.days),
            "Seconds": side_by_side(seconds),
            "Files": files if result.files else "",
        },
    )


def literal(text: str) -> str:
    """Escape a text so that Markdown shows it literally, on one line and within a table cell."""
    return _SIGNIFICANT.sub(r"\\\1", escape(visible(" ".join(text.split())), quote=False))


def key_of(*parts: str) -> str:
    """Return a key of lower-case letters, digits and dashes; if that changes the text, a digest keeps it unique."""
    text = "-".join(parts)
    key = _NO_KEY.sub("-", text.lower()).strip("-")
    return key if key == text else f"{key}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def grid(header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    """Format a table; null is a dash. Empty if there are no rows."""
    cells = [[NOTHING if cell is None else literal(cell) for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in [[literal(name) for name in header], *cells]]
    return "\n".join([lines[0], f"|{' --- |' * len(header)}", *lines[1:]]) if cells else ""


def side_by_side(figures: Mapping[str, str | None]) -> str:
    """Format a table of one row, each figure under its name. Empty if there are no figures."""
    return grid(list(figures), [list(figures.values())] if figures else [])


def bullets(sentences: Sequence[str]) -> str:
    """Format a list of the first sentences, and how many more there are."""
    lines = [f"- {literal(sentence)}" for sentence in sentences[:_MOST_LINES]]
    more = len(sentences) - _MOST_LINES
    return "\n".join([*lines, f"- and {more:,} more"] if more > 0 else lines)


def page(title: str, sections: Mapping[str, str]) -> str:
    """Format sections with their headings; empty sections are left out."""
    parts = [f"# {literal(title)}"]
    parts += [f"## {heading}\n\n{content}" for heading, content in sections.items() if content]
    return "\n\n".join(parts) + "\n"
