"""Which fetches are superseded: each of their days was fetched again later, to its last page."""

from collections.abc import Sequence

from transforms.values.windows import Fetch, covered_days, days_of


def superseded(fetches: Sequence[Fetch]) -> set[str]:
    """Return the landings of the superseded ones.

    What a day is known to have does not come from them, apart from recordings that are listed no more.
    """
    newest = {day.day: day.fetched_at for day in covered_days(fetches)}
    return {
        fetch.landing
        for fetch in fetches
        if all(newest.get(day, fetch.fetched_at) > fetch.fetched_at for day in days_of(fetch.window))
    }
