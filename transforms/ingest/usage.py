"""Which days of the Usage Records to fetch, and how to request them."""

from collections.abc import Mapping
from datetime import date

from transforms.ingest.request import Rules
from transforms.pages.usage import _CATEGORY
from transforms.values.windows import CoveredDay, Window, days_of


def usage_parameters(window: Window) -> dict[str, str]:
    """Build the query parameters for the days of a window, for this account without its subaccounts."""
    return {
        "Category": _CATEGORY,
        "StartDate": window.first.isoformat(),
        "EndDate": window.last.isoformat(),
        "IncludeSubaccounts": "false",
    }


def days_to_read(days: Window, today: date, read: Mapping[date, CoveredDay], rules: Rules) -> list[date]:
    """Choose the days (UTC) to fetch: those never fetched, and those not older than `settle_days`, if they are over."""
    return [
        day
        for day in days_of(days)
        if day < today
        and (day not in read or not read[day].was_over or (today - day).days <= rules.settle_days)
    ]
