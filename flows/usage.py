"""Usage Records of the accounts that have them: read beside the recordings, and brought into one table an account."""

from collections import Counter
from pathlib import Path

from flows.lanes import Clock, Lanes
from flows.stores.recordings_api import USAGE
from flows.stores.usage_records import UsageRecords, raw_usage
from transforms.plan import Rules, windows_of
from transforms.usage import USAGE_SCHEMA, days_to_read, fold_usage, read_usage
from transforms.windows import Window, covered_days


def ingest_usage(
    lanes: Lanes, data_dir: Path, days: Window, rules: Rules, clock: Clock, *, again: bool = False
) -> None:
    """Land the usage of the days that have to be read: those never read, and those that may still change.

    again: read every one of them that is over. What a run that was killed left unfinished is read anew. Raises ApiError
    or DataError; what has landed is kept.
    """
    raw, sid, today = raw_usage(data_dir), lanes.account_sid, clock().date()
    for broken_off in raw.unfinished(sid):
        raw.discard(broken_off)
    read = {day.day: day for day in covered_days(landing.reading for landing in raw.complete(sid))}
    for window in windows_of(days_to_read(days, today, {} if again else read, rules)):
        landing = raw.begin(sid, window, clock())
        writer = raw.writer(landing)
        with lanes.api() as api:
            pager = api.usage_pager(window)
            while (url := pager.url) is not None:
                body, envelope = api.fetch(url, USAGE)
                pager.advance(envelope.next_page_uri)
                writer.add(url, body, envelope.rows)
        writer.complete(clock())


def normalize_usage(data_dir: Path, account_sid: str, *, rebuild: bool = False) -> Counter[tuple[str, str]]:
    """Bring the account's table up to all its complete landings; how often each (kind, value) was odd in new ones.

    Raises DataError when a raw page is not what was received.
    """
    raw, records = raw_usage(data_dir), UsageRecords(data_dir)
    landings = raw.complete(account_sid)
    if not landings:
        records.remove(account_sid)
        return Counter()
    applied = None if rebuild else records.applied(account_sid, landings)
    before = USAGE_SCHEMA.empty_table() if applied is None else records.read(account_sid)
    oddities: Counter[tuple[str, str]] = Counter()
    readings = []
    for landing in landings[applied or 0 :]:
        usage = read_usage(raw.pages(landing), account_sid, landing.window)
        oddities.update(usage.oddities)
        readings.append((landing.name, usage))
    if readings or applied is None:
        records.write(account_sid, fold_usage(before, readings), landings)
    return oddities
