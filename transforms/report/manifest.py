"""The manifest of a set of report files, with digests and totals to check a transfer against."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.money import plain

_SUM = pa.decimal128(38, 9)
"""The type of sums of money in the marts; rates and the cost of a single recording have other types."""


_CURRENCIES = ("currency", "BillingCurrency")  # the second is the name in FOCUS


def control_totals(table: pa.Table) -> dict[str, dict[str, str]]:
    """Sum the money columns: currency → column → plain decimal; empty if the table has no currency."""
    names = [
        field.name
        for field in table.schema
        if field.name == "cost" or (field.type == _SUM and not field.name.endswith("Quantity"))
    ]
    of = next((name for name in _CURRENCIES if name in table.column_names), None)
    if of is None or not names:
        return {}
    currencies = sorted(set(table[of].to_pylist()))
    totals = {}
    for currency in currencies:
        of_currency = table.filter(pc.equal(table[of], currency))
        sums = {name: pc.sum(of_currency[name]).as_py() for name in names}
        totals[currency] = {name: plain(total) for name, total in sums.items() if total is not None}
    return {currency: of_currency for currency, of_currency in totals.items() if of_currency}


def manifest(
    files: Mapping[str, bytes], tables: Mapping[str, Mapping[str, pa.Table]], about: Mapping[str, Any]
) -> bytes:
    """Return the manifest as JSON: `about`, and for each file its digest and the rows and totals of its tables.

    tables: file → table name → the rows in the file.
    """
    listed = [
        {
            "file": name,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "tables": [
                {"table": table_name, "rows": table.num_rows, "totals": control_totals(table)}
                for table_name, table in tables.get(name, {}).items()
            ],
        }
        for name, content in sorted(files.items())
    ]
    return (json.dumps({**about, "files": listed}, indent=2, ensure_ascii=False) + "\n").encode()
