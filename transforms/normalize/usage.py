"""Fold fetched Usage Records into one table per account."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from transforms.pages.usage import USAGE_SCHEMA, Usage


def fold_usage(before: pa.Table, fetched: Iterable[tuple[str, Usage]]) -> pa.Table:
    """Fold fetched usage into an account's rows (USAGE_SCHEMA): for each day, the newest fetch counts.

    A day whose figures did not change keeps the page that had them first.

    Args:
        before: The rows so far.
        fetched: The name of each landing and the usage in it, oldest first.
    """
    days: dict[date, list[dict[str, Any]]] = {}
    for row in before.to_pylist():
        days.setdefault(row["usage_date"], []).append(row)
    for landing, usage in fetched:
        for day, rows in usage.days.items():
            named = [row | {"raw_page": row["raw_page"] or landing} for row in rows]
            if _figures(days.get(day, [])) != _figures(named):
                days[day] = named
    ordered = [
        row for day in sorted(days) for row in sorted(days[day], key=lambda row: row["currency"] or "")
    ]
    return pa.Table.from_pylist(ordered, USAGE_SCHEMA)


def _figures(rows: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Return the figures of rows, without the page they are on."""
    names = [name for name in USAGE_SCHEMA.names if name != "raw_page"]
    return sorted((tuple(row[name] for name in names) for row in rows), key=repr)
