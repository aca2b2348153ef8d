"""Bring landed Usage Records into one table per account."""

from pathlib import Path

from msgspec.structs import replace

from flows.normalize.dropped import refuse_dropped
from flows.stores.lake.usage_records import AppliedUsage, UsageRecords, raw_usage
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
    pending = raw.pending(account_sid, applied.position, applied.latest) if applied else None
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
