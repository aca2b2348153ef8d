"""Changes of a recording after its month was over: exactly what moves the figures of a closed month.

A price that arrives or changes during the month is in its statement, so only later changes are kept. Every time zone is
allowed for: somewhere a month ends up to 14 hours earlier than in UTC, and elsewhere an instant up to 12 hours into the
next month still belongs to the previous one.
"""

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from transforms.schema import NO_AUDIO_STATUSES
from transforms.values.dates import INSTANT
from transforms.values.distinct import is_distinct
from transforms.values.money import PRICE

FIGURES = {
    "created_at": (INSTANT, False),
    "source": (pa.string(), False),
    "channels": (pa.int8(), True),
    "duration_seconds": (pa.int32(), True),
    "price": (PRICE, True),
    "currency": (pa.string(), False),
}
"""The columns of the lake that figures are made from: type, and whether they may be null."""

CHANGING = {**FIGURES, "has_no_audio": (pa.bool_(), False)}
"""What a statement is made from: type, and whether it may be null. has_no_audio is not a column of the lake: of the
status, only this moves a figure, because a recording that is found absent or failed no longer waits for a price."""

CHANGE_SCHEMA = pa.schema(
    [
        pa.field("account_sid", pa.string(), nullable=False),
        pa.field("recording_sid", pa.string(), nullable=False),
        pa.field("seen_at", INSTANT, nullable=False),
        pa.field("first_seen_at", INSTANT),
        pa.field("first_priced_at", INSTANT),
        *(
            pa.field(f"{name}_{moment}", kind, nullable=nullable)
            for name, (kind, nullable) in (*CHANGING.items(), ("raw_page", (pa.string(), False)))
            for moment in ("before", "after")
        ),
    ]
)
"""One row for each change of a recording found after its month was over, with the values before and after.

first_seen_at and first_priced_at (UTC) are the values before the change; seen_at (UTC) is when the fetch began.
"""

_EASTERNMOST = timedelta(hours=14)
_WESTERNMOST = timedelta(hours=12)


def late_changes(before: pa.Table, after: pa.Table) -> pa.Table:
    """Find the changes, among replaced versions, that were seen after the month was over (CHANGE_SCHEMA).

    Args:
        before: The older versions (LAKE_SCHEMA).
        after: The newer versions of the same recordings in the same order, with `seen_at`.
    """
    before, after = _with_audio(before), _with_audio(after)
    is_late = pc.or_(
        _is_after_month(before["created_at"], after["seen_at"]),
        _is_after_month(after["created_at"], after["seen_at"]),
    )
    is_kept = pc.and_(is_distinct(before, after, CHANGING), is_late)
    before, after = before.filter(is_kept), after.filter(is_kept)
    columns = {name: after[name] for name in ("account_sid", "recording_sid", "seen_at")}
    columns |= {name: before[name] for name in ("first_seen_at", "first_priced_at")}
    for name in (*CHANGING, "raw_page"):
        columns |= {f"{name}_before": before[name], f"{name}_after": after[name]}
    return pa.table({name: columns[name] for name in CHANGE_SCHEMA.names}, CHANGE_SCHEMA)


def _with_audio(versions: pa.Table) -> pa.Table:
    has_no_audio = pc.is_in(versions["status"], value_set=pa.array(NO_AUDIO_STATUSES))
    return versions.append_column("has_no_audio", has_no_audio)


def _is_after_month(created_at: pa.ChunkedArray, seen_at: pa.ChunkedArray) -> pa.ChunkedArray:
    """Check whether each row was seen after its month of creation was over somewhere on earth."""
    westernmost = pc.subtract(created_at, pa.scalar(_WESTERNMOST))
    month_end = pc.ceil_temporal(westernmost, unit="month", ceil_is_strictly_greater=True)
    return pc.greater_equal(seen_at, pc.subtract(month_end, pa.scalar(_EASTERNMOST)))
