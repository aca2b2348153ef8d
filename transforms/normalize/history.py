"""What was found of recordings over time: one row for each recording and the fetch that found it."""

import numpy as np
import pyarrow as pa

IN_ORDER = [("seen_at", "ascending"), ("recording_sid", "ascending")]
"""The order in which things were found."""


def once_per_fetch(rows: pa.Table) -> pa.Table:
    """Sort corrections or changes by the fetch that found them, and keep one of each recording and fetch.

    If a fetch found several of a recording, the last one in the input counts: it starts from the version that was
    stored before the fetch. CORRECTION_SCHEMA or CHANGE_SCHEMA in and out.
    """
    places = rows.select(["seen_at", "recording_sid"]).append_column("place", [np.arange(rows.num_rows)])
    last = places.group_by(["seen_at", "recording_sid"], use_threads=False).aggregate([("place", "max")])
    return rows.take(last.sort_by(IN_ORDER)["place_max"])
