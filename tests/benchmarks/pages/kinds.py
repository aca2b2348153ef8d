"""Kinds of pages that vendors send without notice: the same recordings, with a new field or in other forms of dates."""

import re
import tempfile
from collections.abc import Callable
from datetime import timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

from flows.stores.raw.raw_pages import RawPages

_DATE = re.compile(rb'"([A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d) \+0000"')
_ZONES = [timezone(timedelta(hours=hours)) for hours in (-8, -5, 1, 2)]
_FIRST_FIELD = b'{"sid":'

Change = Callable[[bytes, int], bytes]
"""Changes the JSON of the n-th recording of a page."""


def _with_unknown_field(recording: bytes, _: int) -> bytes:
    return recording.replace(b'"api_version":', b'"edge_location":"ashburn","api_version":')


def _with_sept(recording: bytes, _: int) -> bytes:
    return re.sub(rb"(, \d\d) Sep (\d{4} )", rb"\1 Sept \2", recording)


def _with_other_dates(recording: bytes, number: int) -> bytes:
    """Write dates in ISO 8601, those of the next recording with another offset, and then in RFC 2822 with an offset."""
    zone = _ZONES[number % len(_ZONES)]

    def changed(found: re.Match[bytes]) -> bytes:
        moment = parsedate_to_datetime(f"{found[1].decode()} +0000")
        local = moment.astimezone(zone)
        forms = (f"{moment:%Y-%m-%dT%H:%M:%SZ}", local.isoformat(), format_datetime(local))
        return b'"%b"' % forms[number % len(forms)].encode()

    return _DATE.sub(changed, recording)


def _mixed(recording: bytes, number: int) -> bytes:
    return (*KINDS.values(),)[number % (len(KINDS) - 1)](recording, number)


KINDS: dict[str, Change] = {
    "common": lambda recording, _: recording,
    "unknown field": _with_unknown_field,
    "Sept": _with_sept,
    "ISO and offset dates": _with_other_dates,
    "all mixed": _mixed,
}


def _changed(body: bytes, change: Change) -> bytes:
    start, *recordings = body.split(_FIRST_FIELD)
    return _FIRST_FIELD.join([start, *(change(each, number) for number, each in enumerate(recordings))])


def landed_as(kind: str, landed: Path) -> Path:
    """Return a data folder with the same landings, their pages changed to a kind. It is kept next to theirs."""
    folder = landed.with_name(f"{landed.name}-{kind.replace(' ', '-').lower()}")
    if kind == "common":
        return landed
    if not folder.exists():
        temporary = Path(tempfile.mkdtemp(prefix=".changing-", dir=landed.parent))
        raw, changed = RawPages(landed), RawPages(temporary)
        for account_sid in raw.accounts():
            for landing in raw.readable(account_sid):
                manifest = raw.manifest(landing)
                writer = changed.writer(changed.begin(account_sid, landing.window, landing.fetched_at))
                for page, listed in zip(raw.pages(landing), manifest.pages, strict=True):
                    writer.add(manifest.url, _changed(page.body, KINDS[kind]), listed.rows)
                writer.complete(manifest.completed_at)
        temporary.rename(folder)
    return folder
