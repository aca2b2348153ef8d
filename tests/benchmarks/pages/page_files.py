"""The raw pages of a landed data folder, read the same way for every competitor."""

from collections.abc import Callable, Iterator
from pathlib import Path

from flows.stores.raw.frames import decompress


def page_files(landed: Path) -> list[Path]:
    """Return the files of all pages. Reads each once, so that all are in the system's cache."""
    files = sorted(landed.glob("raw/*/pages/*.json.zst"))
    for file in files:
        file.read_bytes()
    return files


def bodies(landed: Path, *, in_memory: bool) -> Callable[[], Iterator[bytes]]:
    """Return a function that yields the pages' bytes, decompressed in advance if `in_memory`, otherwise on the fly."""
    files = page_files(landed)
    if in_memory:
        ready = [decompress(file.read_bytes()) for file in files]
        return lambda: iter(ready)
    return lambda: (decompress(file.read_bytes()) for file in files)
