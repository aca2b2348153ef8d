"""How much disk space the data folder uses."""

import os
from collections import Counter
from datetime import date
from pathlib import Path

from flows.stores.raw.page_files import PageFiles
from flows.stores.raw.raw_pages import RawPages

_RAW = ("raw", "raw_usage")


def folder_bytes(folder: Path) -> int:
    """Add up the bytes of all files below a folder.

    A file that has two names counts once, one that was deleted in the meantime not at all.
    """
    sizes: dict[tuple[int, int], int] = {}
    for where, _, files in os.walk(folder):
        for name in files:
            try:
                found = (Path(where) / name).lstat()
            except FileNotFoundError:
                continue
            sizes[found.st_dev, found.st_ino] = found.st_size
    return sum(sizes.values())


def landed_bytes(data_dir: Path) -> dict[date, int]:
    """Add up the bytes of raw pages, compressed as they are stored, by the day (UTC) their first fetch began."""
    landed: Counter[date] = Counter()
    for root in _RAW:
        raw = RawPages(data_dir, root)
        for sid in raw.accounts():
            files, known = PageFiles(raw.folder / f"account_sid={sid}"), set[str]()
            for manifest in raw.journal(sid).since():
                new = {page.sha256 for page in manifest.pages} - known
                landed[manifest.fetched_at.date()] += sum(map(files.stored_bytes, new))
                known |= new
    return dict(landed)
