"""Parts of a landing: older hours of a busy day that another worker fetches, until they are joined to it.

A landing covers whole days. A part has the window of its landing, but its list is of hours only. When everything has
been fetched, its pages become pages of the landing: nothing else ever sees a landing of a part of a day.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime

from flows.stage import Clock
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.ingest.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the pages of an account are kept, and by which thread.

    dialect: how its API is asked for dates. known: how many recordings days (UTC) had when they were read before.
    """

    account_sid: str
    raw: RawPages
    saving: ThreadPoolExecutor
    clock: Clock
    dialect: Dialect
    known: Mapping[date, int] = field(default_factory=dict)

    def parts_of(self, landing: Landing) -> list[Landing]:
        """List the parts of an unfinished landing, newest hours first."""
        parts = [each for each in self.raw.unfinished(self.account_sid) if is_part_of(each, landing)]
        return sorted(parts, key=lambda each: each.span.created_before, reverse=True)


def is_part_of(part: Landing, landing: Landing) -> bool:
    """Check whether a landing is a part of another one: it has its window, and began later."""
    return part.is_part and part.window == landing.window and part.fetched_at > landing.fetched_at


def give_up(raw: RawPages, landing: Landing, now: datetime) -> None:
    """Abandon an unfinished landing, and keep the pages it has. One without pages is forgotten."""
    if raw.has_pages(landing):
        raw.abandon(landing, now)
    else:
        raw.discard(landing)
