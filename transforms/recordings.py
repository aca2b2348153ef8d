"""Page bytes to an Arrow table of recordings, plus the records that could not be understood.

A page is the body of one answer of the Recordings list API. Nothing here guesses: a record without a sid, without
a readable creation date or with a price that is no number is rejected by name, and every smaller surprise is
counted as an oddity.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from transforms import fields
from transforms.columns import Distinct
from transforms.dates import instants
from transforms.errors import DataError
from transforms.money import PRICE
from transforms.records import Misread, Record, read_records
from transforms.schema import CONTENT_COLUMNS, REJECT_SCHEMA
from transforms.windows import Window, is_created_in

LISTED_SCHEMA = pa.schema(
    [pa.field(column.name, column.type) for column in CONTENT_COLUMNS] + [pa.field("raw_page", pa.string())]
)
"""A listed recording: what the API says, and the page that says so."""

# Enough rows for column work to pay off, few enough for the records to stay in the processor's cache.
_ROWS_AT_ONCE = 5_000
_VALUE_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its name (landing and page, relative to the data folder) and the exact bytes received."""

    name: str
    body: bytes


@dataclass(slots=True)
class Listed:
    """What pages list within a window of creation days.

    recordings: LISTED_SCHEMA, in the order of the pages. rejects: REJECT_SCHEMA. oddities: how often each
    (kind, value) was met. rows = understood + rejects + outside, the latter created outside the window.
    """

    recordings: pa.Table
    rejects: pa.Table
    rows: int
    outside: int
    oddities: Counter[tuple[str, str]]

    @property
    def understood(self) -> int:
        """Rows of the window that were read without trouble, each sighting counted."""
        return self.rows - int(self.rejects.num_rows) - self.outside


def list_recordings(pages: Iterable[Page], account_sid: str, window: Window) -> Listed:
    """Read pages of one account into tables, keeping the rows created in the window.

    The API may be asked wider than the window, so rows outside are counted and left. Raises DataError naming
    the page when a page cannot be understood at all.
    """
    parts = [_list_batch(batch, account_sid, window) for batch in _batches(pages)]
    return Listed(
        pa.concat_tables([LISTED_SCHEMA.empty_table()] + [part.recordings for part in parts]),
        pa.concat_tables([REJECT_SCHEMA.empty_table()] + [part.rejects for part in parts]),
        rows=sum(part.rows for part in parts),
        outside=sum(part.outside for part in parts),
        oddities=sum((part.oddities for part in parts), Counter()),
    )


@dataclass(slots=True)
class _Batch:
    """Records of several pages in one list: columns pay off from some thousand rows on."""

    records: list[Record] = field(default_factory=list)
    page_of_record: list[str] = field(default_factory=list)
    position_in_page: list[int] = field(default_factory=list)
    misread: list[tuple[str, int, Misread]] = field(default_factory=list)
    oddities: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, page: Page) -> None:
        try:
            read = read_records(page.body)
        except DataError as error:
            raise DataError(f"{page.name}: {error}. Delete this landing to fetch it anew.") from None
        self.oddities.update(("unknown field", name) for name in read.unknown_fields)
        self.misread.extend((page.name, position, misread) for position, misread in read.misread)
        self.records.extend(read.records)
        self.position_in_page.extend(read.positions)
        self.page_of_record.extend([page.name] * len(read.records))


def _batches(pages: Iterable[Page]) -> Iterator[_Batch]:
    batch = _Batch()
    for page in pages:
        batch.add(page)
        if len(batch.records) >= _ROWS_AT_ONCE:
            yield batch
            batch = _Batch()
    yield batch


