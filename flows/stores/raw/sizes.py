"""How much disk space the data folder uses."""

import os
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

from flows.stores.raw.landing import STAMP

_RAW = ("raw", "raw_usage")


def folder_bytes(folder: Path) -> int:
    """Add up the bytes of all files below a folder; a file deleted in the meantime is not counted."""
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(where) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def landed_bytes(data_dir: Path) -> dict[date, int]:
    """Add up the bytes of raw pages, compressed as they are stored, by the day (UTC) their fetch began."""
    landed: Counter[date] = Counter()
    for root in _RAW:
        for landing in (data_dir / root).glob("account_sid=*/*_*/*Z"):
            try:
                day = datetime.strptime(landing.name, STAMP).replace(tzinfo=UTC).date()
            except ValueError:  # not a landing
                continue
            landed[day] += folder_bytes(landing)
    return dict(landed)
