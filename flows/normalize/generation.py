"""One step of normalizing: fold the landings of one generation into the lake, part by part of a month.

A generation is a set of landings in which no two whole ones share a day. Only the parts in progress are in memory.
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc
from msgspec.structs import replace

from flows.normalize.history import History
from flows.normalize.moves import moved_recordings
from flows.normalize.outcome import WENT_BACK, outcome
from flows.normalize.parts import Part, ReadLandings, parts_listed, pieces, touched
from flows.stores.lake.commit import AppliedLanding, Commit, LakeFile
from flows.stores.lake.lake import Lake
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.normalize.moved import settle_moved
from transforms.normalize.rejects import remaining_rejects
from transforms.normalize.versions import Merged, fold
from transforms.pages.recordings import Listed
from transforms.schema import LAKE_SCHEMA
from transforms.values.dates import INSTANT
from transforms.values.fingerprints import Fingerprints, fingerprints
from transforms.values.windows import Fetch


@dataclass(slots=True)
class AppliedGeneration:
    """What a generation changes: the lake with it, recordings in total, and what happened to each landing.

    has_moved: a recording is listed with another instant of creation than before. partial: landings of which a page
    could not be read.
    """

    commit: Commit
    new: int = 0
    changed: int = 0
    deleted: int = 0
    landings: dict[Landing, AppliedLanding] = field(default_factory=dict)
    has_moved: bool = False
    partial: set[Landing] = field(default_factory=set)


@dataclass(slots=True)
class _Folded:
    """The files of each month after a fold, what it was the first to see, and the history to keep."""

    months: dict[str, list[LakeFile]]
    corrections: History
    changes: History
    fresh: list[tuple[str, Fingerprints]] = field(default_factory=list)
    new_by_fetch: Counter[datetime] = field(default_factory=Counter)
    understood: list[pa.Array] = field(default_factory=list)
    went_back: list[pa.Table] = field(default_factory=list)


def apply_generation(
    raw: RawPages,
    read: ReadLandings,
    lake: Lake,
    account_sid: str,
    commit: Commit,
    landings: Sequence[Landing],
    whole_months: Collection[str] = (),
) -> AppliedGeneration | None:
    """Fold one generation of an account's landings into what a commit has. Files are written, but not committed.

    Returns None if a recording moved to another place and there are several landings. They have to be applied one by
    one then: which landings form a generation depends on where normalizing began, and what the lake says of a recording
    that moved must not. whole_months: months (YYYY-MM) that are folded in one piece, because a recording moved in them.

    Raises:
        DataError: A page, or a file of the lake, is not as it was written.
    """
    listed: dict[Landing, Listed] = {}
    result = AppliedGeneration(commit)
    corrections, changes = (
        History(lake, account_sid, name, commit.tables.get(name, [])) for name in ("corrections", "changes")
    )
    folded = _Folded({month: list(files) for month, files in commit.months.items()}, corrections, changes)
    stored_rejects = lake.table(account_sid, "rejects", commit)
    fold_part = partial(_fold_part, lake, account_sid, folded, stored_rejects["recording_sid"], whole_months)
    # `map` does not keep a part in memory while the next one is read.
    for merged in map(fold_part, parts_listed(read, landings, listed, whole_months)):
        result.new, result.changed = result.new + merged.new, result.changed + merged.changed
        result.deleted += merged.deleted
        result.has_moved |= merged.moved > 0
    fetched = [landing.fetched_at for landing in landings]
    moved = moved_recordings(lake, account_sid, commit.months, folded.months, folded.fresh, fetched)
    if moved and len(landings) > 1:
        return None
    within = {month for months in moved.values() for month, number in Counter(months).items() if number > 1}
    if within - set(whole_months):
        return apply_generation(raw, read, lake, account_sid, commit, landings, {*whole_months, *within})
    fetches = [landing.fetch for landing in landings]
    _settle_moves(lake, account_sid, moved, fetches, folded)
    for went_back in folded.went_back:
        _count_went_back(went_back, listed)
    rejects = pa.concat_tables([each.rejects for each in listed.values()])
    remaining = remaining_rejects(stored_rejects, rejects, pa.concat_arrays(folded.understood), fetches)
    result.commit = replace(
        commit,
        months={month: files for month, files in sorted(folded.months.items()) if files},
        tables=_tables(
            lake, account_sid, commit, folded, None if remaining.equals(stored_rejects) else remaining
        ),
    )
    result.landings = {
        landing: outcome(landing, raw.manifest(landing), each, folded.new_by_fetch[landing.fetched_at])
        for landing, each in listed.items()
    }
    result.has_moved |= bool(moved)
    result.partial = {landing for landing, each in listed.items() if each.is_partial}
    return result


def _fold_part(
    lake: Lake,
    account_sid: str,
    folded: _Folded,
    rejected: pa.ChunkedArray,
    whole_months: Collection[str],
    part: Part,
) -> Merged:
    """Fold a part into the files it touches. Returns what changed, without the recordings.

    rejected: the sids of the account's rejects; those that are understood now are noted.
    """
    files = folded.months.setdefault(part.month, [])
    places = range(len(files)) if part.month in whole_months else touched(files, part)
    old = files[places.start : places.stop]
    before = lake.read_files(account_sid, old)
    merged = fold(before, part.sightings)
    if merged.is_changed:
        files[places.start : places.stop] = _rewritten(lake, account_sid, part.month, merged.table, old)
    if merged.new:
        fetched = pa.array([sighting.fetch.fetched_at for sighting in part.sightings], INSTANT)
        is_fresh = pc.is_in(merged.table["first_seen_at"], value_set=fetched)
        sids = merged.table["recording_sid"].filter(is_fresh).combine_chunks()
        folded.fresh.append((part.month, fingerprints(sids)))
    folded.new_by_fetch.update(_first_seen_by(merged.table, [sighting.fetch for sighting in part.sightings]))
    folded.understood += [
        _common(rejected, sighting.recordings["recording_sid"]) for sighting in part.sightings
    ]
    folded.corrections.add(merged.corrections)
    folded.changes.add(merged.changes)
    folded.went_back.append(merged.went_back)
    return dataclasses.replace(merged, table=LAKE_SCHEMA.empty_table())


def _rewritten(
    lake: Lake, account_sid: str, month: str, recordings: pa.Table, old: Sequence[LakeFile]
) -> list[LakeFile]:
    """Write recordings in the place of files. A file in which nothing changes has the same name as before."""
    begins = [file.first for file in old if file.first is not None]
    return [lake.write(account_sid, month, piece) for piece in pieces(recordings, begins)]


def _settle_moves(
    lake: Lake, account_sid: str, moved: Mapping[str, Sequence[str]], fetches: list[Fetch], folded: _Folded
) -> None:
    """Keep each recording that moved to another month in one of them only."""
    sids = pa.array([sid for sid, months in moved.items() if len(set(months)) > 1], pa.string())
    if not len(sids):
        return
    places: dict[str, tuple[str, LakeFile]] = {}
    for month in {month for months in moved.values() for month in months}:
        for file in folded.months[month]:
            if pc.any(pc.is_in(lake.sids(account_sid, file), value_set=sids)).as_py():
                places[f"{month} {file.name}"] = month, file
    before = {place: lake.read_files(account_sid, [file]) for place, (_, file) in places.items()}
    settled = settle_moved(before, sids.to_pylist(), fetches)
    folded.corrections.settle(settled.corrections)
    folded.changes.settle(settled.changes)
    for place, (month, file) in places.items():
        files, after = folded.months[month], settled.places[place]
        at = files.index(file)
        if not after.equals(before[place]):
            files[at : at + 1] = _rewritten(lake, account_sid, month, after, [file]) if after.num_rows else []
        folded.new_by_fetch.subtract(_first_seen_by(before[place], fetches))
        folded.new_by_fetch.update(_first_seen_by(after, fetches))


def _tables(
    lake: Lake, account_sid: str, commit: Commit, folded: _Folded, rejects: pa.Table | None
) -> dict[str, list[LakeFile]]:
    """Write the tables that change, and return the files of all. rejects: None if they stay as they are."""
    stored = commit.tables.get("rejects", [])
    if rejects is not None:
        stored = [lake.write_table(account_sid, "rejects", rejects)] if rejects.num_rows else []
    tables = {"rejects": stored, "corrections": folded.corrections.end(), "changes": folded.changes.end()}
    return {name: files for name, files in tables.items() if files}


def _first_seen_by(recordings: pa.Table, fetches: Iterable[Fetch]) -> Counter[datetime]:
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
        oddities.add(WENT_BACK, sid=row["recording_sid"], text=f"{row['updated_at']:%Y-%m-%dT%H:%M:%SZ}")


def _common(sids: pa.ChunkedArray, others: pa.ChunkedArray) -> pa.Array:
    if not len(sids):  # mostly, and looking among many takes time
        return sids.combine_chunks()
    return sids.filter(pc.is_in(sids, value_set=others.combine_chunks())).combine_chunks()
