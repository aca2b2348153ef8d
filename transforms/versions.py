"""Which version of a recording counts: yesterday's lake and what a new reading lists, folded into one table.

Readings are applied in the order they were begun, in *generations*: readings whose windows share no day. So within
a generation each day is listed once, and a recording that its day no longer lists is gone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from transforms.corrections import CORRECTION_SCHEMA, corrections
from transforms.dates import INSTANT
from transforms.listing import LISTED_SCHEMA
from transforms.schema import CONTENT_NAMES, LAKE_SCHEMA
from transforms.windows import Reading, is_created_in

SEEN_SCHEMA = LISTED_SCHEMA.append(pa.field("seen_at", INSTANT))
"""A listed recording and the instant its reading was begun."""

_SEEN_LAKE_SCHEMA = LAKE_SCHEMA.append(SEEN_SCHEMA.field("seen_at"))
_LAKE_ORDER = [("created_at", "ascending"), ("recording_sid", "ascending")]
_NEWEST_FIRST = [
    ("recording_sid", "ascending"),
    ("updated_at", "descending"),
    ("seen_at", "descending"),
    ("raw_page", "descending"),
]


@dataclass(frozen=True, slots=True)
class Merged:
    """A month after a generation: the whole table (LAKE_SCHEMA, sorted), and how many rows came, changed, went.

    Without any such row the table is the very one that was there. corrections: CORRECTION_SCHEMA.
    """

    table: pa.Table
    new: int
    changed: int
    deleted: int
    corrections: pa.Table = field(default_factory=CORRECTION_SCHEMA.empty_table)

    @property
    def is_changed(self) -> bool:
        """Whether the month has to be written."""
        return bool(self.new or self.changed or self.deleted)


def generations(readings: Iterable[Reading]) -> list[list[Reading]]:
    """Readings in the order they were begun, cut where a window overlaps another of its generation."""
    result: list[list[Reading]] = []
    for reading in sorted(readings, key=lambda reading: (reading.fetched_at, reading.landing)):
        if not result or any(reading.window.overlaps(other.window) for other in result[-1]):
            result.append([])
        result[-1].append(reading)
    return result


def newest_versions(seen: pa.Table) -> pa.Table:
    """One row per recording_sid: the newest updated_at, then the newest seen_at. SEEN_SCHEMA in and out."""
    if pc.count_distinct(seen["recording_sid"]).as_py() == seen.num_rows:
        return seen
    ordered = seen.take(pc.sort_indices(seen, _NEWEST_FIRST))
    sids = ordered["recording_sid"].combine_chunks()
    is_newest = pa.concat_arrays([pa.array([True]), pc.not_equal(sids[1:], sids[:-1])])
    return ordered.filter(is_newest)


def merge(
    existing: pa.Table, seen: pa.Table, rejected_sids: Sequence[str], readings: Iterable[Reading]
) -> Merged:
    """Fold what a generation saw of one month into the month's table.

    existing: LAKE_SCHEMA. seen: SEEN_SCHEMA, one row per recording. rejected_sids: listed too, but not understood,
    so known not to be gone. readings: those of the generation that touch the month.
    Applying a generation twice gives the same table.
    """
    if not existing.num_rows:
        first = _first_sighting(seen)
        return Merged(first.take(pc.sort_indices(first, _LAKE_ORDER)), first.num_rows, 0, 0)
    place = pc.index_in(existing["recording_sid"], value_set=seen["recording_sid"].combine_chunks())
    unlisted = existing.filter(pc.is_null(place))
    before, after = existing.filter(pc.is_valid(place)), seen.take(pc.drop_null(place))
    fresh = seen.filter(
        pc.invert(pc.is_in(seen["recording_sid"], value_set=existing["recording_sid"].combine_chunks()))
    )
    is_replaced = pc.and_(
        _content_differs(before, after), pc.greater_equal(after["updated_at"], before["updated_at"])
    )
    is_changed = pc.or_(is_replaced, pc.is_valid(before["deleted_at"]))
    gone_at = _gone_at(unlisted, rejected_sids, readings)
    counts = {
        "new": fresh.num_rows,
        "changed": pc.sum(is_changed).as_py() or 0,
        "deleted": len(gone_at) - gone_at.null_count,
    }
    if not any(counts.values()):
        return Merged(existing, **counts)
    whole = pa.concat_tables(
        [
            _with(unlisted, "deleted_at", pc.coalesce(unlisted["deleted_at"], gone_at)),
            _newer_content(before, after, is_replaced),
            _first_sighting(fresh),
        ]
    )
    corrected = corrections(before.filter(is_replaced), after.filter(is_replaced))
    return Merged(whole.take(pc.sort_indices(whole, _LAKE_ORDER)), **counts, corrections=corrected)


@dataclass(frozen=True, slots=True)
class Settled:
    """Months (LAKE_SCHEMA) after moved recordings were settled, and what that corrected (CORRECTION_SCHEMA)."""

    months: dict[str, pa.Table]
    corrections: pa.Table


def settle_moved(
    months: Mapping[str, pa.Table], moved_sids: Sequence[str], readings: Iterable[Reading]
) -> Settled:
    """Keep each moved recording in one month only: one still listed, then the newest updated_at, then landing.

    months: LAKE_SCHEMA by month, each holding some of the moved recordings; the same months come back.
    What recspend saw first, in whichever month, stays. readings: those that were just folded in.
    """
    seen_at = {reading.landing: reading.fetched_at for reading in readings}
    is_moved = {
        month: pc.is_in(table["recording_sid"], value_set=pa.array(moved_sids, pa.string()))
        for month, table in months.items()
    }
    versions: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for month, table in months.items():
        for row in table.filter(is_moved[month]).to_pylist():
            versions.setdefault(row["recording_sid"], []).append((month, row))
    winners: dict[str, list[dict[str, Any]]] = {month: [] for month in months}
    replaced: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for sightings in versions.values():
        month, winner = max(sightings, key=lambda sighting: _recency(sighting[1]))
        landing = winner["raw_page"].rpartition("/")[0]
        if landing in seen_at:
            seen = {**winner, "seen_at": seen_at[landing]}
            replaced += [(row, seen) for _, row in sightings if _landing(row) < _landing(winner)]
        for when in ("first_seen_at", "first_priced_at"):
            winner[when] = min((row[when] for _, row in sightings if row[when]), default=None)
        winners[month].append(winner)
    unmoved = {month: table.filter(pc.invert(is_moved[month])) for month, table in months.items()}
    return Settled(
        {month: _settled(table, winners[month]) for month, table in unmoved.items()},
        corrections(
            pa.Table.from_pylist([before for before, _ in replaced], LAKE_SCHEMA),
            pa.Table.from_pylist([after for _, after in replaced], _SEEN_LAKE_SCHEMA),
        ),
    )


def _landing(row: Mapping[str, Any]) -> str:
    # The folder above the page is named after the instant its walk began.
    return str(row["raw_page"].split("/")[-2])


def _recency(row: Mapping[str, Any]) -> tuple[bool, Any, str]:
    return row["deleted_at"] is None, row["updated_at"], _landing(row)


def _settled(unmoved: pa.Table, winners: list[dict[str, Any]]) -> pa.Table:
    whole = pa.concat_tables([unmoved, pa.Table.from_pylist(winners, LAKE_SCHEMA)])
    return whole.take(pc.sort_indices(whole, _LAKE_ORDER))


def _with(table: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)


def _content_differs(before: pa.Table, after: pa.Table) -> pa.ChunkedArray:
    differs = pa.chunked_array([pa.repeat(False, before.num_rows)])
    for name in CONTENT_NAMES:
        one_is_null = pc.xor(pc.is_null(before[name]), pc.is_null(after[name]))
        is_unequal = pc.fill_null(pc.not_equal(before[name], after[name]), False)
        differs = pc.or_(differs, pc.or_(one_is_null, is_unequal))
    return differs


def _gone_at(
    unlisted: pa.Table, rejected_sids: Sequence[str], readings: Iterable[Reading]
) -> pa.ChunkedArray:
    """When each row was found gone by these readings; null for rows that are not, or were already."""
    gone_at = pa.chunked_array([pa.nulls(unlisted.num_rows, INSTANT)])
    may_be_gone = pc.and_(
        pc.is_null(unlisted["deleted_at"]),
        pc.invert(pc.is_in(unlisted["recording_sid"], value_set=pa.array(rejected_sids, pa.string()))),
    )
    for reading in (each for each in readings if each.is_whole):
        is_gone = pc.and_(may_be_gone, is_created_in(unlisted["created_at"], reading.window))
        gone_at = pc.if_else(is_gone, pa.scalar(reading.fetched_at, INSTANT), gone_at)
    return gone_at


def _newer_content(before: pa.Table, after: pa.Table, is_replaced: pa.ChunkedArray) -> pa.Table:
    columns = {
        name: pc.if_else(is_replaced, after[name], before[name]) for name in (*CONTENT_NAMES, "raw_page")
    }
    priced_now = pc.if_else(pc.is_valid(columns["price"]), after["seen_at"], pa.scalar(None, INSTANT))
    columns["first_seen_at"] = before["first_seen_at"]
    columns["first_priced_at"] = pc.coalesce(before["first_priced_at"], priced_now)
    columns["deleted_at"] = pa.chunked_array([pa.nulls(before.num_rows, INSTANT)])
    return pa.table({name: columns[name] for name in LAKE_SCHEMA.names}, LAKE_SCHEMA)


def _first_sighting(fresh: pa.Table) -> pa.Table:
    never = pa.scalar(None, INSTANT)
    columns = {name: fresh[name] for name in (*CONTENT_NAMES, "raw_page")}
    columns["first_seen_at"] = fresh["seen_at"]
    columns["first_priced_at"] = pc.if_else(pc.is_valid(fresh["price"]), fresh["seen_at"], never)
    columns["deleted_at"] = pa.chunked_array([pa.nulls(fresh.num_rows, INSTANT)])
    return pa.table({name: columns[name] for name in LAKE_SCHEMA.names}, LAKE_SCHEMA)
