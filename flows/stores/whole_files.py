"""Files that are written as a whole or not at all, and are there after a power cut."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BESIDE = ".partial"
"""Suffix of a file being written. Code that lists a folder must ignore such files."""

_CANNOT_FLUSH = {errno.EINVAL, errno.EACCES, errno.EPERM, errno.ENOTSUP}
"""How some network file systems refuse to flush a folder, and folders that may not be listed."""


@contextmanager
def replaced_whole(path: Path, *, is_flushed_later: bool = False) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; after the block, flush it to disk and rename it to `path`.

    If the block raises, the temporary file is removed and the old file stays unchanged.

    is_flushed_later: the caller flushes the folder before it writes anything that relies on the file.
    """
    with written_beside(path) as partial:
        yield partial
        put_in_place(partial, path, is_flushed_later=is_flushed_later)


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`, whose file `put_in_place` can rename.

    If the block raises, the temporary file is removed.
    """
    make_folder(path.parent)
    partial = path.with_name(f"{path.name}{BESIDE}")
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes, *, is_flushed_later: bool = False) -> None:
    """Write a file so that a reader sees either the old content or the new, never a part of it."""
    with replaced_whole(path, is_flushed_later=is_flushed_later) as partial:
        partial.write_bytes(content)


def write_if_changed(path: Path, content: bytes) -> bool:
    """Write a file as a whole, unless it already has this content; return whether it was written."""
    if path.exists() and path.read_bytes() == content:
        return False
    write_whole(path, content)
    return True


def put_in_place(whole: Path, path: Path, *, is_flushed_later: bool = False) -> None:
    """Rename a file that was written as a whole, so that its content and its new name are there after a power cut.

    is_flushed_later: as for `replaced_whole`.
    """
    if whole.is_file():
        flush_file(whole)
    whole.replace(path)
    if not is_flushed_later:
        flush_folder(path.parent)


def remove_for_good(path: Path) -> None:
    """Remove a file, if there is one, so that a power cut does not bring it back."""
    if path.exists():
        path.unlink()
        flush_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, unless they exist, so that they are there after a power cut."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in reversed(missing):
        flush_folder(each.parent)


def flush_file(path: Path) -> None:
    """Wait until the content of a file is on disk. A library may have written it."""
    with path.open("rb") as written:
        os.fsync(written.fileno())


def flush_folder(folder: Path) -> None:
    """Wait until what was created, renamed or removed in a folder is on disk."""
    try:
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise
    finally:
        os.close(opened)
