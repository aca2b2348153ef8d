"""Shared test helpers. `TOP` is the checkout, `GOLDEN` the files that were written or checked by hand."""

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
GOLDEN = TOP / "tests" / "golden"
# Bodies that real services sent; they are not in the repository, and tests that need them run where they exist.
CAPTURES = TOP.parent / "shared" / "captures"


def page(room: str = "") -> str:
    """The page of a room, such as `flows/monitor`; without one, the README of the project."""
    return (TOP / room / "README.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What is below a heading of a page, up to the next one of the same level. heading: with its `#`s."""
    level = heading.split()[0]
    return text.split(f"\n{heading}\n")[1].split(f"\n{level} ")[0]


def examples(text: str, language: str) -> list[str]:
    """The fenced blocks of a page that are marked with the language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
