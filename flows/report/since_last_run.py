"""What changed since the run before: the figures that were told last, kept beside the warehouse, and those of now.

They are compared, and not what the stages counted: a run that was killed told nobody what it had found.
"""

from datetime import datetime
from pathlib import Path

import msgspec

from flows.stores.warehouse.inputs import Fingerprint
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from flows.stores.whole_files import write_whole
from transforms.report.since_last_run import Changes, Figures, SpendFigure, changes
from transforms.values.windows import Window

_FILE = "told.json"
_SELECTS = {
    "cells": """
        select account_sid, account_name, source, currency, sum(recordings)::bigint as recordings, sum(cost) as cost
        from marts.daily_spend
        group by all
        order by all
    """,
    "deleted": "select count(deleted_at) as n from marts.fct_recordings",
    "landings": "select landing from ops.landings order by landing",
}
# A recording that changed is of a page of these landings now and was seen before them; one that went, went with them.
_BY_LANDINGS = """
    with since as (
        select account_sid, landing, fetched_at from ops.landings where landing in ({names})
    )
    select
        count(*) filter (
            where parse_dirpath(raw_page) in (select landing from since)
                and (account_sid, first_seen_at) not in (select (account_sid, fetched_at) from since)
        ) as changed,
        count(*) filter (
            where deleted_at is not null
                and (account_sid, deleted_at) in (select (account_sid, fetched_at) from since)
        ) as deleted
    from marts.fct_recordings
    where created_at >= timestamptz '{span.first}' and created_at < timestamptz '{span.last}' + interval 1 day
"""
# A landing touches recordings of its days of creation alone; the others need not be looked at.
_DAYS_OF_LANDINGS = """
    select min(first_day) as first_day, max(last_day) as last_day from ops.landings where landing in ({names})
"""


def figures_told(data_dir: Path) -> Figures | None:
    """The figures that were told last; None when none were, or nobody can read them any more."""
    try:
        return msgspec.json.decode((data_dir / _FILE).read_bytes(), type=Figures)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def figures_now(data_dir: Path, before: Figures | None, now: datetime) -> Figures:
    """The figures of the warehouse, as told now (UTC). Of an unchanged warehouse they are those of before."""
    inputs = Fingerprint(warehouse_path(data_dir)).inputs() or ""
    if before is not None and inputs and inputs == before.inputs:
        return msgspec.structs.replace(before, told_at=now)
    found = Warehouse(warehouse_path(data_dir)).tables(_SELECTS)
    return Figures(
        told_at=now,
        inputs=inputs,
        landings=found["landings"]["landing"].to_pylist(),
        deleted=found["deleted"]["n"][0].as_py(),
        cells=[SpendFigure(**row) for row in found["cells"].to_pylist()],
    )


def changes_since(data_dir: Path, before: Figures | None, now: Figures) -> Changes:
    """What changed from the figures told last to those of the warehouse as it stands."""
    if before is None:
        return changes(None, now, 0, now.deleted)
    if before.inputs == now.inputs:
        return Changes(before.told_at)
    known = set(before.landings)
    names = [name for name in now.landings if name not in known]
    changed, deleted = _by_landings(data_dir, names) if names else (0, 0)
    return changes(before, now, changed, deleted)


def keep_told(data_dir: Path, figures: Figures) -> None:
    """Remember figures as told, once everything else is done."""
    write_whole(data_dir / _FILE, msgspec.json.encode(figures))


def _by_landings(data_dir: Path, names: list[str]) -> tuple[int, int]:
    quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
    warehouse = Warehouse(warehouse_path(data_dir))
    with warehouse.connected():
        (days,) = warehouse.table(_DAYS_OF_LANDINGS.format(names=quoted)).to_pylist()
        span = Window(days["first_day"], days["last_day"])
        (found,) = warehouse.table(_BY_LANDINGS.format(names=quoted, span=span)).to_pylist()
    return found["changed"], found["deleted"]
