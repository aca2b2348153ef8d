"""The order of the rows in the lake, and the newest version of each recording. Whole rows are copied only once."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

LAKE_ORDER = [("created_at", "ascending"), ("recording_sid", "ascending")]
_LAKE_KEY = [name for name, _ in LAKE_ORDER]
_NEWEST_FIRST = [
    ("recording_sid", "ascending"),
    ("seen_at", "descending"),
    ("updated_at", "descending"),
    ("raw_page", "descending"),
]


def in_lake_order(rows: pa.Table, is_kept: pa.Array | None = None) -> pa.Table:
    """Sort rows by created_at and recording_sid, and keep those where the mask is true."""
    order = _lake_order(rows)
    if is_kept is not None:
        order = order[np.asarray(is_kept)[order]]
    is_as_it_is = np.array_equal(order, np.arange(rows.num_rows))
    return rows if is_as_it_is else rows.take(pa.array(order))


def _lake_order(rows: pa.Table) -> npt.NDArray[np.int64]:
    """Return the places of rows in the order of the lake. Identifiers are only compared within the same instant."""
    instants = rows["created_at"].cast(pa.int64()).to_numpy()
    order = np.argsort(instants, kind="stable")
    is_alike = np.diff(instants[order]) == 0
    alike = np.flatnonzero(np.append(is_alike, False) | np.append(False, is_alike))
    if len(alike):
        order[alike] = order[alike][pc.sort_indices(rows.select(_LAKE_KEY).take(order[alike]), LAKE_ORDER)]
    return order


def newest_versions(seen: pa.Table, listed_again: pa.Array) -> pa.Table:
    """Keep one row per recording_sid: the newest seen_at, then the newest updated_at. SEEN_SCHEMA in and out.

    listed_again: the sids that it has more than once; others may be among them.
    """
    is_double = pc.is_in(seen["recording_sid"], value_set=listed_again).combine_chunks()
    if not is_double.true_count:
        return seen
    rows = pc.indices_nonzero(is_double)
    rows = rows.take(pc.sort_indices(seen.take(rows), _NEWEST_FIRST))
    sids = seen["recording_sid"].take(rows).combine_chunks()
    is_older = pa.concat_arrays([pa.array([False]), pc.equal(sids[1:], sids[:-1])])
    if not is_older.true_count:
        return seen
    return in_lake_order(seen, pc.invert(_mask(len(is_double), rows.filter(is_older))))


def _mask(size: int, rows: pa.Array) -> pa.Array:
    mask = np.zeros(size, np.bool_)
    mask[np.asarray(rows)] = True
    return pa.array(mask)
