"""Names of runs and their parts, as shown in lists: the account and the days, in a short form."""

import re
from datetime import date

ALL_ACCOUNTS = "all-accounts"
"""Name of the deployment that runs all accounts."""
FIGURES = "figures"
"""Name of the deployment that builds the tables of what other deployments read."""
HOURLY = "17 * * * *"
"""The default schedule: cron, UTC."""

_INVALID = re.compile(r"[/%&<>]")


def is_deployment_name(name: str) -> bool:
    """Check whether a text is a valid deployment name: accepted by Prefect and not blank."""
    return bool(name.strip()) and not _INVALID.search(name)


def span(first: date, last: date) -> str:
    """Format the days from first to last without repeating what they share: `2026-09-01..07`, `2026-09-28..10-04`.

    The dots are plain: the timeline of the Prefect UI drops an ellipsis, and the days would run together.
    """
    if first == last:
        return f"{first}"
    if first.year != last.year:
        return f"{first}..{last}"
    return f"{first}..{last:%d}" if first.month == last.month else f"{first}..{last:%m-%d}"


def run_name(command: str, who: str | None, first: date | None, last: date | None, today: date) -> str:
    """Name a run: `run support 2026-09-01..07`, or `run support up to 2026-09-07` without a first day.

    Args:
        command: What runs, such as `run`.
        who: Name of the account, or the part of all accounts; None for all accounts.
        first: First day (UTC); None to fetch whatever is new.
        last: Last day (UTC); None for today.
        today: The current day, UTC.
    """
    who = who or "all accounts"
    end = last or today
    if first is None or first > end:
        return f"{command} {who} up to {end}"
    return f"{command} {who} {span(first, end)}"
