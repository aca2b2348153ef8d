"""The days of an account that were read so far, and how many recordings they have."""

from datetime import date
from pathlib import Path

from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from transforms.values.covered import with_fetch
from transforms.values.windows import CoveredDay


def covered_now(data_dir: Path, account_sid: str) -> dict[date, CoveredDay]:
    """Return every day (UTC) that complete landings cover, with its last fetch.

    The lake has them, except for the landings since it was last brought up to date.
    """
    raw, commit = RawPages(data_dir), Lake(data_dir).commit(account_sid)
    if commit is None or not raw.journal(account_sid).has(commit.position):
        return raw.covered(account_sid)
    spans = commit.covered
    for landing in raw.readable(account_sid, commit.position):
        spans = with_fetch(spans, landing.fetch)
    return {day.day: day for day in raw.days_of(account_sid, spans)}
