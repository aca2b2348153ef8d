"""One step of normalizing: fold the landings of one generation into the lake, month by month.

A generation is a set of landings in which no two whole ones share a day. Only the months in progress are in memory.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from flows.stores.lake.lake import Lake
from flows.stores.lake.state import AppliedLanding, FoundOddity
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.normalize.corrections import add_corrections
from transforms.normalize.late_changes import add_changes
from transforms.normalize.moved import settle_moved
from transforms.normalize.rejects import remaining_rejects
from transforms.normalize.versions import SEEN_SCHEMA, Sighting, fold
from transforms.pages.batches import LISTED_SCHEMA
from transforms.pages.recordings import Listed, list_recordings
from transforms.schema import LAKE_SCHEMA
from transforms.values.dates import INSTANT
from transforms.values.windows import Fetch, is_created_in, month_windows


@dataclass(slots=True)
class AppliedGeneration:
    """What a generation changed in the lake: recordings in total, and the result of each landing."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    landings: list[AppliedLanding] = field(default_factory=list)


@dataclass(slots=True)
class _MonthSeen:
    """What a generation listed for one month, by fetch."""

    month: str
    sightings: list[Sighting] = field(default_factory=list)


def apply_generation(
    raw: RawPages, lake: Lake, account_sid: str, landings: list[Landing], *, is_redone: bool = False
) -> AppliedGeneration | None:
    """Fold one generation of an account's landings into the lake.

    Returns None, and leaves the lake as it was, if a recording moved to another month and there are several landings.
    They have to be applied one by one then: which landings form a generation depends on where normalizing began, and
    what the lake says of a recording that moved must not. Applying a generation twice is harmless.

    is_redone: an earlier attempt may have been interrupted halfway.
    """
    result = AppliedGeneration()
    listed: dict[Landing, Listed] = {}
    new_by_fetch: Counter[datetime] = Counter()
    stored_rejects = lake.rejects.read(account_sid)
    understood, months = [], []
    for seen in _months_seen(raw, landings, listed):
        merged = fold(lake.read(account_sid, seen.month), seen.sightings)
        if merged.is_changed:
            lake.prepare(account_sid, seen.month, merged.table)
        fetches = [sighting.fetch for sighting in seen.sightings]
        new_by_fetch.update(_first_seen_by(merged.table, fetches))
        understood += [
            _common(stored_rejects["recording_sid"], sighting.recordings["recording_sid"])
            for sighting in seen.sightings
        ]
        result.new += merged.new
        result.changed += merged.changed
        result.deleted += merged.deleted
        months.append(replace(merged, table=LAKE_SCHEMA.empty_table()))
    moved = dict(lake.in_several_months(account_sid)) if new_by_fetch or is_redone else {}
    if moved and len(landings) > 1:
        lake.withdraw(account_sid)
        return None
    # History first: when the months are replaced, the old prices are gone.
    for merged in months:
        _keep_history(lake, account_sid, merged.corrections, merged.changes)
        _count_went_back(merged.went_back, listed)
    lake.publish(account_sid)
    fetches = [landing.fetch for landing in landings]
    new_by_fetch.subtract(_settle_moves(lake, account_sid, moved, fetches))
    rejects = pa.concat_tables([each.rejects for each in listed.values()])
    lake.rejects.write(
        account_sid, remaining_rejects(stored_rejects, rejects, pa.concat_arrays(understood), fetches)
    )
    result.landings = [
        _outcome(raw, landing, each, new_by_fetch[landing.fetched_at]) for landing, each in listed.items()
    ]
    return result


