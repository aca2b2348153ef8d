"""When a day that may still change is fetched again: patiently, because most changes come soon after the recording.

A run each hour would otherwise fetch a day 2,000 times because of one recording that never gets a price.
"""

from datetime import date, datetime, timedelta

from transforms.ingest.request import Rules

_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)


def is_due(day: date, fetched_at: datetime, today: date, rules: Rules) -> bool:
    """Check whether a day that may still change is to be fetched today.

    Each time while it is young, then once a day, then once a week, until it is as old as `settle_days`.

    Args:
        day: The day, UTC.
        fetched_at: When it was last fetched, UTC.
        today: The current day, UTC.
        rules: Up to which age a day is young, and up to which it is fetched daily.
    """
    age, since = today - day, today - fetched_at.date()
    if age >= rules.settle_days * _DAY:
        return False
    if age < rules.settle_each_run_days * _DAY:
        return True
    return since >= (_DAY if age < rules.settle_daily_days * _DAY else _WEEK)


def next_due(day: date, fetched_at: datetime, today: date, rules: Rules) -> date | None:
    """Return the first day, from today on, on which `is_due` holds; None if it never does again."""
    soon = (today + number * _DAY for number in range(_WEEK.days + 1))
    return next((each for each in soon if is_due(day, fetched_at, each, rules)), None)
