"""Pages, recordings and instants written by hand, for the tests of the transforms."""

import json
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from transforms.pages.recordings import Listed, Page, list_recordings
from transforms.values.windows import Fetch, Window

ACCOUNT = "720796a0-8ee9-4350-83bd-2d07a3121f1e"

# A recording, each field as its JSON text on the page.
_RECORDING = {
    "account_sid": f'"{ACCOUNT}"',
    "api_version": '"2010-04-01"',
    "call_sid": '"43bb71ee-553f-4074-bb20-8e2747647cce"',
    "conference_sid": "null",
    "channels": "1",
    "date_created": '"Tue, 25 Sep 2018 23:00:00 +0000"',
    "date_updated": '"Wed, 26 Sep 2018 23:00:04 +0000"',
    "start_time": '"Tue, 25 Sep 2018 23:00:00 +0000"',
    "end_time": '"Wed, 26 Sep 2018 23:00:04 +0000"',
    "price": '"-0.0025"',
    "price_unit": '"USD"',
    "duration": '"4"',
    "source": '"DialVerb"',
    "status": '"completed"',
    "error_code": "null",
    "uri": '"/api/laml/2010-04-01/Accounts/A/Recordings/R.json"',
}


def recording(sid: str | None = '"R"', **json_texts: str | None) -> bytes:
    """Make the JSON of a recording. Each field is given as JSON text; None leaves it out."""
    fields = {"sid": sid} | _RECORDING | json_texts
    return "".join(
        ["{", ", ".join(f'"{name}": {text}' for name, text in fields.items() if text is not None), "}"]
    ).encode()


def page_body(*recordings: bytes, next_page_uri: bytes = b"null") -> bytes:
    """Make a page as the API sends it: the seven keys of the envelope and nothing else."""
    return (
        b'{"uri": "/u", "first_page_uri": "/f", "next_page_uri": '
        + next_page_uri
        + b', "previous_page_uri": null, "page": 0, "page_size": 50, "recordings": ['
        + b", ".join(recordings)
        + b"]}"
    )


def quoted(text: str) -> str:
    """Encode a text as a JSON string."""
    return json.dumps(text)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """Make an instant in UTC."""
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


_UTC_ONLY: st.SearchStrategy[tzinfo] = st.just(UTC)


def instants_between(
    first: datetime, last: datetime, timezones: st.SearchStrategy[tzinfo] = _UTC_ONLY
) -> st.SearchStrategy[datetime]:
    """Generate instants whose local date and time is between those of two others."""
    naive = st.datetimes(first.replace(tzinfo=None), last.replace(tzinfo=None))
    return st.tuples(naive, timezones).map(lambda drawn: drawn[0].replace(tzinfo=drawn[1]))


EVER = Window(date(1970, 1, 1), date(2999, 12, 31))


def listed(*recordings: bytes, window: Window = EVER, account_sid: str = ACCOUNT) -> Listed:
    """Parse one page of these recordings."""
    return list_recordings([Page("landing/page-00000", page_body(*recordings))], account_sid, window)


def rows(table: pa.Table) -> list[dict[str, object]]:
    """Return a table's rows."""
    found: list[dict[str, object]] = table.to_pylist()
    return found


def fetch_of(first: date, last: date, fetched_at: datetime, landing: str = "landing") -> Fetch:
    """Make a complete fetch of the days first to last."""
    return Fetch(Window(first, last), fetched_at, landing)


# Rows of the lake

Row = dict[str, Any]

CREATED = utc(2018, 9, 25, 23)
UPDATED = utc(2018, 9, 26, 23, 0, 4)
FIRST_FETCH = utc(2018, 10, 1, 6)
SECOND_FETCH = utc(2018, 10, 2, 6)
THIRD_FETCH = utc(2018, 10, 3, 6)


def content(sid: str, **changes: object) -> Row:
    return {
        "recording_sid": sid,
        "account_sid": "AC",
        "call_sid": "CA",
        "conference_sid": None,
        "source": "DialVerb",
        "source_raw": "dialverb",
        "status": "completed",
        "channels": 1,
        "duration_seconds": 4,
        "price": Decimal("-0.0025"),
        "price_raw": "-0.0025",
        "currency": "USD",
        "created_at": CREATED,
        "updated_at": UPDATED,
        "started_at": CREATED,
        "ended_at": None,
        "error_code": None,
        "uri": "/r.json",
        "media_location": None,
        "is_encrypted": False,
    } | changes


def seen_row(sid: str, seen_at: datetime = FIRST_FETCH, **changes: object) -> Row:
    return content(sid) | {"raw_page": f"raw/AC/w/{seen_at:%dT%H}/page-00000", "seen_at": seen_at} | changes


def lake_row(sid: str, seen_at: datetime = FIRST_FETCH, **changes: object) -> Row:
    sighting = {
        "first_seen_at": seen_at,
        "first_priced_at": seen_at,
        "deleted_at": None,
        "raw_page": f"raw/AC/w/{seen_at:%dT%H}/page-00000",
    }
    return content(sid) | sighting | changes
