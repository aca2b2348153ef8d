"""Which version of a recording applies: fold what new fetches list into the lake so far.

Fetches are applied in the order they began, in *layers*: fetches whose windows share no day. So within a layer each
day is listed once, and a recording that is no longer listed on its day is gone. Consecutive layers that overlap only
because of abandoned fetches form one *generation*: its months are written once.

Of two versions, the one that was read last counts, whatever its date_updated says: it is not documented that it moves
with the price. It decides only between versions in one fetch. One that goes back between fetches is counted.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from transforms.normalize.corrections import CORRECTION_SCHEMA, corrections
from transforms.normalize.deletions import deleted_since, gone_since, with_column, with_known_cost
from transforms.normalize.late_changes import CHANGE_SCHEMA, late_changes
from transforms.normalize.order import in_lake_order, newest_versions
from transforms.pages.batches import LISTED_SCHEMA
from transforms.schema import CONTENT_NAMES, LAKE_SCHEMA
from transforms.values.dates import INSTANT
from transforms.values.distinct import is_distinct, repeated
from transforms.values.windows import Fetch

SEEN_SCHEMA = LISTED_SCHEMA.append(pa.field("seen_at", INSTANT))
"""A listed recording and the instant (UTC) its fetch began."""

WENT_BACK_SCHEMA = pa.schema(
    [LISTED_SCHEMA.field(name) for name in ("recording_sid", "updated_at", "raw_page")]
)
"""A version that replaced one with a newer updated_at."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A month after a layer or a generation: the whole table (LAKE_SCHEMA, sorted), and how many rows changed.

    new, changed, deleted: numbers of rows. If all are 0, the table is the same object as before. moved: how many of the
    changed ones were listed with another instant of creation than before.
    corrections: CORRECTION_SCHEMA. changes: CHANGE_SCHEMA. went_back: WENT_BACK_SCHEMA.
    """

    table: pa.Table
    new: int
    changed: int
    deleted: int
    corrections: pa.Table = field(default_factory=CORRECTION_SCHEMA.empty_table)
    changes: pa.Table = field(default_factory=CHANGE_SCHEMA.empty_table)
    went_back: pa.Table = field(default_factory=WENT_BACK_SCHEMA.empty_table)
    moved: int = 0

    @property
    def is_changed(self) -> bool:
        """Whether the month must be written."""
        return bool(self.new or self.changed or self.deleted)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one fetch listed of a month (SEEN_SCHEMA), and the sids it listed that were rejected."""

    fetch: Fetch
    recordings: pa.Table
    rejected_sids: Sequence[str] = ()


def generations(readings: Iterable[Fetch]) -> list[list[Fetch]]:
    """Group fetches in the order they began; a window that overlaps a whole fetch of its generation starts the next.

    Abandoned fetches join the generation of the whole fetches that replaced them; `fold` applies them first.
    """
    return _cut(readings, lambda reading: reading.is_whole)


def layers(readings: Iterable[Fetch]) -> list[list[Fetch]]:
    """Group fetches in the order they began; a window that overlaps another of its layer starts the next layer."""
    return _cut(readings, lambda _: True)


def _cut(readings: Iterable[Fetch], cuts: Callable[[Fetch], bool]) -> list[list[Fetch]]:
    result: list[list[Fetch]] = []
    for reading in sorted(readings, key=lambda reading: (reading.fetched_at, reading.landing)):
        if not result or any(reading.window.overlaps(other.window) for other in filter(cuts, result[-1])):
            result.append([])
        result[-1].append(reading)
    return result


def fold(existing: pa.Table, sightings: Iterable[Sighting]) -> Merged:
    """Fold what a generation listed of one month into the month's table (LAKE_SCHEMA), layer by layer."""
    by_landing = {sighting.fetch.landing: sighting for sighting in sightings}
    whole = Merged(existing, 0, 0, 0)
    for layer in layers(sighting.fetch for sighting in by_landing.values()):
        steps, listed_again = _steps(whole.table, [by_landing[reading.landing] for reading in layer])
        for step in steps:
            merged = merge(
                whole.table,
                newest_versions(pa.concat_tables([sighting.recordings for sighting in step]), listed_again),
                [sid for sighting in step for sid in sighting.rejected_sids],
                [sighting.fetch for sighting in step],
            )
            whole = Merged(
                merged.table,
                whole.new + merged.new,
                whole.changed + merged.changed,
                whole.deleted + merged.deleted,
                pa.concat_tables([whole.corrections, merged.corrections]),
                pa.concat_tables([whole.changes, merged.changes]),
                pa.concat_tables([whole.went_back, merged.went_back]),
                whole.moved + merged.moved,
            )
    return whole


def _steps(existing: pa.Table, layer: list[Sighting]) -> tuple[list[list[Sighting]], pa.Array]:
    """Merge a layer at once, or fetch by fetch if a recording moved between their days.

    Which fetches form a layer depends on where normalizing began; when a recording was seen to change must not.
    Returns also the sids that the layer lists more than once.
    """
    of_day = ["recording_sid", "created_at"]
    places = pa.concat_tables([sighting.recordings.select(of_day) for sighting in layer])
    listed_again = sids = repeated(places["recording_sid"])
    if len(layer) == 1:
        return [layer], listed_again
    if existing.num_rows:
        is_seen = pc.is_in(existing["recording_sid"], value_set=places["recording_sid"].combine_chunks())
        places = pa.concat_tables([places, existing.select(of_day).filter(is_seen).cast(places.schema)])
        sids = repeated(places["recording_sid"])
    doubles = places.filter(pc.is_in(places["recording_sid"], value_set=sids))
    is_at_once = doubles.group_by(of_day).aggregate([]).num_rows == len(sids)
    return [layer] if is_at_once else [[sighting] for sighting in layer], listed_again


