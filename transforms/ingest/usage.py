"""Which days of the Usage Records to fetch, and how to request them."""

from collections.abc import Mapping
from datetime import date
from itertools import groupby
from types import MappingProxyType

from transforms.ingest.request import Rules
from transforms.ingest.settling import is_due
from transforms.pages.usage import _CATEGORY
from transforms.values.windows import CoveredDay, Window, days_of, quarter_of


def usage_parameters(window: Window) -> dict[str, str]:
    """Build the query parameters for the days of a window, for this account without its subaccounts."""
    return {
        "Category": _CATEGORY,
        "StartDate": window.first.isoformat(),
        "EndDate": window.last.isoformat(),
        "IncludeSubaccounts": "false",
    }


def days_to_read(
    days: Window,
    today: date,
    read: Mapping[date, CoveredDay],
    rules: Rules,
    recordings: Mapping[date, CoveredDay] = MappingProxyType({}),
) -> list[date]:
    """Choose the days (UTC) to fetch, of those that are over.

    They are the days never fetched, those that may still change and are due (as in `settling`), and those whose
    recordings were fetched later: both should be of the same time when they are compared. Days between two of them are
    fetched too: a page has the records of a whole quarter.

    Args:
        days: The range, UTC.
        today: The current day, UTC.
        read: The days of the Usage Records fetched so far.
        rules: How far to look back.
        recordings: The days of recordings fetched so far.
    """
    due = [
        day
        for day in days_of(days)
        if day < today
        and (
            day not in read
            or not read[day].was_over
            or is_due(day, read[day].fetched_at, today, rules)
            or ((today - day).days < rules.settle_days and _is_later(recordings.get(day), read[day]))
        )
    ]
    quarters = [list(each) for _, each in groupby(due, quarter_of)]
    return [day for each in quarters for day in days_of(Window(each[0], each[-1]))]


def _is_later(recordings: CoveredDay | None, usage: CoveredDay) -> bool:
    return recordings is not None and recordings.fetched_at > usage.fetched_at
