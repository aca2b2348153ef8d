"""Files that appear whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BESIDE = ".partial"
"""Ending of a file being written; whoever reads a folder passes such files over."""


@contextmanager
def replaced_whole(path: Path) -> Iterator[Path]:
    """Give a path to write beside `path`; after the block it is flushed to disk and takes its place.

    When the block fails, nothing is left behind and the old file stands as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}{BESIDE}")
    try:
        yield beside
        with beside.open("rb+") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    with replaced_whole(path) as beside:
        beside.write_bytes(content)


def write_if_changed(path: Path, content: bytes) -> bool:
    """Write a file whole, unless it holds just that already; whether it was written."""
    if path.exists() and path.read_bytes() == content:
        return False
    write_whole(path, content)
    return True
