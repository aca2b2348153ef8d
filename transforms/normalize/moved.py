"""Recordings that moved to another month: each is kept in one place only, with what all of them know about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from transforms.normalize.corrections import corrections
from transforms.normalize.late_changes import late_changes
from transforms.normalize.order import in_lake_order
from transforms.normalize.versions import SEEN_SCHEMA
from transforms.schema import DELETED, LAKE_SCHEMA
from transforms.values.windows import Fetch

_SEEN_LAKE_SCHEMA = LAKE_SCHEMA.append(SEEN_SCHEMA.field("seen_at"))


@dataclass(frozen=True, slots=True)
class Settled:
    """The result of settling moved recordings: places (LAKE_SCHEMA), corrections (CORRECTION_SCHEMA) and changes
    (CHANGE_SCHEMA).
    """

    places: dict[str, pa.Table]
    corrections: pa.Table
    changes: pa.Table


def settle_moved(
    places: Mapping[str, pa.Table], moved_sids: Sequence[str], fetches: Iterable[Fetch]
) -> Settled:
    """Keep each moved recording in one place only.

    A version that is still listed, if only as deleted, wins, then the newest landing, then the newest updated_at. The
    first sighting, wherever it was, is kept. Each version up to it replaced the one before.

    Args:
        places: LAKE_SCHEMA by the name of a part of the lake, each with some of the moved recordings. The same are
            returned.
        moved_sids: The sids of the moved recordings.
        fetches: The fetches that were just folded in.
    """
    seen_at = {fetch.landing: fetch.fetched_at for fetch in fetches}
    is_moved = {
        place: pc.is_in(table["recording_sid"], value_set=pa.array(moved_sids, pa.string()))
        for place, table in places.items()
    }
    versions: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for place, table in places.items():
        for row in table.filter(is_moved[place]).to_pylist():
            versions.setdefault(row["recording_sid"], []).append((place, row))
    winners: dict[str, list[dict[str, Any]]] = {place: [] for place in places}
    replaced: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for sightings in versions.values():
        place, winner = max(sightings, key=lambda sighting: _recency(sighting[1]))
        until_winner = sorted(
            (row for _, row in sightings if row is winner or _landing(row) < _landing(winner)), key=_landing
        )
        for before, after in pairwise(_with_firsts(until_winner)):
            landing = after["raw_page"].rpartition("/")[0]
            if landing in seen_at:
                replaced.append((before, {**after, "seen_at": seen_at[landing]}))
        winners[place].append(winner | _firsts(row for _, row in sightings))
    unmoved = {place: table.filter(pc.invert(is_moved[place])) for place, table in places.items()}
    return Settled(
        {place: _settled(table, winners[place]) for place, table in unmoved.items()},
        corrections(*_pairs(replaced)),
        late_changes(*_pairs(replaced)),
    )


def _firsts(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return when a recording was first seen and first priced, as far as these rows of it know."""
    rows = list(rows)
    return {
        when: min((row[when] for row in rows if row[when]), default=None)
        for when in ("first_seen_at", "first_priced_at")
    }


def _with_firsts(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let each row know what the rows before it know."""
    return [row | _firsts(rows[: place + 1]) for place, row in enumerate(rows)]


def _pairs(replaced: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> tuple[pa.Table, pa.Table]:
    replaced = list(replaced)
    return (
        pa.Table.from_pylist([before for before, _ in replaced], LAKE_SCHEMA),
        pa.Table.from_pylist([after for _, after in replaced], _SEEN_LAKE_SCHEMA),
    )


def _landing(row: Mapping[str, Any]) -> str:
    # The folder of the page is named after the instant its fetch began.
    return str(row["raw_page"].split("/")[-2])


def _recency(row: Mapping[str, Any]) -> tuple[bool, str, Any]:
    # One that is listed as deleted is listed: only a day that no longer lists it says nothing of other days.
    is_listed = row["deleted_at"] is None or row["status"] == DELETED
    return is_listed, _landing(row), row["updated_at"]


def _settled(unmoved: pa.Table, winners: list[dict[str, Any]]) -> pa.Table:
    return in_lake_order(pa.concat_tables([unmoved, pa.Table.from_pylist(winners, LAKE_SCHEMA)]))
