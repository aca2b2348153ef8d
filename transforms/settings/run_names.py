"""What runs and their pieces are called where somebody looks at a list of them: account and days, in few letters."""

import re
from datetime import date

ALL_ACCOUNTS = "all-accounts"
"""What the deployment is called that runs everything."""
HOURLY = "17 * * * *"
"""When runs are due unless something else is asked for: cron, UTC."""

_IN_NO_NAME = re.compile(r"[/%&<>]")


def is_deployment_name(name: str) -> bool:
    """Whether Prefect takes it as the name of a deployment, and somebody can see it."""
    return bool(name.strip()) and not _IN_NO_NAME.search(name)


def span(first: date, last: date) -> str:
    """Days from first to last, without what the two have in common: `2026-09-01..07`, `2026-09-28..10-04`.

    Plain dots: the timeline of the Prefect UI leaves an ellipsis out, and the days run into each other.
    """
    if first == last:
        return f"{first}"
    if first.year != last.year:
        return f"{first}..{last}"
    return f"{first}..{last:%d}" if first.month == last.month else f"{first}..{last:%m-%d}"


def run_name(command: str, account: str | None, first: date | None, last: date | None, today: date) -> str:
    """What a run is called: `run support 2026-09-01..07`. Without a first day, it reads whatever is new by today."""
    who = account or "all accounts"
    end = last or today
    if first is None or first > end:
        return f"{command} {who} up to {end}"
    return f"{command} {who} {span(first, end)}"
