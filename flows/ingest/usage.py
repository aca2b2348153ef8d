"""Ingest the Usage Records of Twilio accounts, in addition to their recordings."""

from pathlib import Path

from flows.ingest.known_days import asked_now, covered_now, usage_covered_now
from flows.ingest.workers import Workers
from flows.stage import Clock
from flows.stores.api.client import USAGE
from flows.stores.lake.usage_records import raw_usage
from transforms.ingest.plan import last_asked, windows_of
from transforms.ingest.request import Rules
from transforms.ingest.usage import days_to_read
from transforms.values.windows import Window


def ingest_usage(
    workers: Workers, data_dir: Path, days: Window, rules: Rules, clock: Clock, *, again: bool = False
) -> None:
    """Land the Usage Records of the days that have to be read: those never read, and those that may have changed.

    again: read every one of these days that is over. A landing that a killed run left unfinished is discarded, and its
    days are read again. Raises ApiError or DataError; pages landed until then are kept.
    """
    raw, sid, today = raw_usage(data_dir), workers.account_sid, clock().date()
    for interrupted in raw.unfinished(sid):
        raw.discard(interrupted)
    read, asked = usage_covered_now(data_dir, sid), asked_now(data_dir, sid)
    recordings = {
        day: covered._replace(fetched_at=last_asked(covered, asked))
        for day, covered in covered_now(data_dir, sid).items()
    }
    for window in windows_of(days_to_read(days, today, {} if again else read, rules, recordings)):
        landing = raw.begin(sid, window, clock())
        writer = raw.writer(landing)
        with workers.api() as api:
            pager = api.usage_pager(window)
            while (url := pager.url) is not None:
                body, envelope = api.fetch(url, USAGE)
                pager.follow(len(body), envelope)
                writer.add(url, body, envelope.rows)
        writer.complete(clock())
