"""Which days of the Usage Records to read, and how to ask for them."""

from collections.abc import Mapping
from datetime import date

from transforms.ingest.plan import Rules
from transforms.pages.usage import _CATEGORY
from transforms.values.windows import CoveredDay, Window, days_of


def asked_of_usage(window: Window) -> dict[str, str]:
    """The parameters that ask for the days of a window, for this account alone."""
    return {
        "Category": _CATEGORY,
        "StartDate": window.first.isoformat(),
        "EndDate": window.last.isoformat(),
        "IncludeSubaccounts": "false",
    }


def days_to_read(days: Window, today: date, read: Mapping[date, CoveredDay], rules: Rules) -> list[date]:
    """The days (UTC) to ask for: those never read, and those younger than `settle_days`, as far as they are over."""
    return [
        day
        for day in days_of(days)
        if day < today
        and (day not in read or not read[day].was_over or (today - day).days <= rules.settle_days)
    ]
