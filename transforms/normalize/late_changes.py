"""What changed of a recording after its month was over: the figure of a month that was closed moves by just that.

A price that comes or changes while the month runs is in its statement, so only what was found later is kept. Every
time zone is allowed for: a month is over somewhere up to 14 hours before it is in UTC, and an instant may belong to the
month before up to 12 hours into the next.
"""

from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.dates import INSTANT
from transforms.values.distinct import is_distinct
from transforms.values.money import PRICE

CHANGING = {
    "created_at": (INSTANT, False),
    "source": (pa.string(), False),
    "channels": (pa.int8(), True),
    "duration_seconds": (pa.int32(), True),
    "price": (PRICE, True),
    "currency": (pa.string(), False),
}
"""What a statement is made of: columns of the lake with type and whether they may be null."""

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
"""One row for each change of a recording that a reading found after the month was over, as it was before and is since.

first_seen_at and first_priced_at (UTC) are as they were before the change; seen_at is when the reading began.
"""

_EASTERNMOST = timedelta(hours=14)
_WESTERNMOST = timedelta(hours=12)


def late_changes(before: pa.Table, after: pa.Table) -> pa.Table:
    """The changes among versions that took the place of older ones, row by row, found after the month (CHANGE_SCHEMA).

    before: LAKE_SCHEMA. after: the same recordings in the same order, with `seen_at`.
    """
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


def add_changes(standing: pa.Table, new: pa.Table) -> pa.Table:
    """What stands and what is new (CHANGE_SCHEMA), in the order they were seen.

    Of several changes of a recording that one reading found, the last one given counts: it reaches back to what stood
    before the reading.
    """
    if not new.num_rows:
        return standing
    newest = {(row["recording_sid"], row["seen_at"]): row for row in new.to_pylist()}
    is_touched = pc.is_in(standing["recording_sid"], value_set=new["recording_sid"].combine_chunks())
    kept = [
        row
        for row in standing.filter(is_touched).to_pylist()
        if (row["recording_sid"], row["seen_at"]) not in newest
    ]
    whole = pa.concat_tables(
        [
            standing.filter(pc.invert(is_touched)),
            pa.Table.from_pylist([*kept, *newest.values()], CHANGE_SCHEMA),
        ]
    )
    return whole.take(pc.sort_indices(whole, [("seen_at", "ascending"), ("recording_sid", "ascending")]))


def _is_after_month(created_at: pa.ChunkedArray, seen_at: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether each was seen when the month of its creation was over somewhere on earth."""
    westernmost = pc.subtract(created_at, pa.scalar(_WESTERNMOST))
    month_end = pc.ceil_temporal(westernmost, unit="month", ceil_is_strictly_greater=True)
    return pc.greater_equal(seen_at, pc.subtract(month_end, pa.scalar(_EASTERNMOST)))
