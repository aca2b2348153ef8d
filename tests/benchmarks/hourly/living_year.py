"""A year of recordings that live: they end, get their price at once, later or never, are corrected, and are deleted.

Everything follows from a seed, and happens by the ledger's clock. No event is at the end of the year or later, so a
client that keeps reading finds everything out soon after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from flows.emulator import LivingLedger, LivingSource, Recording, open_living
from tests.support.runs.living_runs import ACCOUNTS, DAY_SECONDS, epoch_of, made

FIRST = date(2025, 10, 1)
ACCOUNT = ACCOUNTS[0]
_HOUR = 3600
_BUSY_EVERY = 120
"""Every 120 days there is a busy day, with more recordings than a page has."""


@dataclass(frozen=True, slots=True)
class Year:
    """How long the account lives, and how many recordings it has on most days and on busy ones."""

    days: int = 365
    a_day: int = 45
    on_busy_days: int = 1_200

    @property
    def end(self) -> int:
        """The midnight after the last day, epoch seconds UTC."""
        return epoch_of(FIRST + timedelta(days=self.days))


def living_year(year: Year) -> LivingSource:
    """Return the ledger at the beginning of its first day, with everything that will happen."""
    draw = Random(1)
    recordings = [
        made(ACCOUNT, sequence, created_at, status="in-progress", price=None, duration_seconds=None)
        for sequence, created_at in enumerate(_creations(year, draw))
    ]
    source = open_living(recordings, accounts=[ACCOUNT], now=epoch_of(FIRST))
    for recording in recordings:
        _live(source.ledger, recording, year.end, draw)
    return source


def _creations(year: Year, draw: Random) -> Iterator[int]:
    """Yield when recordings are created, most of them in the middle of the day."""
    for number in range(year.days):
        is_busy = number % _BUSY_EVERY == _BUSY_EVERY // 2
        count = year.on_busy_days if is_busy else year.a_day
        midnight = epoch_of(FIRST + timedelta(days=number))
        yield from sorted(
            midnight + int(draw.triangular(0, DAY_SECONDS, DAY_SECONDS / 2)) for _ in range(count)
        )


def _live(ledger: LivingLedger, recording: Recording, end: int, draw: Random) -> None:
    """Schedule what happens to a recording before the end."""

    def happens(when: float, **fields: Any) -> None:
        if when < end:
            ledger.schedule(int(when), recording.sid, **fields)

    duration_seconds = 10 + int(draw.expovariate(1 / 200))
    ended = recording.created_at + duration_seconds
    luck = draw.random()
    if luck < 0.01:
        happens(ended, status="absent" if luck < 0.005 else "failed", duration_seconds=0)
        return
    happens(ended, status="completed", duration_seconds=duration_seconds)
    minutes = 1 + duration_seconds // 60
    price = Decimal("0.0025") * recording.channels * minutes
    priced = ended + _until_priced(luck, draw)
    if luck >= _NEVER:
        happens(priced, price=price)
    if draw.random() < 0.01:
        happens(priced + draw.uniform(1, 60) * DAY_SECONDS, price=price + Decimal("0.0005"))
    if draw.random() < 0.05:
        deleted = int(recording.created_at + draw.uniform(7, 120) * DAY_SECONDS)
        if deleted < end:
            ledger.at(deleted, lambda: ledger.delete(recording.sid))


_NEVER = 0.015
"""Below this luck, a recording that is not absent or failed has no price, unless it gets one as a correction."""


def _until_priced(luck: float, draw: Random) -> float:
    """Return how many seconds after its end a recording gets its price: most within hours, some weeks later."""
    if luck < 0.05:
        return draw.uniform(10, 80) * DAY_SECONDS
    if luck < 0.2:
        return draw.uniform(1, 10) * DAY_SECONDS
    return draw.uniform(0, 2) * _HOUR
