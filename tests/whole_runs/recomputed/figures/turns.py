"""Rates that take turns, volume tiers, and the lasting changes of a rate that are neither."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, pairwise
from typing import NamedTuple

from tests.whole_runs.recomputed.values import month_of, next_month

RATE_DAYS = 3
"""A new rate counts when it has been the usual one on this many days with recordings."""
TOGETHER = 62
"""Days between two switches that belong together at most, and after which the last one is a change at the latest."""

Pair = tuple[Decimal, Decimal]
Days = Mapping[date, Mapping[Decimal, Decimal | int]]
"""The charged minutes of each day at each rate."""


class Switch(NamedTuple):
    """A day on which another rate prevails. seen: the day with charged minutes before."""

    day: date
    seen: date
    before: Decimal
    after: Decimal
    lasts: bool

    @property
    def pair(self) -> Pair:
        return min(self.before, self.after), max(self.before, self.after)


class Tier(NamedTuple):
    """Months with the same number of minutes at one rate before those at another."""

    begin: date
    end: date | None
    rate: Decimal
    minutes: int
    months: int


class Turns(NamedTuple):
    """Switches between two rates that belong together."""

    pair: Pair
    switches: Sequence[Switch]
    tier: Tier | None
    last_day: date
    is_over: bool
    stayed_known_on: date | None

    @property
    def since(self) -> date:
        return self.switches[0].day


class Change(NamedTuple):
    """A lasting change of the rate."""

    day: date
    before: Decimal
    after: Decimal
    known_on: date


def turns_and_changes(days: Days) -> tuple[list[Turns], list[Change]]:
    """Return what the rates of one account, source, channel count and currency did."""
    prevailing = {
        day: max(rates, key=lambda rate: (rates[rate], rate)) for day, rates in sorted(days.items())
    }
    switches = _switches(prevailing)
    mixed = {day: pair for day, rates in days.items() if (pair := _mixed(rates))}
    found = [
        turns
        for pair in sorted({switch.pair for switch in switches})
        for turns in _turns_of(pair, switches, mixed, days)
    ]
    return found, list(_changes(switches, found))


def _switches(prevailing: Mapping[date, Decimal]) -> list[Switch]:
    runs = [[day for day, _ in run] for _, run in groupby(prevailing.items(), key=lambda item: item[1])]
    found: dict[tuple[date, Decimal], Switch] = {}
    lasting: Decimal | None = None
    for previous, run in pairwise([[], *runs]):
        rate = prevailing[run[0]]
        if previous:
            before = prevailing[previous[-1]]
            found[run[0], before] = Switch(run[0], previous[-1], before, rate, lasts=False)
        if len(run) >= RATE_DAYS:
            if lasting is not None and lasting != rate:
                found[run[0], lasting] = Switch(run[0], previous[-1], lasting, rate, lasts=True)
            lasting = rate
    return sorted(found.values())


def _mixed(rates: Mapping[Decimal, Decimal | int]) -> Pair | None:
    """Return the two rates with most minutes if each has a tenth."""
    main = sorted(rates, key=lambda rate: (rates[rate], rate))[-2:]
    is_mixed = len(main) == 2 and all(10 * rates[rate] >= sum(rates.values()) for rate in main)
    return (min(main), max(main)) if is_mixed else None


def _turns_of(
    pair: Pair, switches: Sequence[Switch], mixed: Mapping[date, Pair], days: Days
) -> Iterator[Turns]:
    own = [switch for switch in switches if switch.pair == pair]
    shared = {day for day, each in mixed.items() if each == pair}
    tiers = list(_tiers(pair, days))
    ends = [*(switch.day for switch in own[1:]), date.max]
    chain: list[tuple[Switch, Tier | None, bool, date]] = []
    for switch, end in zip(own, ends, strict=True):
        tier = next(
            (each for each in tiers if each.begin <= switch.day < (each.end or date.max)),
            None,
        )
        days_after = {day for day in shared if switch.day <= day < end}
        place = (switch, tier, _is_mixed(switch, shared, days_after), max([switch.day, *days_after]))
        if chain and not _belongs(chain[-1], place):
            yield from _made(pair, chain, switches, days)
            chain = []
        chain.append(place)
    yield from _made(pair, chain, switches, days)


def _is_mixed(switch: Switch, shared: set[date], days_after: set[date]) -> bool:
    before = [day for day in shared if 1 <= (switch.day - day).days <= 31]
    after = [day for day in days_after if (day - switch.day).days < 10]
    return switch.lasts and len(before) >= 10 and len(after) >= 3


def _belongs(
    one: tuple[Switch, Tier | None, bool, date], other: tuple[Switch, Tier | None, bool, date]
) -> bool:
    if one[1] or other[1]:
        return one[1] == other[1]
    return (other[0].day - one[0].day).days <= TOGETHER or (one[2] and other[2])


def _made(
    pair: Pair,
    chain: Sequence[tuple[Switch, Tier | None, bool, date]],
    switches: Sequence[Switch],
    days: Days,
) -> Iterator[Turns]:
    own, tier = [switch for switch, *_ in chain], chain[0][1]
    is_mixed = any(mixed for _, _, mixed, _ in chain)
    if not (tier or is_mixed or len(own) >= 4):
        return
    last, both_until, newest = own[-1], max(until for *_, until in chain), max(days)
    later = [switch for switch in switches if switch.day > last.day]
    left = [switch.seen for switch in later if switch.lasts]
    ends = [switch.seen for switch in later if switch.lasts or switch.after == last.before]
    allowed = TOGETHER
    if not (tier or is_mixed):
        longest = max((other.day - one.day).days for one, other in pairwise(own))
        allowed = min(TOGETHER, max(14, 2 * longest))
    stayed = (min([*ends, newest]) - both_until).days > allowed
    if tier and last.after == tier.rate:
        stayed = False
    if stayed:
        last_day = max(both_until, last.day - timedelta(days=1))
    else:
        last_day = min([newest, *left, *([tier.end - timedelta(days=1)] if tier and tier.end else [])])
    known_on = both_until + timedelta(days=allowed + 1) if stayed and last.lasts else None
    is_over = stayed or bool(left) or bool(tier and tier.end)
    yield Turns(pair, own, tier, last_day, is_over, known_on)


def _tiers(pair: Pair, days: Days) -> Iterator[Tier]:
    """Yield schedules with two months that agree."""
    schedule: list[tuple[date, Decimal, Fraction, bool]] = []
    schedules = [schedule]
    for month in sorted({month_of(day) for day in days}):
        read = _month(month, pair, {day: rates for day, rates in days.items() if month_of(day) == month})
        if read is None:
            continue
        rate, minutes, is_reached = read
        known = next(
            (each for each in reversed([each for one in schedules for each in one]) if each[3]), None
        )
        if rate is None or (known and _contradicts(known, rate, minutes, is_reached=is_reached)):
            schedule = []
            schedules.append(schedule)
        schedule.append((month, rate or Decimal(0), minutes, is_reached))
    for number, each in enumerate(schedules):
        agreeing = [(rate, minutes) for _, rate, minutes, is_reached in each if is_reached]
        if len(agreeing) >= 2:
            mean = sum((minutes for _, minutes in agreeing), Fraction(0)) / len(agreeing)
            end = schedules[number + 1][0][0] if number + 1 < len(schedules) else None
            yield Tier(each[0][0], end, agreeing[0][0], int(mean + Fraction(1, 2)), len(agreeing))


def _contradicts(
    known: tuple[date, Decimal, Fraction, bool], rate: Decimal, minutes: Fraction, *, is_reached: bool
) -> bool:
    _, first, threshold, _ = known
    if rate != first:
        return True
    return 20 * abs(minutes - threshold) > threshold if is_reached else 20 * minutes > 21 * threshold


def _month(month: date, pair: Pair, days: Days) -> tuple[Decimal | None, Fraction, bool] | None:
    """Return the first rate of a month, the minutes up to the second, and whether there is a second; no rate: mixed.

    The first day may belong to the month before, and the last to the next one.
    """
    last = next_month(month) - timedelta(days=1)
    used: dict[Decimal, list[date]] = {}
    minutes: dict[Decimal, Fraction] = {}
    for day, rates in sorted(days.items()):
        for rate, number in rates.items():
            used.setdefault(rate, []).append(day)
            minutes[rate] = minutes.get(rate, Fraction(0)) + Fraction(number)
    inner = {rate: on for rate, on in used.items() if any(month < day < last for day in on)}
    counted = {rate for rate in inner if 100 * minutes[rate] >= sum(minutes[each] for each in inner)}
    final = {rate: max(day for day in inner[rate] if day < last) for rate in counted}
    first = {rate: min(day for day in inner[rate] if day > month) for rate in counted}
    order = sorted(counted, key=lambda rate: (final[rate], first[rate], rate))
    both = [rate for rate in order if rate in pair]
    if not both:
        return None
    until = order.index(both[-1]) + (len(both) == 1)
    whole = sum((minutes[rate] for rate in order[:until]), Fraction(0))
    if len(both) == 2 and final[both[0]] > first[both[1]]:
        return None, whole, False
    return both[0], whole, len(both) == 2


def _replaced(turns: Turns, found: Sequence[Turns]) -> dict[Decimal, Decimal]:
    """Return the new rates of turns that follow others, and which rate each replaced."""
    earlier = [
        each
        for each in found
        if each.since < turns.since and 0 <= (turns.since - each.switches[-1].day).days <= TOGETHER
    ]
    if not earlier:
        return {}
    before = min(
        earlier,
        key=lambda each: (-each.switches[-1].day.toordinal(), -each.since.toordinal(), each.pair),
    ).pair
    new = [rate for rate in turns.pair if rate not in before]
    gone = [rate for rate in before if rate not in turns.pair]
    return dict(zip(new, gone, strict=True))


def _changes(switches: Sequence[Switch], found: Sequence[Turns]) -> Iterator[Change]:
    for switch in switches:
        if not switch.lasts:
            continue
        turns = next((each for each in found if switch in each.switches), None)
        replaced = sorted(
            (each.since, rates[switch.after])
            for each in found
            if 0 <= (each.since - switch.day).days <= TOGETHER
            and switch.after in (rates := _replaced(each, found))
        )
        before, known_on = switch.before, switch.day
        if replaced:
            before = replaced[0][1]
        if turns and turns.stayed_known_on and switch == turns.switches[-1]:
            known_on = turns.stayed_known_on
        elif turns and not (replaced and switch == turns.switches[0]):
            continue
        yield Change(switch.day, before, switch.after, known_on)
