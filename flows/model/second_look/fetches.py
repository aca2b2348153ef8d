"""Which fetches count for the days of an account, and which of their pages are compared."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from flows.model.coverage import AccountCoverage
from flows.stores.raw.landing import STAMP, Landing

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class CountingFetch:
    """A fetch that is the newest one of some of its days (UTC), how many pages it has, and the name of its folder."""

    landing: Landing
    days: frozenset[date]
    pages: int
    stamp: str


def counting_fetches(account: AccountCoverage) -> list[CountingFetch]:
    """Return the fetches that are the newest ones of at least one day, and of which."""
    newest: dict[date, tuple[Landing, int]] = {}
    for landing, applied in sorted(account.landings, key=lambda each: each[0].fetched_at):
        if landing.is_whole:
            day = landing.window.first
            while day <= min(landing.window.last, landing.fetched_at.date()):
                newest[day] = landing, applied.pages
                day += _DAY
    days: dict[tuple[Landing, int], set[date]] = {}
    for day, found in newest.items():
        days.setdefault(found, set()).add(day)
    return [
        CountingFetch(landing, frozenset(own), pages, landing.fetched_at.strftime(STAMP))
        for (landing, pages), own in days.items()
    ]


def sample(fetches: Sequence[CountingFetch], pages: int) -> list[tuple[CountingFetch, int]]:
    """Choose pages: one of each of the newest fetches up to half of them, and the rest from all others."""
    ordered = sorted((each for each in fetches if each.pages), key=lambda each: each.stamp, reverse=True)
    if not ordered:
        return []
    random = Random(f"{ordered[0].landing.name} {len(ordered)}")  # noqa: S311 - a sample, not a secret
    everything = [(fetch, number) for fetch in ordered for number in range(fetch.pages)]
    if len(everything) <= pages:
        return everything
    chosen = [(fetch, random.randrange(fetch.pages)) for fetch in ordered[: pages // 2]]
    others = random.sample(range(len(everything)), min(pages, len(everything)))
    return [*chosen, *(everything[place] for place in others if everything[place] not in chosen)][:pages]


def spans(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """Yield the first and the last of days that follow each other."""
    ordered = sorted(days)
    first = ordered[0]
    for day, after in zip(ordered, [*ordered[1:], None], strict=True):
        if after is None or after != day + _DAY:
            yield first, day
            first = after or day
