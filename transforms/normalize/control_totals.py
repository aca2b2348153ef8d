"""Control totals of a lake file: taken from the rows before they are written, compared with the rows that are read.

They are kept in the file itself, so that a file and its totals are replaced at once.
"""

from datetime import datetime
from decimal import Decimal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.money import plain

TOTALS_KEY = b"recspend.totals"
"""Where a file has its totals, in the metadata of its Arrow schema."""

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


def encoded(totals: dict[str, str]) -> bytes:
    """Serialize totals for the metadata of a file."""
    return msgspec.json.encode(totals)


def decoded(found: bytes | None) -> dict[str, str]:
    """Parse the totals in the metadata of a file; empty if it has none that can be read."""
    try:
        return msgspec.json.decode(found or b"{}", type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"
