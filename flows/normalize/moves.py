"""Find recordings that moved to another place in the lake, without having all of them in memory."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from flows.stores.lake.commit import LakeFile
from flows.stores.lake.lake import Lake
from transforms.values.fingerprints import Fingerprints, fingerprints, is_among, repeated_fingerprints


def moved_recordings(
    lake: Lake,
    account_sid: str,
    before: Mapping[str, Sequence[LakeFile]],
    after: Mapping[str, Sequence[LakeFile]],
    new_by_part: Sequence[tuple[str, Fingerprints]],
    fetched: Sequence[datetime],
) -> dict[str, list[str]]:
    """Find recordings that were already elsewhere in the lake, or are in two places now: sid → month of each place.

    before, after: files by month (YYYY-MM). new_by_part: the month of each part, and the fingerprints of the sids that
    are new in it. fetched: when the fetches began by which they are new.
    """
    if not new_by_part:
        return {}
    new = np.concatenate([each for _, each in new_by_part])
    new.sort()
    known = list(_with_fingerprints(lake, account_sid, before, new))
    suspects = np.concatenate([repeated_fingerprints(new), *(fingerprints(sids) for _, sids in known)])
    suspects.sort()
    # Only now, and hardly ever, the new ones are looked at themselves: all of them may be too many for the memory.
    months = {month for month, each in new_by_part if is_among(each, suspects).any()}
    files = {month: after[month] for month in sorted(months)}
    fresh = list(_with_fingerprints(lake, account_sid, files, suspects, fetched))
    places: dict[str, list[str]] = {sid: [] for _, sids in fresh for sid in sids.to_pylist()}
    for month, sids in (*known, *fresh):
        for sid in sids.to_pylist():
            if sid in places:
                places[sid].append(month)
    return {sid: found for sid, found in places.items() if len(found) > 1}


def _with_fingerprints(
    lake: Lake,
    account_sid: str,
    months: Mapping[str, Sequence[LakeFile]],
    wanted: Fingerprints,
    fetched: Sequence[datetime] | None = None,
) -> Iterator[tuple[str, pa.Array]]:
    """Yield which recordings in files of months have these fingerprints (sorted), if any do.

    fetched: only those that were first seen by these fetches.
    """
    for month, files in months.items():
        for file in files:
            if not lake.may_have(account_sid, file, wanted):
                continue
            sids = lake.sids(account_sid, file, fetched)
            found = sids.filter(pa.array(is_among(fingerprints(sids), wanted)))
            if len(found):
                yield month, found
