"""What is unexpected in the records, counted, each with an example."""

import re
from dataclasses import dataclass, field
from typing import Any

from transforms.values.counts import counted

_SHOWN = 40
_MOST_VALUES = 1_000
# An address or a telephone number: no field that is shown should have one, but nothing keeps a vendor from it.
_PERSONAL = re.compile(r"@|\+\s?\d[\d\s().-]{5,}|\d{9,}")


@dataclass(frozen=True, slots=True)
class Oddity:
    """How many rows have an oddity, and one of them: the recording's sid, and the text in its JSON.

    Both are empty when they are not known. The text is also empty if it may be personal.
    """

    rows: int
    sid: str = ""
    text: str = ""

    def words(self, value: str = "") -> str:
        """Say how many rows, and the example: `3 rows (such as RE0f: 'soon')`. A text that is the value is left out."""
        text = repr(self.text) if self.text not in ("", value) else ""
        example = ": ".join(part for part in (self.sid, text) if part)
        return f"{counted(self.rows, 'row', 'rows')}{f' (such as {example})' if example else ''}"


@dataclass(slots=True)
class Oddities:
    """(kind, value) → the oddity. The value is what was kept although it is unknown; else it is empty."""

    found: dict[tuple[str, str], Oddity] = field(default_factory=dict)

    def add(self, kind: str, value: str = "", rows: int = 1, *, sid: str = "", text: str = "") -> None:
        """Count an oddity in these rows; the first example of each is kept.

        Of values beyond the first thousand, only the number is kept: a list of them helps nobody.
        """
        if value and (kind, value) not in self.found and len(self.found) >= _MOST_VALUES:
            value, sid, text = "others", "", ""
        before = self.found.get((kind, value), Oddity(0, sid, text))
        self.found[kind, value] = Oddity(before.rows + rows, before.sid, before.text)

    def update(self, other: "Oddities") -> None:
        """Count what another one counted as well."""
        for (kind, value), oddity in other.found.items():
            self.add(kind, value, oddity.rows, sid=oddity.sid, text=oddity.text)

    def __add__(self, other: "Oddities") -> "Oddities":
        """Add up two of them."""
        total = Oddities(dict(self.found))
        total.update(other)
        return total

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.found)

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """(kind, value) → rows."""
        return {key: oddity.rows for key, oddity in self.found.items()}


def shown(value: object) -> str:
    """Show a value as it is in the JSON, shortened to fit into a line of text."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def example_text(value: Any, *, is_number: bool) -> str:
    """Show a value as an example. A text that may be an address or a telephone number is left out.

    is_number: the field has amounts, lengths or dates, whose digits are not a telephone number.
    """
    text = "" if value is None else shown(value)
    return "" if not is_number and _PERSONAL.search(text) else text
