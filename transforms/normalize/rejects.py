"""Which rejects still hide something, after what a generation of readings saw."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.windows import Fetch, is_created_in


def standing_rejects(
    standing: pa.Table, new: pa.Table, understood_sids: pa.Array, readings: Iterable[Fetch]
) -> pa.Table:
    """The rejects that still hide something after a generation (REJECT_SCHEMA in and out).

    An old reject falls away when its recording was understood this time, or when its day was read again: a record
    that is still bad is then among the new ones. Without a readable date, its day is any of the days then read.
    """
    new = new.filter(_is_first(new["record_key"]))
    is_settled = pc.or_(
        pc.fill_null(pc.is_in(standing["recording_sid"], value_set=understood_sids), False),
        pc.is_in(standing["record_key"], value_set=new["record_key"].combine_chunks()),
    )
    for reading in (each for each in readings if each.is_whole):
        days_read_again = pc.and_(
            pc.greater_equal(standing["window_first"], pa.scalar(reading.window.first)),
            pc.less_equal(standing["window_last"], pa.scalar(reading.window.last)),
        )
        read_again = pc.if_else(
            pc.is_null(standing["created_at"]),
            days_read_again,
            is_created_in(standing["created_at"], reading.window),
        )
        is_settled = pc.or_(is_settled, read_again)
    whole = pa.concat_tables([standing.filter(pc.invert(is_settled)), new])
    return whole.take(pc.sort_indices(whole, [("raw_page", "ascending"), ("position", "ascending")]))


def _is_first(keys: pa.ChunkedArray) -> pa.Array:
    """Whether a row is the first one with its key."""
    return pc.equal(
        pc.index_in(keys, value_set=keys.combine_chunks()), pa.array(range(len(keys)), pa.int32())
    )
