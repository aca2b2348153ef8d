"""Bring landed Usage Records into one table per account."""

from pathlib import Path

from flows.normalize.dropped import refuse_dropped
from flows.stores.lake.usage_records import UsageRecords, raw_usage
from transforms.normalize.usage import fold_usage
from transforms.pages.oddities import Oddities
from transforms.pages.usage import USAGE_SCHEMA, read_usage


def normalize_usage(data_dir: Path, account_sid: str, *, rebuild: bool = False) -> Oddities:
    """Bring the account's table up to date with all its complete landings.

    Returns what is odd about the rows of the landings applied now. Raises DataError when a raw page is not
    what was received.
    """
    raw, records = raw_usage(data_dir), UsageRecords(data_dir)
    landings = raw.complete(account_sid)
    if not landings:
        records.remove(account_sid)
        return Oddities()
    applied = None if rebuild else records.applied(account_sid, landings)
    if applied is None:
        refuse_dropped(raw, account_sid, records.path(account_sid))
    before = USAGE_SCHEMA.empty_table() if applied is None else records.read(account_sid)
    oddities = Oddities()
    fetched = []
    for landing in landings[applied or 0 :]:
        usage = read_usage(raw.pages(landing), account_sid, landing.window)
        oddities.update(usage.oddities)
        fetched.append((landing.name, usage))
    if fetched or applied is None:
        records.write(account_sid, fold_usage(before, fetched), landings)
    return oddities
