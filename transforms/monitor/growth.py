"""How fast a data folder grows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

_RECENT_DAYS = 28


@dataclass(frozen=True, slots=True)
class Growth:
    """Bytes a day. observed_days: over how many days pages were seen to arrive; 0 when it is an estimate."""

    bytes_a_day: float
    observed_days: int


def growth(
    landed: Mapping[date, int], built_bytes: int, recordings: int, recordings_a_day: float, today: date
) -> Growth | None:
    """How many bytes a day are to come; None when nothing is known.

    landed: bytes of raw pages by the day (UTC) they arrived. built_bytes: all else that is made of the recordings.
    Pages are kept for ever, and a day is read more than once, so what arrived since the first day is the measure; on
    that day everything older came too. Before there is another day, each recording is taken to be listed once.
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
