"""Rates that are charged on the same days, without taking turns."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations
from typing import NamedTuple

from tests.whole_runs.recomputed.figures.turns import (
    TOGETHER,
    Change,
    Days,
    Pair,
    Turns,
    switches_of,
    turns_and_changes,
)

FEWEST_DAYS = 14
MOST_APART = timedelta(days=14)
"""Days between two days with both rates that belong together at most."""


class Stretch(NamedTuple):
    """The days from the first to the last on which two rates are both charged. switches: of the prevailing rate."""

    pair: Pair
    since: date
    last_day: date
    is_over: bool
    switches: int


def side_by_side(days: Days) -> Iterator[Stretch]:
    """Yield the stretches of one account, source, channel count and currency that nothing else shows."""
    together: dict[Pair, list[date]] = {}
    for day in sorted(days):
        for pair in combinations(_counted(days[day]), 2):
            together.setdefault(pair, []).append(day)
    if not together:
        return
    turns, changes = turns_and_changes(days)
    switches = switches_of(days)
    for pair, both in sorted(together.items()):
        for stretch in _stretches(both):
            since, last_day = stretch[0], stretch[-1]
            within = sum(since <= day <= last_day for day in days)
            if len(stretch) < FEWEST_DAYS or 2 * len(stretch) < within:
                continue
            if any(_overlap(each, pair, since, last_day) for each in turns):
                continue
            if any(_explains(each, pair, since, last_day) for each in changes):
                continue
            yield Stretch(
                pair,
                since,
                last_day,
                max(days) > last_day + MOST_APART,
                sum(each.pair == pair and since <= each.day <= last_day for each in switches),
            )


def _counted(rates: Mapping[Decimal, Decimal | int]) -> Sequence[Decimal]:
    """Return the rates with a tenth of the day's minutes, the lowest first."""
    return sorted(rate for rate, minutes in rates.items() if 10 * minutes >= sum(rates.values()))


def _stretches(both: Sequence[date]) -> Iterator[Sequence[date]]:
    """Cut days where one is far from the next."""
    first = 0
    for number in range(1, len(both) + 1):
        if number == len(both) or both[number] - both[number - 1] > MOST_APART:
            yield both[first:number]
            first = number


def _overlap(turns: Turns, pair: Pair, since: date, last_day: date) -> bool:
    return turns.pair == pair and turns.since <= last_day and since <= turns.last_day


def _explains(change: Change, pair: Pair, since: date, last_day: date) -> bool:
    """Say whether one rate just took the place of the other, within two months before and after the change."""
    if {change.before, change.after} != {*pair} or not since <= change.day <= last_day + timedelta(days=1):
        return False
    return (change.day - since).days <= TOGETHER and (last_day - change.day).days <= TOGETHER
