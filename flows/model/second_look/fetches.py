"""Which fetches count for the days of an account, and which of their pages are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from random import Random

from msgspec.structs import replace

from flows.model.coverage import AccountCoverage
from flows.stores.raw.landing import Landing
from transforms.values.covered import CoveredSpan
from transforms.values.windows import STAMP, Window, days_of


@dataclass(frozen=True, slots=True)
class CountingFetch:
    """A fetch that is the newest one of some of its days (UTC), how many pages it has, and the name of its folder."""

    landing: Landing
    days: frozenset[date]
    pages: int
    stamp: str


def counting_fetches(account: AccountCoverage) -> list[CountingFetch]:
    """Return the fetches that are the newest ones of at least one day, and of which."""
    fetches: dict[CoveredSpan, set[date]] = {}
    for span in account.commit.covered:
        same = replace(span, first=span.window_first, last=span.window_last)
        fetches.setdefault(same, set()).update(days_of(Window(span.first, span.last)))
    return [
        CountingFetch(
            Landing(account.account_sid, fetch.window, fetch.fetched_at),
            frozenset(days),
            fetch.pages,
            fetch.fetched_at.strftime(STAMP),
        )
        for fetch, days in sorted(fetches.items(), key=lambda each: each[0].fetched_at)
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
