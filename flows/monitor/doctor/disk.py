"""Check the disk: free space, the size of the data folder, and when the disk will be full."""

import math
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from flows.monitor.doctor.finding import Diagnosis, State
from flows.monitor.doctor.folder import nearest_folder
from flows.stores.raw.sizes import folder_bytes, landed_bytes
from flows.stores.warehouse.sql_files import query
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from transforms.errors import RecspendError
from transforms.monitor.growth import Growth, growth

# Enough for the first run over a few hundred thousand recordings, including the build.
_ENOUGH_FREE_BYTES = 2 * 1024**3
# Time to get a larger disk.
_ENOUGH_DAYS = 30
_LONG = 3650


def disk(data_dir: Path) -> Iterator[Diagnosis]:
    """Check space and growth. Fails if there is no room for the second copy of the warehouse that a build needs."""
    free = shutil.disk_usage(nearest_folder(data_dir)).free
    taken, landed = folder_bytes(data_dir), landed_bytes(data_dir)
    warehouse = warehouse_path(data_dir)
    needed = warehouse.stat().st_size if warehouse.exists() else 0
    recordings, a_day = _recordings(warehouse)
    grows = growth(landed, taken - sum(landed.values()), recordings, a_day, datetime.now(UTC).date())
    days = (free - needed) / grows.bytes_a_day if grows and grows.bytes_a_day else None
    facts = {
        "free_bytes": free,
        "taken_bytes": taken,
        "bytes_per_recording": round(taken / recordings) if recordings else None,
        "bytes_per_day": round(grows.bytes_a_day) if grows else None,
        "days_until_full": None if days is None else max(int(days), 0),
    }
    state: State = "ok"
    if free < needed:
        state = "fail"
    elif free < _ENOUGH_FREE_BYTES or (days is not None and days < _ENOUGH_DAYS):
        state = "warn"
    words = f"{_size(free)} free; {_size(taken)} used"
    if recordings:
        words += f", {_size(taken / recordings)} per recording"
    if grows:
        words += f"; {_growing(grows, days)}"
    cure = "" if state == "ok" else ". Free some space, or move the data folder to a larger disk."
    yield Diagnosis("disk", state, f"{words}{cure}", facts)


def _recordings(warehouse: Path) -> tuple[int, float]:
    """Return how many recordings there are and how many were added per day recently; zeros if unknown."""
    if not warehouse.exists():
        return 0, 0
    try:
        (row,) = Warehouse(warehouse).table(query("health/recordings_a_day")).to_pylist()
    except RecspendError:  # the coverage line reports it
        return 0, 0
    return row["recordings"], float(row["a_day"])


def _growing(grows: Growth, days: float | None) -> str:
    if days is None:
        return "nothing was added recently"
    seen = f"as in the last {grows.observed_days} days" if grows.observed_days else "if each day is read once"
    until = "more than ten years" if days > _LONG else f"about {max(int(days), 0)} days"
    return f"about {_size(grows.bytes_a_day)} more per day ({seen}), full in {until}"


def _size(size: float) -> str:
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    power = min(int(math.log(max(size, 1), 1024)), len(units) - 1)
    return f"{size / 1024**power:.{1 if power else 0}f} {units[power]}"
