"""Rates that take turns, volume tiers, and the lasting changes of a rate that are neither."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import groupby, pairwise, zip_longest
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


class Place(NamedTuple):
    """A switch and what it belongs to. is_mixed: both rates are in use before and after it."""

    switch: Switch
    tier: Tier | None
    is_mixed: bool


class End(NamedTuple):
    """The first day that shows that one rate stayed (None: neither did), and the last day with the other."""

    used: date
    rate: Decimal | None
    known_on: date


class Turns(NamedTuple):
    """Switches between two rates that belong together."""

    pair: Pair
    switches: Sequence[Switch]
    tier: Tier | None
    last_day: date
    is_over: bool
    end: End | None

    @property
    def since(self) -> date:
        return self.switches[0].day

    @property
    def known_since(self) -> date:
        """The fourth switch: until then, they may as well have been changes."""
        return self.switches[:4][-1].day

    @property
    def stayed(self) -> Switch | None:
        """The lasting switch to the rate that stayed."""
        lasting = [switch for switch in self.switches if switch.lasts][-1:]
        return next((switch for switch in lasting if self.end and switch.after == self.end.rate), None)


class Change(NamedTuple):
    """A lasting change of the rate."""

    day: date
    before: Decimal
    after: Decimal
    known_on: date


def turns_and_changes(days: Days) -> tuple[list[Turns], list[Change]]:
    """Return what the rates of one account, source, channel count and currency did."""
    prevailing = _prevailing(days)
    switches = switches_of(days)
    found = [
        turns
        for pair in sorted({switch.pair for switch in switches})
        for turns in _turns_of(pair, switches, prevailing, days)
    ]
    return found, list(_changes(switches, found))


def _prevailing(days: Days) -> Mapping[date, Decimal]:
    return {day: max(rates, key=lambda rate: (rates[rate], rate)) for day, rates in sorted(days.items())}


def switches_of(days: Days) -> list[Switch]:
    """Return the days on which another rate prevails than the day before, or than the one that last lasted."""
    prevailing = _prevailing(days)
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
    pair: Pair, switches: Sequence[Switch], prevailing: Mapping[date, Decimal], days: Days
) -> Iterator[Turns]:
    shared = {day for day, rates in days.items() if _mixed(rates) == pair}
    groups = [group for group in _groups(pair, switches, shared, days) if _count_as_turns(group)]
    for group, following in zip_longest(groups, groups[1:]):
        last, tier, allowed = group[-1].switch, group[0].tier, _allowed(group)
        # Another rate that lasted, a lasting switch between the two, or their next turns.
        left = [
            switch.seen
            for switch in switches
            if switch.day > last.day
            and (
                (switch.lasts and (switch.pair == pair or switch.after not in pair))
                or (following and switch == following[0].switch)
            )
        ]
        seen = {day: rate for day, rate in prevailing.items() if last.day <= day <= min([*left, date.max])}
        end = _end(pair, seen, shared, allowed, tier)
        last_day = end.used if end else max(seen)
        if tier and tier.end:
            last_day = min(last_day, tier.end - timedelta(days=1))
        is_over = bool(end or left or (tier and tier.end))
        yield Turns(pair, [place.switch for place in group], tier, last_day, is_over, end)


def _groups(
    pair: Pair, switches: Sequence[Switch], shared: set[date], days: Days
) -> Iterator[Sequence[Place]]:
    """Yield the switches between two rates that belong together."""
    own = [switch for switch in switches if switch.pair == pair]
    tiers = list(_tiers(pair, days))
    group: list[Place] = []
    for switch, end in zip(own, [*(switch.day for switch in own[1:]), date.max], strict=True):
        tier = next((each for each in tiers if each.begin <= switch.day < (each.end or date.max)), None)
        place = Place(switch, tier, _is_mixed(switch, shared, {day for day in shared if day < end}))
        if group and not _belongs(group[-1], place):
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def _count_as_turns(group: Sequence[Place]) -> bool:
    return any(place.tier or place.is_mixed for place in group) or len(group) >= 4


def _allowed(group: Sequence[Place]) -> int:
    """Return for how many days after the last use of the other rate one rate can be charged alone."""
    if any(place.tier or place.is_mixed for place in group):
        return TOGETHER
    longest = max((other.switch.day - one.switch.day).days for one, other in pairwise(group))
    return min(TOGETHER, max(14, 2 * longest))


def _end(
    pair: Pair, seen: Mapping[date, Decimal], shared: set[date], allowed: int, tier: Tier | None
) -> End | None:
    """Go through the days with recordings from the last switch on until one shows that they are over."""
    used = charged = min(seen)
    rate = seen[used]
    for day, now in seen.items():
        if now not in pair:
            if (day - charged).days > allowed:
                return End(charged, None, day)
            continue
        charged = day
        if day in shared or now != rate:
            used, rate = day, now
        elif (day - used).days > allowed and not (tier and now == tier.rate):
            return End(used, now, day)
    return None


def _is_mixed(switch: Switch, shared: set[date], until_next: set[date]) -> bool:
    before = [day for day in shared if 1 <= (switch.day - day).days <= 31]
    after = [day for day in until_next if 0 <= (day - switch.day).days < 10]
    return switch.lasts and len(before) >= 10 and len(after) >= 3


def _belongs(one: Place, other: Place) -> bool:
    if one.tier or other.tier:
        return one.tier == other.tier
    return (other.switch.day - one.switch.day).days <= TOGETHER or (one.is_mixed and other.is_mixed)


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


def _earlier(turns: Turns, found: Sequence[Turns]) -> Turns | None:
    """Return the turns that these follow."""
    return min(
        (
            each
            for each in found
            if each.since < turns.since and 0 <= (turns.since - each.switches[-1].day).days <= TOGETHER
        ),
        key=lambda each: (-each.switches[-1].day.toordinal(), -each.since.toordinal(), each.pair),
        default=None,
    )


def _replaced(turns: Turns, found: Sequence[Turns]) -> dict[Decimal, Decimal]:
    """Return the new rates of turns that follow others, and which rate each replaced."""
    earlier = _earlier(turns, found)
    before = earlier.pair if earlier else turns.pair
    new = [rate for rate in turns.pair if rate not in before]
    gone = [rate for rate in before if rate not in turns.pair]
    return dict(zip(new, gone, strict=True))


def _changes(switches: Sequence[Switch], found: Sequence[Turns]) -> Iterator[Change]:
    changes = [*_lasting_changes(switches, found), *_short_changes(switches, found)]
    yield from sorted(changes)


def _lasting_changes(switches: Sequence[Switch], found: Sequence[Turns]) -> Iterator[Change]:
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
        if turns and turns.end and switch == turns.stayed:
            known_on = turns.end.known_on
        elif turns and not (replaced and switch == turns.switches[0]):
            continue
        yield Change(switch.day, before, switch.after, known_on)


def _short_changes(switches: Sequence[Switch], found: Sequence[Turns]) -> Iterator[Change]:
    """Yield the first days of rates that took another's place, and never lasted before their turns began."""
    by_day: dict[date, list[Change]] = {}
    for turns in sorted(found, key=lambda each: (each.since, each.pair)):
        earlier = _earlier(turns, found)
        if not earlier or not earlier.is_over:
            continue
        over_on = earlier.end.known_on if earlier.end else earlier.last_day + timedelta(days=1)
        for new, gone in _replaced(turns, found).items():
            came = [
                switch
                for switch in switches
                if switch.after == new and 0 <= (turns.since - switch.day).days <= TOGETHER
            ]
            has_lasted = any(switch.lasts for switch in came)
            if came and not has_lasted and came[0].day >= earlier.switches[-1].day:
                known_on = max(turns.known_since, over_on)
                by_day.setdefault(came[0].day, []).append(Change(came[0].day, gone, new, known_on))
    for day, same in by_day.items():
        yield Change(day, same[0].before, same[0].after, min(each.known_on for each in same))
