"""Which raw pages are superseded, so that they can be dropped."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.values.superseded import superseded

Applied = Callable[[Sequence[Landing]], Collection[str] | None]
"""Gives the names of those landings of an account that are in what is made from raw pages.

None if that is not known, or if landings are in it whose lines the journal has lost.
"""


def superseded_pages(raw: RawPages, account_sid: str, until: datetime, applied: Applied) -> set[str]:
    """Return the digests of pages of which each landing is superseded, applied, and ended before an instant (UTC)."""
    landings = raw.readable(account_sid)
    known = applied(landings)
    if known is None:
        return set()
    old = superseded([each.fetch for each in landings if each.name in known])
    pages = {True: set[str](), False: set[str]()}
    for landing in landings:
        manifest = raw.manifest(landing)
        is_superseded = landing.name in old and manifest.completed_at < until
        pages[is_superseded] |= {page.sha256 for page in manifest.pages}
    return pages[True] - pages[False]
