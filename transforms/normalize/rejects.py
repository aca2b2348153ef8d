"""Which rejects still apply after a generation of fetches."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.windows import Fetch, is_created_in


def remaining_rejects(
    existing: pa.Table, new: pa.Table, understood_sids: pa.Array, fetches: Iterable[Fetch]
) -> pa.Table:
    """Merge the existing rejects that still apply after a generation with the new ones (REJECT_SCHEMA in and out).

    An existing reject is dropped if its recording was understood this time, or if its day was fetched again: a record
    that is still bad is then among the new rejects. A record without a valid date may belong to any day of its window,
    so its reject is dropped once that whole window was fetched again.

    Args:
        existing: The rejects so far.
        new: The rejects of this generation.
        understood_sids: Sids of the recordings that this generation understood.
        fetches: The fetches of this generation.
    """
    new = new.filter(_is_first(new["record_key"]))
    is_settled = pc.or_(
        pc.fill_null(pc.is_in(existing["recording_sid"], value_set=understood_sids), False),
        pc.is_in(existing["record_key"], value_set=new["record_key"].combine_chunks()),
    )
    for fetch in (each for each in fetches if each.is_whole):
        is_window_covered = pc.and_(
            pc.greater_equal(existing["window_first"], pa.scalar(fetch.window.first)),
            pc.less_equal(existing["window_last"], pa.scalar(fetch.window.last)),
        )
        is_fetched_again = pc.if_else(
            pc.is_null(existing["created_at"]),
            is_window_covered,
            is_created_in(existing["created_at"], fetch.window),
        )
        is_settled = pc.or_(is_settled, is_fetched_again)
    whole = pa.concat_tables([existing.filter(pc.invert(is_settled)), new])
    return whole.take(pc.sort_indices(whole, [("raw_page", "ascending"), ("position", "ascending")]))


def _is_first(keys: pa.ChunkedArray) -> pa.Array:
    """Check whether each row is the first one with its key."""
    return pc.equal(
        pc.index_in(keys, value_set=keys.combine_chunks()), pa.array(range(len(keys)), pa.int32())
    )
