"""Watch what is flushed to disk, and in which order: renamed before its content is there, a file may be lost."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

_Stat = tuple[int, int, int]
"""Inode, size and time of the last write."""


@dataclass
class Flushes:
    """What was renamed without being safe, in the order it happened; `journals` are those that got a line.

    renames: the files and folders that were put in place. unsafe: those whose content was not on disk. pending:
    folders of which a rename is not on disk. early: files that make others count, written while renames below them were
    pending.
    """

    renames: list[Path] = field(default_factory=list)
    unsafe: list[Path] = field(default_factory=list)
    pending: set[Path] = field(default_factory=set)
    early: list[Path] = field(default_factory=list)
    journals: set[Path] = field(default_factory=set)
    _flushed: set[_Stat] = field(default_factory=set)

    def note_flush(self, descriptor: int) -> None:
        """Note that a file or folder was flushed."""
        found = os.fstat(descriptor)
        self._flushed.add(_stat(found))
        journal = Path(f"/proc/self/fd/{descriptor}").resolve()
        if journal.suffix == ".jsonl" and journal.parent.name == "journal":  # not a record of runs
            self.journals.add(journal)
            if any(each.is_relative_to(journal.parents[1]) for each in self.pending):
                self.early.append(journal)
        self.pending = {each for each in self.pending if not _is(each, found)}

    def note_rename(self, source: Path, target: Path) -> None:
        """Note a rename that is about to happen."""
        files = [source, *source.rglob("*")] if source.is_dir() else [source]
        is_old = target.name.endswith(".before")  # a set that is replaced: it was put in place earlier
        if not is_old and any(_stat(each.stat()) not in self._flushed for each in files if each.is_file()):
            self.unsafe.append(target)
        if target.name in COMMITS and any(each.is_relative_to(target.parent) for each in self.pending):
            self.early.append(target)
        self.renames.append(target)
        self.pending.add(target.parent)


COMMITS = (
    "_landings.json",
    "commit.json",
    "format.json",
    "warehouse.json",
)
"""Files that make others count: they say that those are whole."""


def _stat(found: os.stat_result) -> _Stat:
    return found.st_ino, found.st_size, found.st_mtime_ns


def _is(folder: Path, found: os.stat_result) -> bool:
    try:
        return folder.stat().st_ino == found.st_ino
    except FileNotFoundError:
        return True  # it went: what was in it does not have to be on disk


@contextmanager
def watched_flushes() -> Iterator[Flushes]:
    """Watch every flush and rename of this process for the block."""
    seen = Flushes()
    fsync, replace, rename = os.fsync, os.replace, os.rename

    def flushed(file: Any) -> None:
        fsync(file)
        seen.note_flush(file if isinstance(file, int) else file.fileno())

    def replaced(source: Any, target: Any, **_: Any) -> None:
        seen.note_rename(Path(source), Path(target))
        replace(source, target)

    def renamed(source: Any, target: Any, **_: Any) -> None:
        seen.note_rename(Path(source), Path(target))
        rename(source, target)

    with patch("os.fsync", flushed), patch("os.replace", replaced), patch("os.rename", renamed):
        yield seen
