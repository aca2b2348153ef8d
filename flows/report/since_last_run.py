"""What changed since the previous run: the last reported figures, saved next to the warehouse, against current ones.

The counts of the stages would not do: a run that was killed did not report what it had found.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from flows.stores.lake.commit import MOST_LANDINGS
from flows.stores.warehouse.inputs import Fingerprint
from flows.stores.warehouse.sql_files import queries, query
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from flows.stores.whole_files import write_whole
from transforms.report.since_last_run import (
    Changes,
    Figures,
    SpendFigure,
    changes,
    crowded_accounts,
    fetch_of,
    unreported_fetches,
)
from transforms.values.windows import STAMP, Window

_FILE = "told.json"
_EVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


def last_reported_figures(data_dir: Path) -> Figures | None:
    """Return the figures that were last reported; None if there are none or they cannot be read."""
    try:
        return msgspec.json.decode((data_dir / _FILE).read_bytes(), type=Figures)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def current_figures(data_dir: Path, before: Figures | None, now: datetime) -> Figures:
    """Return the figures of the warehouse, reported now (UTC); reuse `before` if the warehouse is unchanged."""
    inputs = Fingerprint(warehouse_path(data_dir)).inputs() or ""
    if before is not None and inputs and inputs == before.inputs:
        return msgspec.structs.replace(before, reported_at=now)
    found = Warehouse(warehouse_path(data_dir)).tables(
        queries("since_last_run", "figures", "deleted", "landings")
    )
    return Figures(
        reported_at=now,
        inputs=inputs,
        landings=found["landings"]["landing"].to_pylist(),
        deleted=found["deleted"]["recordings"][0].as_py(),
        cells=[SpendFigure(**row) for row in found["figures"].to_pylist()],
    )


def changes_since(data_dir: Path, before: Figures | None, now: Figures) -> Changes:
    """Compare the last reported figures with the current ones of the warehouse."""
    if before is None:
        return changes(None, now, 0, now.deleted)
    if before.inputs == now.inputs:
        return Changes(before.reported_at)
    changed, deleted = _changed_since(data_dir, before.landings, now.landings)
    return changes(before, now, changed, deleted)


def save_reported_figures(data_dir: Path, figures: Figures) -> None:
    """Save the figures as reported; call this after everything else is done."""
    write_whole(data_dir / _FILE, msgspec.json.encode(figures))


def _changed_since(data_dir: Path, before: Sequence[str], now: Sequence[str]) -> tuple[int, int]:
    """Count the recordings that were changed, and found deleted, by landings that were not applied before."""
    known = set(before)
    names = [name for name in now if name not in known]
    if not names:
        return 0, 0
    warehouse = Warehouse(warehouse_path(data_dir))
    with warehouse.connected():
        fetches = {fetch_of(name) for name in names}
        if crowded := crowded_accounts(fetches, MOST_LANDINGS):
            found = warehouse.table(
                query("since_last_run/fetches"), {"accounts": sorted(crowded), "stamp": STAMP}
            ).to_pylist()
            fetches |= unreported_fetches(
                {(each["account_sid"], each["fetched_at"]) for each in found},
                {fetch_of(name) for name in before},
                MOST_LANDINGS,
            )
            begins, ends = _EVER
        else:
            (days,) = warehouse.table(
                query("since_last_run/days_of_landings"), {"landings": names}
            ).to_pylist()
            window = Window(days["first_day"], days["last_day"])
            begins, ends = window.created_from, window.created_before
        accounts, fetched = zip(*sorted(fetches), strict=True)
        (counts,) = warehouse.table(
            query("since_last_run/changed_recordings"),
            {"accounts": accounts, "fetched": fetched, "begins": begins, "ends": ends, "stamp": STAMP},
        ).to_pylist()
    return counts["changed"], counts["deleted"]
