"""The usual way: json, email.utils, Decimal, a pandas DataFrame and `to_parquet`, in straightforward code.

It produces the same recordings, instants and prices as ours, but nothing else: no check of digests, no rejects, no
oddities, no versions, no original text of the price.
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from tests.benchmarks.measure.task import Task
from tests.benchmarks.pages.page_files import bodies

_COLON_ZONE = re.compile(r"([+-]\d\d):(\d\d)$")


def prepare(task: Task) -> Callable[[], None]:
    """Prepare to write one Parquet file of all recordings to `out`."""
    assert task.landed is not None
    task.out.mkdir(parents=True)
    pages = bodies(task.landed, in_memory=task.in_memory)
    path = task.out / "recordings.parquet"
    return lambda: write(pages(), path)


def write(pages: Iterable[bytes], path: Path) -> None:
    """Read pages and write their recordings as one Parquet file."""
    read_json = partial(json.loads, parse_float=Decimal)
    write_recordings((recording for page in pages for recording in read_json(page)["recordings"]), path)


def write_recordings(recordings: Iterable[dict[str, Any]], path: Path) -> None:
    """Build a DataFrame of recordings, drop duplicates, and write it."""
    rows = [row(recording) for recording in recordings]
    frame = pd.DataFrame(rows).drop_duplicates("recording_sid").sort_values(["created_at", "recording_sid"])
    frame.to_parquet(path, compression="zstd", index=False)


def row(recording: dict[str, Any]) -> dict[str, Any]:
    """Convert one recording to typed values."""
    channels = recording["channels"]
    duration = recording["duration"]
    price = recording["price"]
    currency = recording["price_unit"]
    return {
        "recording_sid": recording["sid"],
        "account_sid": recording["account_sid"],
        "call_sid": recording["call_sid"],
        "conference_sid": recording["conference_sid"],
        "source": recording["source"],
        "status": recording["status"].lower(),
        "channels": None if channels is None else int(channels),
        "duration_seconds": None if duration is None else int(duration),
        "price": None if price is None else Decimal(price),
        "currency": None if currency is None else currency.upper(),
        "created_at": instant(recording["date_created"]),
        "updated_at": instant(recording["date_updated"]),
        "started_at": instant(recording["start_time"]),
        "ended_at": instant(recording["end_time"]),
        "error_code": None if recording["error_code"] is None else str(recording["error_code"]),
        "uri": recording["uri"],
    }


def instant(text: str | None) -> datetime | None:
    """Parse a date to an instant in UTC. Dates that the standard library can't parse, or misreads, need extra code."""
    if text is None:
        return None
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return odd_instant(text)
    if found.tzinfo is None:  # "-0000" is UTC, but "-05:00" is silently dropped
        return odd_instant(text)
    return found.astimezone(UTC)


def odd_instant(text: str) -> datetime:
    """Parse a date in ISO 8601, with "Sept", or with a zone that the standard library does not support."""
    if text[:1].isdigit() and text[4:5] == "-":
        return datetime.fromisoformat(text).astimezone(UTC)
    found = parsedate_to_datetime(_COLON_ZONE.sub(r"\1\2", text.replace("Sept ", "Sep ")))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
