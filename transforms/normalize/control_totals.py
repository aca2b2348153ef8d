"""Control totals of a lake file: taken from the rows before they are written, compared with the rows that are read."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Context, Decimal

import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.money import plain

TOTALS_SCHEMA = pa.schema(
    [
        pa.field("account_sid", pa.string(), nullable=False),
        pa.field("created_month", pa.string(), nullable=False),
        pa.field("measure", pa.string(), nullable=False),
        pa.field("value", pa.string(), nullable=False),
    ]
)
"""One row for each total of a file (its month is YYYY-MM).

A measure is rows, priced (rows), seconds, first creation or last creation (UTC), and by currency, source and status:
`price USD`, `recordings of DialVerb`, `recordings in completed`.
"""

_EXACT = Context(prec=76)
"""More digits than any sum of prices has."""


def control_totals(recordings: pa.Table) -> dict[str, str]:
    """Return measure → value, of at least one recording (LAKE_SCHEMA).

    Amounts are plain decimals, exact, with their sign.
    """
    extremes = pc.min_max(recordings["created_at"]).as_py()
    totals = {
        "rows": str(recordings.num_rows),
        "priced": str(recordings.num_rows - recordings["price"].null_count),
        "seconds": str(pc.sum(recordings["duration_seconds"]).as_py() or 0),
        "first creation": _instant(extremes["min"]),
        "last creation": _instant(extremes["max"]),
    }
    spent = recordings.group_by("currency").aggregate([("price", "sum")])
    for row in spent.to_pylist():
        totals[f"price {row['currency']}"] = plain(row["price_sum"] or Decimal("0.000000000"))
    for column, word in (("source", "of"), ("status", "in")):
        for counted in pc.value_counts(recordings[column]).to_pylist():
            totals[f"recordings {word} {counted['values']}"] = str(counted["counts"])
    return totals


def added_up(totals: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Add up the totals of several files of the same month."""
    whole: dict[str, str] = {}
    for each in totals:
        for measure, value in each.items():
            whole[measure] = _together(measure, whole[measure], value) if measure in whole else value
    return whole


def _together(measure: str, one: str, other: str) -> str:
    if measure == "first creation":
        return min(one, other)
    if measure == "last creation":
        return max(one, other)
    if measure.startswith("price "):
        return plain(_EXACT.add(Decimal(one), Decimal(other)))
    return str(int(one) + int(other))


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"
