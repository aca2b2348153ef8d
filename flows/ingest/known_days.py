"""The days of an account that were read so far, and how many recordings they have."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

from flows.stores.folder.account_state import AccountStates
from flows.stores.lake.lake import Lake
from flows.stores.lake.usage_records import UsageRecords, raw_usage
from flows.stores.raw.journal import START, Position
from flows.stores.raw.raw_pages import RawPages
from transforms.values.covered import CoveredSpan, with_fetch
from transforms.values.windows import CoveredDay, Window, days_of


def covered_now(data_dir: Path, account_sid: str) -> dict[date, CoveredDay]:
    """Return every day (UTC) that complete landings cover, with its last fetch.

    The lake has them, except for the landings since it was last brought up to date.
    """
    commit = Lake(data_dir).commit(account_sid)
    return _covered(RawPages(data_dir), account_sid, (commit.position, commit.covered) if commit else None)


def asked_now(data_dir: Path, account_sid: str) -> dict[date, datetime]:
    """Return when (UTC) the unsettled recordings of days were last asked for by themselves."""
    return AccountStates(data_dir).read(account_sid).asked


def note_asked(
    data_dir: Path,
    account_sid: str,
    covered: Mapping[date, CoveredDay],
    window: Window,
    began: datetime,
) -> None:
    """Record when (UTC) all unsettled recordings of some days were asked for by themselves. Forgets days read since."""
    states = AccountStates(data_dir)
    before = states.read(account_sid).asked
    asked = {
        day: instant
        for day, instant in {**before, **dict.fromkeys(days_of(window), began)}.items()
        if day in covered and covered[day].fetched_at < instant
    }
    states.change(account_sid, asked=asked)


def usage_covered_now(data_dir: Path, account_sid: str) -> dict[date, CoveredDay]:
    """Return every day (UTC) whose Usage Records were read, with its last fetch. The table has most of them."""
    applied = UsageRecords(data_dir).applied(account_sid)
    return _covered(
        raw_usage(data_dir), account_sid, (applied.position, applied.covered) if applied else None
    )


def _covered(
    raw: RawPages, account_sid: str, known: tuple[Position, Sequence[CoveredSpan]] | None
) -> dict[date, CoveredDay]:
    """Return the days of all complete landings. known: those up to a position of the journal."""
    position, spans = known or (START, [])
    pending = raw.pending(account_sid, position) if known else None
    if pending is None:
        return raw.covered(account_sid)
    for landing in pending:
        spans = with_fetch(spans, landing.fetch)
    return {day.day: day for day in raw.days_of(account_sid, spans)}
