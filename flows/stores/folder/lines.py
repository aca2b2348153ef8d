"""Files of lines that only grow. A power cut may cut the last line off: then it does not count."""

import os
from pathlib import Path

from flows.stores.whole_files import flush_folder, make_folder


def append_line(path: Path, line: bytes) -> None:
    """Add a line, and wait until it is on disk. What follows the last end of a line is removed first.

    line: with its end.
    """
    if not path.exists():
        make_folder(path.parent)
        path.touch()
        flush_folder(path.parent)
    with path.open("r+b") as file:
        _cut_off_the_rest(file.fileno())
        file.seek(0, os.SEEK_END)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def whole_lines(content: bytes) -> list[bytes]:
    """Split a file into its lines, without their ends and without a last one that is not whole."""
    return content.split(b"\n")[:-1]


def _cut_off_the_rest(file: int) -> None:
    size = os.fstat(file).st_size
    end = size
    while end and os.pread(file, 1, end - 1) != b"\n":
        end -= 1
    if end < size:
        os.ftruncate(file, end)
