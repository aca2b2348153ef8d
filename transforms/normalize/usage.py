"""Readings of Usage Records folded into one table per account."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from transforms.pages.usage import USAGE_SCHEMA, Usage


def fold_usage(before: pa.Table, readings: Iterable[tuple[str, Usage]]) -> pa.Table:
    """The rows after some readings, oldest first, each with the name of its landing: for each day the newest counts.

    A day that is read again and says the same keeps the page that said so first.
    """
    days: dict[date, list[dict[str, Any]]] = {}
    for row in before.to_pylist():
        days.setdefault(row["usage_date"], []).append(row)
    for landing, usage in readings:
        for day, rows in usage.days.items():
            named = [row | {"raw_page": row["raw_page"] or landing} for row in rows]
            if _figures(days.get(day, [])) != _figures(named):
                days[day] = named
    ordered = [
        row for day in sorted(days) for row in sorted(days[day], key=lambda row: row["currency"] or "")
    ]
    return pa.Table.from_pylist(ordered, USAGE_SCHEMA)


def _figures(rows: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """What rows say, whatever page says it."""
    names = [name for name in USAGE_SCHEMA.names if name != "raw_page"]
    return sorted((tuple(row[name] for name in names) for row in rows), key=repr)
