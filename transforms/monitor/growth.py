"""The growth of a data folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

_RECENT_DAYS = 28


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes per day. observed_days: how many days of arriving pages it is based on; 0 for an estimate."""

    bytes_a_day: float
    observed_days: int


def growth(
    landed: Mapping[date, int], built_bytes: int, recordings: int, recordings_a_day: float, today: date
) -> Growth | None:
    """Return the expected growth in bytes per day; None if nothing is known.

    landed: bytes of raw pages by the day (UTC) they arrived. built_bytes: everything else, built from the recordings.
    Pages are kept forever and a day is read more than once, so growth is measured by what arrived after the first day;
    the first day also brought all older recordings. With only one day, each recording is assumed to be listed once.
    """
    if not landed or not recordings:
        return None
    built = built_bytes / recordings * recordings_a_day
    first = min(landed)
    days = min((today - first).days, _RECENT_DAYS)
    if days < 1:
        return Growth(built + sum(landed.values()) / recordings * recordings_a_day, 0)
    since = max(first, today - timedelta(days=days))
    return Growth(built + sum(size for day, size in landed.items() if day > since) / days, days)