def _months_seen(
    raw: RawPages, landings: list[Landing], listed: dict[Landing, Listed]
) -> Iterator[_MonthSeen]:
    """Read the landings in the order of their days, and yield a month as soon as no later landing can add to it.

    listed: filled with the counts of each landing, without its recordings, so that only the months in progress are in
    memory.
    """
    under_way: dict[str, _MonthSeen] = {}
    for landing in sorted(landings, key=lambda landing: landing.window):
        for month in [month for month in under_way if month < f"{landing.window.first:%Y-%m}"]:
            yield under_way.pop(month)
        found = list_recordings(raw.pages(landing), landing.account_sid, landing.window)
        recordings, found.recordings = found.recordings, LISTED_SCHEMA.empty_table()
        listed[landing] = found
        rejected_sids = [sid for sid in found.rejects["recording_sid"].to_pylist() if sid]
        seen_at = pa.repeat(pa.scalar(landing.fetched_at, INSTANT), recordings.num_rows)
        recordings = recordings.append_column(SEEN_SCHEMA.field("seen_at"), seen_at)
        parts = month_windows(landing.window.first, landing.window.last)
        for part in parts:
            seen = under_way.setdefault(f"{part.first:%Y-%m}", _MonthSeen(f"{part.first:%Y-%m}"))
            is_here = is_created_in(recordings["created_at"], part)
            here = recordings if len(parts) == 1 else recordings.filter(is_here)
            # A page that is not read may list what the others do not, so nothing counts as deleted.
            fetch = replace(landing.fetch, is_whole=landing.is_whole and not found.is_partial)
            seen.sightings.append(Sighting(fetch, here, rejected_sids))
    yield from under_way.values()


def _settle_moves(
    lake: Lake, account_sid: str, moved: Mapping[str, list[str]], fetches: list[Fetch]
) -> Counter[datetime]:
    """Keep each moved recording in one month only. Returns by how many that reduces what each fetch saw first.

    moved: the months of each recording that is in several.
    """
    months = {month for names in moved.values() for month in names}
    before = {month: lake.read(account_sid, month) for month in months}
    settled = settle_moved(before, list(moved), fetches)
    _keep_history(lake, account_sid, settled.corrections, settled.changes)
    after = settled.months
    # First complete the rows that stay from those that go, then remove the latter: a kill in between loses nothing.
    for earlier, later in ((before, settled.completed), (settled.completed, after)):
        for month in sorted(months):
            if not later[month].equals(earlier[month]):
                lake.replace(account_sid, month, later[month])
    lessened: Counter[datetime] = Counter()
    for month in months:
        lessened.update(_first_seen_by(before[month], fetches))
        lessened.subtract(_first_seen_by(after[month], fetches))
    return lessened


def _keep_history(lake: Lake, account_sid: str, corrected: pa.Table, changed: pa.Table) -> None:
    lake.corrections.write(account_sid, add_corrections(lake.corrections.read(account_sid), corrected))
    lake.changes.write(account_sid, add_changes(lake.changes.read(account_sid), changed))


def _first_seen_by(recordings: pa.Table, fetches: list[Fetch]) -> Counter[datetime]:
    seen = {fetch.fetched_at for fetch in fetches}
    counted = pc.value_counts(recordings["first_seen_at"]).to_pylist()
    return Counter({each["values"]: each["counts"] for each in counted if each["values"] in seen})


def _count_went_back(went_back: pa.Table, listed: Mapping[Landing, Listed]) -> None:
    """Count the versions whose date_updated went back among the oddities of the landings that listed them."""
    by_name = (
        {landing.name: found.oddities for landing, found in listed.items()} if went_back.num_rows else {}
    )
    for row in went_back.to_pylist():
        oddities = by_name[row["raw_page"].rpartition("/")[0]]
        oddities.add(
            "date_updated went back", sid=row["recording_sid"], text=f"{row['updated_at']:%Y-%m-%dT%H:%M:%SZ}"
        )


def _common(sids: pa.ChunkedArray, others: pa.ChunkedArray) -> pa.Array:
    return sids.filter(pc.is_in(sids, value_set=others.combine_chunks())).combine_chunks()


def _outcome(raw: RawPages, landing: Landing, listed: Listed, new: int) -> AppliedLanding:
    manifest = raw.manifest(landing)
    return AppliedLanding(
        landing=landing.name,
        completed_at=manifest.completed_at,
        pages=len(manifest.pages),
        rows=manifest.rows,
        new=new,
        repeated=listed.understood - new,
        rejected=listed.rejects.num_rows,
        outside=listed.outside,
        oddities=[
            FoundOddity(kind, value, oddity.rows, oddity.sid, oddity.text)
            for (kind, value), oddity in sorted(listed.oddities.found.items())
        ],
    )
