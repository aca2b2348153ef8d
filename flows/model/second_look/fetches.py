"""Which fetches count for the days of an account, and which of their pages are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

from flows.model.coverage import AccountCoverage
from flows.stores.raw.landing import Landing
from flows.stores.raw.under_way import STAMP


@dataclass(frozen=True, slots=True)
class CountingFetch:
    """A fetch that is the newest one of some of its days (UTC), how many pages it has, and the name of its folder."""

    landing: Landing
    days: frozenset[date]
    pages: int
    stamp: str


def counting_fetches(account: AccountCoverage) -> list[CountingFetch]:
    """Return the fetches that are the newest ones of at least one day, and of which."""
    days: dict[str, set[date]] = {}
    for covered in account.covered:
        days.setdefault(covered.landing, set()).add(covered.day)
    return [
        CountingFetch(
            landing, frozenset(days[landing.name]), applied.pages, landing.fetched_at.strftime(STAMP)
        )
        for landing, applied in account.landings
        if landing.name in days
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
