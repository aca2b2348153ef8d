"""The raw pages of a landed data folder, the way every competitor gets them."""

from collections.abc import Callable, Iterator
from pathlib import Path

from flows.stores.raw.landing import decompress


def page_files(landed: Path) -> list[Path]:
    """The files of all pages, oldest window first; each is read once, so that all come from the system's cache."""
    files = sorted(landed.glob("raw/*/*/*/page-*.json.zst"))
    for file in files:
        file.read_bytes()
    return files


def bodies(landed: Path, *, in_memory: bool) -> Callable[[], Iterator[bytes]]:
    """A source of the pages' bytes, that decompresses while the clock runs or beforehand."""
    files = page_files(landed)
    if in_memory:
        ready = [decompress(file.read_bytes()) for file in files]
        return lambda: iter(ready)
    return lambda: (decompress(file.read_bytes()) for file in files)
