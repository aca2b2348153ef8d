"""Records of pages to columns: the shape of what the API lists, before it is known what has to be rejected."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from transforms import fields
from transforms.columns import Distinct
from transforms.dates import instants
from transforms.money import PRICE
from transforms.records import Record
from transforms.schema import CONTENT_COLUMNS

LISTED_SCHEMA = pa.schema(
    [pa.field(column.name, column.type) for column in CONTENT_COLUMNS] + [pa.field("raw_page", pa.string())]
)
"""A listed recording: what the API says, and the page that says so."""

_VALUE_SHOWN = 40


@dataclass(frozen=True, slots=True)
class ReadColumns:
    """Records in columns (LISTED_SCHEMA), which prices are no numbers, and how often each (kind, value) is odd."""

    table: pa.Table
    is_price_unreadable: pa.Array
    oddities: Counter[tuple[str, str]]


def read_columns(records: Sequence[Record], pages: Sequence[str], account_sid: str) -> ReadColumns:
    """Read records into columns, row by row as they came; `pages` names the page of each.

    A date that cannot be read is null (updated_at then is created_at); a record that names no account belongs to
    the one that was asked.
    """
    oddities: Counter[tuple[str, str]] = Counter()

    def read(values: list[Any], reader: Callable[[Any], Any]) -> Distinct[Any, Any]:
        distinct = Distinct(values, reader)
        for value, count, reading in zip(distinct.values, distinct.counts, distinct.readings, strict=True):
            if reading.oddity:
                # The value itself matters where it is kept as a name of its own; there are few of those.
                kept_name = shown(value) if reading.oddity.startswith("unknown") else ""
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
        "raw_page": pa.array(pages, pa.string()),
    }
    return ReadColumns(
        pa.table(columns, LISTED_SCHEMA),
        price.column(lambda reading: reading.unreadable, pa.bool_()),
        oddities,
    )


def _values(distinct: Distinct[Any, fields.Reading], to_type: pa.DataType) -> pa.Array:
    return distinct.column(lambda reading: reading.value, to_type)


def shown(value: object) -> str:
    """A value as it stood in the JSON, short enough for a line of text."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= _VALUE_SHOWN else text[: _VALUE_SHOWN - 1] + "…"
