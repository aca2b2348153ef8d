"""The pages that are not kept any more, on record: `dropped.jsonl` in an account's folder, a line for each time."""

from contextlib import suppress
from datetime import date
from pathlib import Path

import msgspec

from flows.stores.folder.lines import append_line, whole_lines


class Dropping(msgspec.Struct, frozen=True):
    """Pages that were dropped, by their sha256: on which day (UTC), and what the setting raw_keep was."""

    day: date
    raw_keep: str
    pages: list[str]


class Dropped:
    """What was dropped below an account's folder."""

    def __init__(self, account: Path) -> None:
        self._path = account / "dropped.jsonl"

    def add(self, dropping: Dropping) -> None:
        """Record what is about to be dropped, and wait until that is on disk."""
        append_line(self._path, msgspec.json.encode(dropping) + b"\n")

    def all(self) -> list[Dropping]:
        """Return what was dropped, the oldest first. A page may have come again since. Skips damaged lines."""
        found = []
        with suppress(FileNotFoundError):
            for line in whole_lines(self._path.read_bytes()):
                with suppress(msgspec.DecodeError, UnicodeDecodeError):
                    found.append(msgspec.json.decode(line, type=Dropping))
        return found

    def find(self, sha256: str) -> Dropping | None:
        """Return when a page was dropped last; None if it never was."""
        return next((each for each in reversed(self.all()) if sha256 in each.pages), None)
