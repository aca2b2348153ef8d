"""Daily usage of recordings: what the vendor counts and charges per day, and defects that can be put into it.

Usage is added up from the truth, never from the text of the recordings.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from flows.emulator.ledger.forms import EXACT, round_nine
from flows.emulator.ledger.ledger import Recording

EXTRA_MINUTES = 1
"""`usage-minutes` adds this many minutes to a recording."""
RATE_FACTOR = Decimal("1.5")
"""`usage-price` multiplies a day's price by this factor."""
_DAY_SECONDS = 86_400
_USUAL_CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class UsageDay:
    """The usage of one day (UTC, days since 1970) and currency: recordings, billed seconds, and their price.

    `sample` has billed seconds and price of the day's newest recording that has both; defects are derived from it.
    """

    day: int
    currency: str
    count: int
    seconds: int
    price: Decimal
    sample: tuple[int, Decimal] | None = None

    @property
    def minutes(self) -> int | Decimal:
        """The billed minutes, to nine decimals if they are not whole."""
        minutes, rest = divmod(self.seconds, 60)
        return round_nine(EXACT.divide(Decimal(self.seconds), Decimal(60))) if rest else minutes


@dataclass(slots=True)
class UsageTotals:
    """Adds up a stream of recordings of one account, newest first, by day and currency.

    A recording without a currency counts under the account's most common one. One without a price adds no price.
    """

    _days: dict[tuple[int, str | None], UsageDay] = field(default_factory=dict)
    _currencies: Counter[str] = field(default_factory=Counter)

    def add(self, recording: Recording) -> None:
        """Count one recording of the ledger."""
        key = recording.created_at // _DAY_SECONDS, recording.currency
        seconds = recording.billed_seconds
        price = None if recording.price is None else round_nine(recording.price)
        before = self._days.get(key) or UsageDay(key[0], key[1] or "", 0, 0, Decimal(0))
        sample = (seconds, price) if seconds and price else None
        self._days[key] = UsageDay(
            before.day,
            before.currency,
            before.count + 1,
            before.seconds + seconds,
            before.price if price is None else EXACT.add(before.price, price),
            before.sample or sample,
        )
        if recording.currency:
            self._currencies[recording.currency] += 1

    def days(self) -> list[UsageDay]:
        """Return the days with recordings, newest first."""
        usual = self._currencies.most_common(1)[0][0] if self._currencies else _USUAL_CURRENCY
        days: dict[tuple[int, str], UsageDay] = {}
        for (number, currency), day in self._days.items():
            key = number, currency or usual
            other = days.get(key)
            days[key] = replace(day, currency=key[1]) if other is None else _together(other, day)
        return sorted(days.values(), key=lambda day: (-day.day, day.currency))


def _together(one: UsageDay, other: UsageDay) -> UsageDay:
    return replace(
        one,
        count=one.count + other.count,
        seconds=one.seconds + other.seconds,
        price=EXACT.add(one.price, other.price),
        sample=one.sample or other.sample,
    )


def usage_of(recordings: Iterable[Recording]) -> list[UsageDay]:
    """Return the usage of the recordings of one account, newest first."""
    totals = UsageTotals()
    for recording in recordings:
        totals.add(recording)
    return totals.days()


def to_text(days: Iterable[UsageDay]) -> str:
    """Serialize days to JSON. Amounts are JSON strings."""
    return json.dumps(
        [
            [
                d.day,
                d.currency,
                d.count,
                d.seconds,
                str(d.price),
                d.sample and [d.sample[0], str(d.sample[1])],
            ]
            for d in days
        ]
    )


def from_text(text: str) -> list[UsageDay]:
    """Parse the days that `to_text` wrote."""
    return [
        UsageDay(day, currency, count, seconds, Decimal(price), sample and (sample[0], Decimal(sample[1])))
        for day, currency, count, seconds, price, sample in json.loads(text)
    ]


USAGE_DEFECTS: Mapping[str, Callable[[UsageDay, int, Decimal], UsageDay]] = {
    "usage-extra": lambda d, seconds, price: replace(
        d, count=d.count + 1, seconds=d.seconds + seconds, price=EXACT.add(d.price, price)
    ),
    "usage-missing": lambda d, seconds, price: replace(
        d, count=d.count - 1, seconds=d.seconds - seconds, price=EXACT.subtract(d.price, price)
    ),
    "usage-minutes": lambda d, seconds, price: replace(
        d,
        seconds=d.seconds + 60 * EXTRA_MINUTES,
        price=EXACT.add(d.price, round_nine(EXACT.divide(price * 60 * EXTRA_MINUTES, Decimal(seconds)))),
    ),
    "usage-price": lambda d, seconds, price: replace(d, price=EXACT.multiply(d.price, RATE_FACTOR)),
}
"""Each defect changes a day, given the billed seconds and the price of one of its recordings."""


def with_defects(days: Sequence[UsageDay], defects: Iterable[str]) -> list[UsageDay]:
    """Return the days with defects. Each defect changes the newest unchanged day that has a priced recording.

    `usage-extra` counts the day's newest recording twice, `usage-missing` leaves it out, `usage-minutes` bills one
    more minute of it, and `usage-price` charges 1.5 times the price of the whole day.
    """
    found = list(days)
    free = [place for place, day in enumerate(found) if day.sample]
    for name, place in zip((name for name in USAGE_DEFECTS if name in set(defects)), free, strict=False):
        seconds, price = found[place].sample or (0, Decimal(0))
        found[place] = USAGE_DEFECTS[name](found[place], seconds, price)
    return [day for day in found if day.count]
