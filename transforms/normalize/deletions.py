"""Which recordings are gone: those that a fetch of their day no longer lists, and those listed as deleted.

Twilio lists a deleted recording for 40 days, with status `deleted` (documented at twilio.com/docs/voice/api/recording,
`IncludeSoftDeleted`). It is not documented whether its price is listed then, so what was known of its cost stays.
"""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from transforms.schema import DELETED, NO_CURRENCY
from transforms.values.dates import INSTANT
from transforms.values.windows import Fetch, is_created_in

_KEPT = ("duration_seconds", "price", "price_raw")


def gone_since(
    unlisted: pa.Table, rejected_sids: Sequence[str], readings: Iterable[Fetch]
) -> pa.ChunkedArray:
    """When these fetches found each row gone; null for rows that are not gone, or were gone before."""
    gone_at = pa.chunked_array([pa.nulls(unlisted.num_rows, INSTANT)])
    may_be_gone = pc.and_(
        pc.is_null(unlisted["deleted_at"]),
        pc.invert(pc.is_in(unlisted["recording_sid"], value_set=pa.array(rejected_sids, pa.string()))),
    )
    for reading in (each for each in readings if each.is_whole):
        is_gone = pc.and_(may_be_gone, is_created_in(unlisted["created_at"], reading.window))
        gone_at = pc.if_else(is_gone, pa.scalar(reading.fetched_at, INSTANT), gone_at)
    return gone_at


def deleted_since(status: pa.ChunkedArray, seen_at: pa.ChunkedArray) -> pa.ChunkedArray:
    """When each recording was first seen as deleted; null for those that still exist."""
    return pc.if_else(pc.equal(status, DELETED), seen_at, pa.scalar(None, INSTANT))


def with_known_cost(before: pa.Table, after: pa.Table) -> pa.Table:
    """Fill in what a deleted recording is now listed without, so that its cost stays. A price keeps its currency."""
    is_deleted = pc.equal(after["status"], DELETED)
    if not pc.any(is_deleted).as_py():
        return after
    keeps_price = pc.and_(is_deleted, pc.and_(pc.is_null(after["price"]), pc.is_valid(before["price"])))
    for name in _KEPT:
        after = with_column(
            after, name, pc.if_else(is_deleted, pc.coalesce(after[name], before[name]), after[name])
        )
    is_unknown = pc.and_(is_deleted, pc.equal(after["currency"], NO_CURRENCY))
    keeps_currency = pc.or_(is_unknown, keeps_price)
    return with_column(after, "currency", pc.if_else(keeps_currency, before["currency"], after["currency"]))


def with_column(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    """Replace the values of a column."""
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)
