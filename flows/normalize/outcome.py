"""What happened to landings: their rows, and whether fetching the same pages again can change anything."""

import hashlib
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from flows.stores.lake.commit import MOST_LANDINGS, AppliedLanding, FoundOddity, OlderLandings, Repeat
from flows.stores.raw.journal import Manifest
from flows.stores.raw.landing import Landing
from transforms.pages.oddities import Oddities
from transforms.pages.recordings import Listed
from transforms.values.covered import CoveredSpan
from transforms.values.windows import Window

WENT_BACK = "date_updated went back"
"""The kind of oddity that shows when pages are compared with the lake."""


def outcome(landing: Landing, manifest: Manifest, listed: Listed, new: int) -> AppliedLanding:
    """Return what happened to a landing. new: how many recordings it was the first to list."""
    repeated, rejected = listed.understood - new, listed.rejects.num_rows
    return _applied(landing, manifest, new, repeated, rejected, listed.outside, _found(listed.oddities))


def outcome_of_repeat(landing: Landing, manifest: Manifest, repeat: Repeat) -> AppliedLanding:
    """Return what happened to a landing that listed exactly what the last one of its window had listed."""
    repeated = manifest.rows - repeat.rejected - repeat.outside
    return _applied(landing, manifest, 0, repeated, repeat.rejected, repeat.outside, repeat.oddities)


def _applied(
    landing: Landing,
    manifest: Manifest,
    new: int,
    repeated: int,
    rejected: int,
    outside: int,
    oddities: list[FoundOddity],
) -> AppliedLanding:
    return AppliedLanding(
        landing=landing.name,
        first=landing.window.first,
        last=landing.window.last,
        fetched_at=landing.fetched_at,
        completed_at=manifest.completed_at,
        is_whole=landing.is_whole,
        pages=len(manifest.pages),
        rows=manifest.rows,
        new=new,
        repeated=repeated,
        rejected=rejected,
        outside=outside,
        oddities=oddities,
    )


def pages_of(manifest: Manifest) -> str:
    """Return a digest of what a landing listed."""
    return hashlib.sha256("".join(page.sha256 for page in manifest.pages).encode()).hexdigest()


def repeats_after(
    repeats: Sequence[Repeat], applied: AppliedLanding, manifest: Manifest, *, is_whole: bool
) -> list[Repeat]:
    """Return of which windows the same pages would change nothing, after another landing was applied.

    is_whole: all of its pages were read, to the last.
    """
    window = Window(applied.first, applied.last)
    others = [each for each in repeats if not Window(each.first, each.last).overlaps(window)]
    if not is_whole:
        return others
    on_pages = [each for each in applied.oddities if each.kind != WENT_BACK]
    pages = pages_of(manifest)
    return [*others, Repeat(applied.first, applied.last, pages, applied.rejected, applied.outside, on_pages)]


def summed_up(
    recent: Iterable[AppliedLanding], older: Sequence[OlderLandings], covered: Iterable[CoveredSpan]
) -> tuple[list[AppliedLanding], list[OlderLandings]]:
    """Keep the newest landings and those that still cover a day; add the others to the sums of their months."""
    ordered = sorted(recent, key=lambda landing: (landing.fetched_at, landing.landing))
    counting = {(span.window_first, span.window_last, span.fetched_at) for span in covered}
    kept, months = [], {each.month: each for each in older}
    for number, landing in enumerate(ordered, MOST_LANDINGS - len(ordered)):
        if number >= 0 or (landing.first, landing.last, landing.fetched_at) in counting:
            kept.append(landing)
        else:
            month = f"{landing.fetched_at:%Y-%m}"
            months[month] = _added(months.get(month, OlderLandings(month)), landing)
    return kept, [months[month] for month in sorted(months)]


def _added(month: OlderLandings, landing: AppliedLanding) -> OlderLandings:
    oddities = Oddities()
    for each in (*month.oddities, *landing.oddities):
        oddities.add(each.kind, each.value, each.rows, sid=each.sid, text=each.text)
    return replace(
        month,
        landings=month.landings + 1,
        pages=month.pages + landing.pages,
        rows=month.rows + landing.rows,
        new=month.new + landing.new,
        repeated=month.repeated + landing.repeated,
        rejected=month.rejected + landing.rejected,
        outside=month.outside + landing.outside,
        oddities=_found(oddities),
    )


def _found(oddities: Oddities) -> list[FoundOddity]:
    return [
        FoundOddity(kind, value, oddity.rows, oddity.sid, oddity.text)
        for (kind, value), oddity in sorted(oddities.found.items())
    ]