def _list_batch(batch: _Batch, account_sid: str, window: Window) -> Listed:
    records = batch.records
    oddities = batch.oddities

    def read(values: list[Any], reader: Callable[[Any], Any]) -> Distinct[Any, Any]:
        distinct = Distinct(values, reader)
        for value, count, reading in zip(distinct.values, distinct.counts, distinct.readings, strict=True):
            if reading.oddity:
                # The value itself matters where it is kept as a name of its own; there are few of those.
                kept_name = _shown(value) if reading.oddity.startswith("unknown") else ""
                oddities[reading.oddity, kept_name] += count
        return distinct

    def read_dates(name: str, values: list[str | None]) -> pa.Array:
        texts = pa.array(values, pa.string())
        dates = instants(texts)
        if unreadable := dates.null_count - texts.null_count:
            oddities[f"unreadable {name}", ""] += unreadable
        return dates

    created_at = instants(pa.array([record.date_created for record in records], pa.string()))
    updated_at = read_dates("date_updated", [record.date_updated for record in records])
    source_raw = [record.source for record in records]
    price = read([bytes(record.price) for record in records], fields.read_price)
    columns = {
        "recording_sid": pa.array([record.sid for record in records], pa.string()),
        "account_sid": pa.array([record.account_sid or account_sid for record in records], pa.string()),
        "call_sid": pa.array([record.call_sid for record in records], pa.string()),
        "conference_sid": pa.array([record.conference_sid for record in records], pa.string()),
        "source": _values(read(source_raw, fields.read_source), pa.string()),
        "source_raw": pa.array(source_raw, pa.string()),
        "status": _values(read([record.status for record in records], fields.read_status), pa.string()),
        "channels": _values(
            read(
                [record.channel if record.channels is None else record.channels for record in records],
                fields.read_channels,
            ),
            pa.int8(),
        ),
        "duration_seconds": _values(
            read([record.duration for record in records], fields.read_duration), pa.int32()
        ),
        "price": price.column(lambda reading: reading.value, PRICE),
        "price_raw": price.column(lambda reading: reading.text, pa.string()),
        "currency": _values(
            read([record.price_unit for record in records], fields.read_currency), pa.string()
        ),
        "created_at": created_at,
        "updated_at": pc.coalesce(updated_at, created_at),
        "started_at": read_dates("start_time", [record.start_time for record in records]),
        "ended_at": read_dates("end_time", [record.end_time for record in records]),
        "error_code": _values(
            read([record.error_code for record in records], fields.read_error_code), pa.string()
        ),
        "uri": pa.array([record.uri or "" for record in records], pa.string()),
        "raw_page": pa.array(batch.page_of_record, pa.string()),
    }
    table = pa.table(columns, LISTED_SCHEMA)
    inside = is_created_in(created_at, window)
    # A record whose creation date cannot be read may belong to any window: it is looked at here.
    concerns_window = pc.fill_null(inside, True)
    bad_price = price.column(lambda reading: reading.unreadable, pa.bool_())
    is_good = pc.and_(
        pc.and_(pc.is_valid(table["created_at"]), pc.invert(bad_price)),
        pc.and_(pc.equal(table["account_sid"], account_sid), pc.not_equal(table["recording_sid"], "")),
    )
    kept_rows = pc.and_(concerns_window, is_good)
    kept = table if pc.all(kept_rows).as_py() else table.filter(kept_rows)
    rejected = pc.indices_nonzero(pc.and_(concerns_window, pc.invert(is_good))).to_pylist()
    rejects = [
        {
            "recording_sid": records[row].sid or None,
            "created_at": created_at[row].as_py(),
            "record_key": records[row].sid or _digest(msgspec.json.encode(records[row])),
            "raw_page": batch.page_of_record[row],
            "position": batch.position_in_page[row],
            **_why_rejected(records[row], account_sid, created_at[row].as_py()),
        }
        for row in rejected
    ] + [
        {
            "recording_sid": misread.sid or None,
            "record_key": misread.sid or _digest(misread.text),
            "raw_page": page,
            "position": position,
            "field": misread.field,
            "reason": misread.reason,
        }
        for page, position, misread in batch.misread
    ]
    where = {"account_sid": account_sid, "window_first": window.first, "window_last": window.last}
    return Listed(
        kept,
        pa.Table.from_pylist([where | reject for reject in rejects], REJECT_SCHEMA),
        rows=len(records) + len(batch.misread),
        outside=table.num_rows - kept.num_rows - len(rejected),
        oddities=oddities,
    )


def _values(distinct: Distinct[Any, fields.Reading], to_type: pa.DataType) -> pa.Array:
    return distinct.column(lambda reading: reading.value, to_type)


def _digest(text: bytes) -> str:
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def _shown(value: object) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= _VALUE_SHOWN else text[: _VALUE_SHOWN - 1] + "…"


def _why_rejected(record: Record, account_sid: str, created_at: datetime | None) -> dict[str, str]:
    if not record.sid:
        return {"field": "sid", "reason": "is empty"}
    if created_at is None:
        if record.date_created is None:
            return {"field": "date_created", "reason": "is missing"}
        return {"field": "date_created", "reason": f"{_shown(record.date_created)!r} is no date"}
    if record.account_sid and record.account_sid != account_sid:
        return {"field": "account_sid", "reason": f"{_shown(record.account_sid)!r} is another account"}
    return {"field": "price", "reason": f"{_shown(bytes(record.price))} is no number that fits"}
