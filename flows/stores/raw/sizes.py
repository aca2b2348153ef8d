"""How much room the data folder takes."""

import os
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

from flows.stores.raw.landing import STAMP

_RAW = ("raw", "raw_usage")


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; what goes away meanwhile is not counted."""
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            try:
                total += (Path(where) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def landed_bytes(data_dir: Path) -> dict[date, int]:
    """Bytes of raw pages, compressed as they lie there, by the day (UTC) their walk began."""
    landed: Counter[date] = Counter()
    for root in _RAW:
        for landing in (data_dir / root).glob("account_sid=*/*_*/*Z"):
            try:
                day = datetime.strptime(landing.name, STAMP).replace(tzinfo=UTC).date()
            except ValueError:  # somebody else's
                continue
            landed[day] += folder_bytes(landing)
    return dict(landed)