def merge(
    existing: pa.Table, seen: pa.Table, rejected_sids: Sequence[str], readings: Iterable[Fetch]
) -> Merged:
    """Fold what a layer listed of one month into the month's table. Applying a layer twice gives the same table.

    Args:
        existing: The month so far (LAKE_SCHEMA).
        seen: The listed recordings (SEEN_SCHEMA), one row each.
        rejected_sids: Recordings that were listed but rejected, so they are not gone.
        readings: The fetches of the layer that touch the month.
    """
    if not existing.num_rows:
        first = _first_sighting(seen)
        return Merged(in_lake_order(first), first.num_rows, 0, _valid(first["deleted_at"]))
    place = pc.index_in(existing["recording_sid"], value_set=seen["recording_sid"].combine_chunks())
    unlisted = existing.filter(pc.is_null(place))
    before, after = existing.filter(pc.is_valid(place)), seen.take(pc.drop_null(place))
    after = with_known_cost(before, after)
    is_known = pc.is_in(seen["recording_sid"], value_set=existing["recording_sid"].combine_chunks())
    is_fresh = pc.invert(is_known.combine_chunks())
    first = _first_sighting(seen)
    is_replaced = _is_newer(before, after)
    listed = _newer_content(before, after, is_replaced)
    is_deleted = pc.and_(pc.is_null(before["deleted_at"]), pc.is_valid(listed["deleted_at"]))
    is_back = pc.and_(pc.is_valid(before["deleted_at"]), pc.is_null(listed["deleted_at"]))
    is_changed = pc.and_not(pc.or_(is_replaced, is_back), is_deleted)
    gone_at = gone_since(unlisted, rejected_sids, readings)
    counts = {
        "new": is_fresh.true_count,
        "changed": pc.sum(is_changed).as_py() or 0,
        "deleted": _valid(gone_at)
        + _valid(first["deleted_at"].filter(is_fresh))
        + (pc.sum(is_deleted).as_py() or 0),
    }
    if not any(counts.values()):
        return Merged(existing, **counts)
    unlisted = with_column(unlisted, "deleted_at", pc.coalesce(unlisted["deleted_at"], gone_at))
    is_kept = pa.concat_arrays([pa.repeat(True, existing.num_rows), is_fresh])
    replaced = before.filter(is_replaced), after.filter(is_replaced)
    return Merged(
        in_lake_order(pa.concat_tables([unlisted, listed, first]), is_kept),
        **counts,
        corrections=corrections(*replaced),
        changes=late_changes(*replaced),
        went_back=_went_back(*replaced),
        moved=_moved(*replaced),
    )


def _valid(values: pa.ChunkedArray) -> int:
    return len(values) - int(values.null_count)


def _is_newer(before: pa.Table, after: pa.Table) -> pa.ChunkedArray:
    """Check which rows have different content that was not fetched earlier.

    The page is older than the existing one only if a generation of several layers is applied a second time.
    """
    is_newer = is_distinct(before, after, CONTENT_NAMES).combine_chunks()
    read_before, read_after = (_landings(table.filter(is_newer)["raw_page"]) for table in (before, after))
    return pa.chunked_array(
        [pc.replace_with_mask(is_newer, is_newer, pc.less_equal(read_before, read_after))]
    )


def _went_back(before: pa.Table, after: pa.Table) -> pa.Table:
    """Return the newer versions whose updated_at is older, and not just missing (then it is created_at)."""
    is_older = pc.and_(
        pc.less(after["updated_at"], before["updated_at"]),
        pc.not_equal(after["updated_at"], after["created_at"]),
    )
    return after.filter(is_older).select(WENT_BACK_SCHEMA.names)


def _moved(before: pa.Table, after: pa.Table) -> int:
    return pc.sum(pc.not_equal(before["created_at"], after["created_at"])).as_py() or 0


def _landings(raw_pages: pa.ChunkedArray) -> pa.Array:
    """Return the folder of each page, which is named after the instant its fetch began."""
    return pc.struct_field(
        pc.extract_regex(raw_pages.combine_chunks(), "(?P<landing>[^/]*)/[^/]*$"), "landing"
    )


def _newer_content(before: pa.Table, after: pa.Table, is_replaced: pa.ChunkedArray) -> pa.Table:
    columns = {
        name: pc.if_else(is_replaced, after[name], before[name]) for name in (*CONTENT_NAMES, "raw_page")
    }
    priced_now = pc.if_else(pc.is_valid(columns["price"]), after["seen_at"], pa.scalar(None, INSTANT))
    columns["first_seen_at"] = before["first_seen_at"]
    columns["first_priced_at"] = pc.coalesce(before["first_priced_at"], priced_now)
    columns["deleted_at"] = deleted_since(
        columns["status"], pc.coalesce(before["deleted_at"], after["seen_at"])
    )
    return pa.table({name: columns[name] for name in LAKE_SCHEMA.names}, LAKE_SCHEMA)


def _first_sighting(fresh: pa.Table) -> pa.Table:
    never = pa.scalar(None, INSTANT)
    columns = {name: fresh[name] for name in (*CONTENT_NAMES, "raw_page")}
    columns["first_seen_at"] = fresh["seen_at"]
    columns["first_priced_at"] = pc.if_else(pc.is_valid(fresh["price"]), fresh["seen_at"], never)
    columns["deleted_at"] = deleted_since(fresh["status"], fresh["seen_at"])
    return pa.table({name: columns[name] for name in LAKE_SCHEMA.names}, LAKE_SCHEMA)
