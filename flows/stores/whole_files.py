"""Files that are written as a whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BESIDE = ".partial"
"""Suffix of a file being written. Code that lists a folder must ignore such files."""


@contextmanager
def replaced_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; after the block, flush it to disk and rename it to `path`.

    If the block raises, the temporary file is removed and the old file stays unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}{BESIDE}")
    try:
        yield partial
        with partial.open("rb+") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees either the old content or the new, never a part of it."""
    with replaced_whole(path) as partial:
        partial.write_bytes(content)


def write_if_changed(path: Path, content: bytes) -> bool:
    """Write a file as a whole, unless it already has this content; return whether it was written."""
    if path.exists() and path.read_bytes() == content:
        return False
    write_whole(path, content)
    return True
