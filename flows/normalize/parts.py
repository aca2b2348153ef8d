"""What a generation of landings lists, part by part of a month, so that only a few parts are in memory at once."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from flows.stores.lake.commit import LakeFile
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.normalize.versions import SEEN_SCHEMA, Sighting
from transforms.pages.batches import LISTED_SCHEMA
from transforms.pages.recordings import Listed, list_recordings
from transforms.values.dates import INSTANT
from transforms.values.windows import Window, is_created_in, month_windows

ReadLandings = Callable[[Sequence[Landing]], Iterator[Listed]]
"""Reads the pages of landings, in this order."""

ROWS_PER_FILE = 1 << 15
"""The most rows of a file. A step rewrites whole files, and a month with many recordings has many."""


@dataclass(slots=True)
class Part:
    """What a generation listed of a month (YYYY-MM), or of some days of it, by fetch."""

    month: str
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows were listed."""
        return sum(sighting.recordings.num_rows for sighting in self.sightings)

    def span(self) -> tuple[datetime, datetime] | None:
        """Return the first instant that the part may change, and the last (UTC); None if it changes nothing."""
        begins, ends = [], []
        for sighting in self.sightings:
            if sighting.fetch.is_whole:  # it may show that recordings are gone
                begins.append(sighting.fetch.window.created_from)
                ends.append(sighting.fetch.window.created_before)
            if sighting.recordings.num_rows:
                extremes = pc.min_max(sighting.recordings["created_at"]).as_py()
                begins.append(extremes["min"])
                ends.append(extremes["max"])
        return (min(begins), max(ends)) if begins else None

    def cut_before(self, day: date) -> "Part":
        """Remove and return what comes before a day. Whole fetches must all end before it."""
        earlier, later, begins = Part(self.month), [], pa.scalar(Window(day, day).created_from, INSTANT)
        for sighting in self.sightings:
            if sighting.fetch.is_whole:
                earlier.sightings.append(sighting)
                continue
            is_before = pc.less(sighting.recordings["created_at"], begins)
            earlier.sightings.append(replace(sighting, recordings=sighting.recordings.filter(is_before)))
            later.append(replace(sighting, recordings=sighting.recordings.filter(pc.invert(is_before))))
        self.sightings = later
        return earlier


def read_one_by_one(raw: RawPages, landings: Sequence[Landing]) -> Iterator[Listed]:
    """Read the pages of landings, each when it is asked for."""
    for landing in landings:
        yield list_recordings(raw.pages(landing), landing.account_sid, landing.window)


def parts_listed(
    read: ReadLandings,
    landings: Sequence[Landing],
    listed: dict[Landing, Listed],
    whole_months: Collection[str] = (),
) -> Iterator[Part]:
    """Read landings in the order of their days, and yield a part as soon as no later landing can add to it.

    listed: filled with the counts of each landing, without its recordings. whole_months: months that are not parted.
    """
    under_way: dict[str, Part] = {}
    in_order = sorted(landings, key=lambda landing: landing.window)
    for landing, found in zip(in_order, read(in_order), strict=True):
        for month in [month for month in under_way if month < f"{landing.window.first:%Y-%m}"]:
            yield under_way.pop(month)
        part = under_way.get(f"{landing.window.first:%Y-%m}")
        if part and part.month not in whole_months and _can_be_cut(part, landing):
            yield part.cut_before(landing.window.first)
        recordings, found.recordings = found.recordings, LISTED_SCHEMA.empty_table()
        listed[landing] = found
        rejected_sids = [sid for sid in found.rejects["recording_sid"].to_pylist() if sid]
        seen_at = pa.repeat(pa.scalar(landing.fetched_at, INSTANT), recordings.num_rows)
        recordings = recordings.append_column(SEEN_SCHEMA.field("seen_at"), seen_at)
        months = month_windows(landing.window.first, landing.window.last)
        for days in months:
            part = under_way.setdefault(f"{days.first:%Y-%m}", Part(f"{days.first:%Y-%m}"))
            here = (
                recordings
                if len(months) == 1
                else recordings.filter(is_created_in(recordings["created_at"], days))
            )
            # A page that is not read may list what the others do not, so nothing counts as deleted.
            fetch = replace(landing.fetch, is_whole=landing.is_whole and not found.is_partial)
            part.sightings.append(Sighting(fetch, here, rejected_sids))
    yield from under_way.values()


def _can_be_cut(part: Part, landing: Landing) -> bool:
    """Check whether a part is large enough, and whether no whole fetch in it reaches a landing that comes after."""
    is_apart = all(
        each.fetch.window.last < landing.window.first for each in part.sightings if each.fetch.is_whole
    )
    return landing.is_whole and is_apart and part.rows >= ROWS_PER_FILE


def touched(files: Sequence[LakeFile], part: Part) -> range:
    """Return which of a month's files a part may change: a run of neighbours.

    A part that changes none is added to the file before it, if that has room.
    """
    span = part.span()
    if span is None:
        return range(0)
    first, last = span
    places = [
        place
        for place, file in enumerate(files)
        if file.first is not None and file.last is not None and file.last >= first and file.first <= last
    ]
    if places:
        return range(places[0], places[-1] + 1)
    before = sum(1 for file in files if file.last is not None and file.last < first)
    has_room = before and files[before - 1].rows + part.rows <= ROWS_PER_FILE
    return range(before - bool(has_room), before)


def pieces(recordings: pa.Table, begins: Sequence[datetime]) -> Iterator[pa.Table]:
    """Cut recordings (in the order of creation) into one piece for each file.

    begins: the first instant in each file that there was; so a file in which nothing changed stays as it is.
    """
    created_at = recordings["created_at"]
    places = [pc.sum(pc.less(created_at, pa.scalar(begin, INSTANT))).as_py() or 0 for begin in begins[1:]]
    for low, high in zip([0, *places], [*places, recordings.num_rows], strict=True):
        rows = high - low
        number = -(-rows // ROWS_PER_FILE)
        for piece in range(number):
            begin, end = rows * piece // number, rows * (piece + 1) // number
            yield recordings.slice(low + begin, end - begin)
