"""Bring landed Usage Records into one table per account."""

from pathlib import Path

from msgspec.structs import replace

from flows.normalize.dropped import refuse_dropped
from flows.stores.lake.usage_records import AppliedUsage, UsageRecords, raw_usage
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from transforms.normalize.usage import fold_usage
from transforms.pages.oddities import Oddities
from transforms.pages.usage import USAGE_SCHEMA, read_usage
from transforms.values.covered import with_fetch


def normalize_usage(data_dir: Path, account_sid: str, *, rebuild: bool = False) -> Oddities:
    """Bring the account's table up to date with all its complete landings.

    Returns what is odd about the rows of the landings applied now. Raises DataError when a raw page is not
    what was received.
    """
    raw, records = raw_usage(data_dir), UsageRecords(data_dir)
    end = raw.journal(account_sid).end()
    applied = None if rebuild else records.applied(account_sid)
    pending = None if applied is None else _pending(raw, account_sid, applied)
    if applied is not None and pending == []:
        return Oddities()
    if applied is None or pending is None:
        pending, applied, before = raw.complete(account_sid), AppliedUsage(), USAGE_SCHEMA.empty_table()
        if not pending:
            records.remove(account_sid)
            return Oddities()
        refuse_dropped(raw, account_sid, records.path(account_sid))
    else:
        before = records.read(account_sid)
    oddities, fetched, covered = Oddities(), [], applied.covered
    for landing in pending:
        usage = read_usage(raw.pages(landing), account_sid, landing.window)
        oddities.update(usage.oddities)
        fetched.append((landing.name, usage))
        covered = with_fetch(covered, landing.fetch)
    number, latest = applied.landings + len(pending), max(landing.fetched_at for landing in pending)
    now = replace(applied, position=end, landings=number, latest=latest, covered=covered)
    records.write(account_sid, fold_usage(before, fetched), now)
    return oddities


def _pending(raw: RawPages, account_sid: str, applied: AppliedUsage) -> list[Landing] | None:
    """Return the whole landings to apply; None when one of them belongs before those that are applied."""
    if not raw.journal(account_sid).has(applied.position):
        return None
    pending = [each for each in raw.readable(account_sid, applied.position) if each.is_whole]
    latest = applied.latest
    in_order = latest is None or all(landing.fetched_at > latest for landing in pending)
    return pending if in_order else None
