"""Which months of a table are not final, in words: still running, or with days that were not read."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from transforms.values.counts import counted

MARKS = ("is_running", "days_read", "days_missing")
"""The columns of monthly marts that say so."""

_MOST_MONTHS = 3


def month_marks(rows: Iterable[Mapping[str, Any]], column: str = "month") -> list[str]:
    """Return a sentence for each of the newest months that are not final, the newest month first.

    rows: with the month (its first day) and the columns MARKS; several rows of a month count with their worst one.
    column: the name of the month's column.
    """
    worst: dict[date, tuple[bool, int, int]] = {}
    for row in rows:
        month, is_running = row[column], bool(row["is_running"])
        if month is not None and (is_running or row["days_missing"]):
            _, read, missing = worst.get(month, (is_running, row["days_read"], 0))
            worst[month] = (is_running, min(read, row["days_read"]), max(missing, row["days_missing"]))
    newest = sorted(worst, reverse=True)
    sentences = [_mark(month, *worst[month]) for month in newest[:_MOST_MONTHS]]
    more = len(newest) - _MOST_MONTHS
    return [*sentences, f"{counted(more, 'earlier month has', 'earlier months have')} missing days."][
        : None if more > 0 else len(sentences)
    ]


def _mark(month: date, is_running: bool, read: int, missing: int) -> str:
    gaps = f"{counted(missing, 'day is', 'days are')} missing" if missing else ""
    if not is_running:
        return f"{month:%Y-%m} is incomplete: {gaps}."
    return f"{month:%Y-%m} is not over: {counted(read, 'day is', 'days are')} read{gaps and ', '}{gaps}."
