"""Prices that changed after they were first seen. The pages with the older prices stay in `raw/`."""

import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.dates import INSTANT
from transforms.values.distinct import is_distinct
from transforms.values.money import PRICE

CORRECTION_SCHEMA = pa.schema(
    [
        pa.field("account_sid", pa.string(), nullable=False),
        pa.field("recording_sid", pa.string(), nullable=False),
        pa.field("created_at", INSTANT, nullable=False),
        pa.field("seen_at", INSTANT, nullable=False),
        pa.field("price_before", PRICE),
        pa.field("price_after", PRICE),
        pa.field("currency_before", pa.string(), nullable=False),
        pa.field("currency_after", pa.string(), nullable=False),
        pa.field("raw_page_before", pa.string(), nullable=False),
        pa.field("raw_page_after", pa.string(), nullable=False),
    ]
)
"""One row for each change of a price: both prices, when the new one was first seen (UTC), and the pages of both.

A first price is not a correction; a price that is withdrawn (null again) is.
"""

_CHANGING = ("price", "currency", "raw_page")


def corrections(before: pa.Table, after: pa.Table) -> pa.Table:
    """Find the corrections among replaced versions, row by row (CORRECTION_SCHEMA).

    Args:
        before: The older versions (LAKE_SCHEMA).
        after: The newer versions of the same recordings in the same order, with `seen_at`.
    """
    is_other = is_distinct(before, after, ("price", "currency"))
    is_corrected = pc.and_(pc.is_valid(before["first_priced_at"]), is_other)
    before, after = before.filter(is_corrected), after.filter(is_corrected)
    columns = {name: after[name] for name in ("account_sid", "recording_sid", "created_at", "seen_at")}
    for name in _CHANGING:
        columns |= {f"{name}_before": before[name], f"{name}_after": after[name]}
    return pa.table({name: columns[name] for name in CORRECTION_SCHEMA.names}, CORRECTION_SCHEMA)


def with_costs(corrected: pa.Table) -> pa.Table:
    """Add cost_before and cost_after: the absolute value of each price, null where there is none."""
    for moment in ("before", "after"):
        corrected = corrected.append_column(f"cost_{moment}", pc.abs(corrected[f"price_{moment}"]))
    return corrected
