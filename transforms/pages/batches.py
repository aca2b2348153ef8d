"""Turn the records of pages into columns, before it is decided which records to reject."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from transforms.pages import fields
from transforms.pages.records import Record
from transforms.schema import CONTENT_COLUMNS
from transforms.values.dates import instants
from transforms.values.distinct import Distinct
from transforms.values.money import PRICE

LISTED_SCHEMA = pa.schema(
    [pa.field(column.name, column.type) for column in CONTENT_COLUMNS] + [pa.field("raw_page", pa.string())]
)
"""A listed recording: the content that the API sent, and the page it is on."""

_VALUE_SHOWN = 40


_TEXTS = (
    "sid", "account_sid", "call_sid", "conference_sid", "date_created", "date_updated", "start_time", "end_time", "uri",
    "source", "status", "price_unit",
)  # fmt: skip
_LOOSE = ("channels", "channel", "duration", "error_code")
_GET = {name: attrgetter(name) for name in (*_TEXTS, *_LOOSE, "price")}


@dataclass(slots=True)
class Batch:
    """Records of several pages, field by field: columns pay off from a few thousand rows.

    Text fields are converted to Arrow page by page, while the text is still in the processor's cache.
    """

    pages: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    _texts: dict[str, list[pa.Array]] = field(default_factory=lambda: {name: [] for name in _TEXTS})
    _loose: dict[str, list[str | int | None]] = field(default_factory=lambda: {name: [] for name in _LOOSE})
    _prices: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.pages)

    def add(self, page: str, records: Sequence[Record], positions: Sequence[int]) -> None:
        """Add the records of a page, each with its position on the page (from 0)."""
        if not records:
            return
        for name, texts in self._texts.items():
            texts.append(pa.array(list(map(_GET[name], records)), pa.string()))
        for name, values in self._loose.items():
            values.extend(map(_GET[name], records))
        self._prices.extend(_texts_of(list(map(_GET["price"], records))))
        self.pages.extend([page] * len(records))
        self.positions.extend(positions)

    def text(self, name: str) -> pa.Array:
        """Return a text field of all records."""
        return pa.concat_arrays(self._texts[name]) if self._texts[name] else pa.array([], pa.string())

    def loose(self, name: str) -> list[str | int | None]:
        """Return a field that is text or a number, of all records."""
        return self._loose[name]

    @property
    def prices(self) -> list[bytes]:
        """The JSON text of each record's price."""
        return self._prices

    def kept(self, mask: pa.Array) -> "Batch":
        """Select the records where the mask is true."""
        flags = mask.to_pylist()
        return Batch(
            list(compress(self.pages, flags)),
            list(compress(self.positions, flags)),
            {name: [self.text(name).filter(mask)] for name in _TEXTS},
            {name: list(compress(values, flags)) for name, values in self._loose.items()},
            list(compress(self._prices, flags)),
        )

    def row(self, number: int) -> dict[str, Any]:
        """Return one record, by field name."""
        texts = {name: self.text(name)[number].as_py() for name in _TEXTS}
        return {
            **texts,
            **{name: values[number] for name, values in self._loose.items()},
            "price": self._prices[number],
        }


@dataclass(frozen=True, slots=True)
class ReadColumns:
    """Records in columns (LISTED_SCHEMA), which prices cannot be parsed, and the count of each oddity (kind, value)."""

    table: pa.Table
    is_price_unreadable: pa.Array
    oddities: Counter[tuple[str, str]]


def read_columns(batch: Batch, created_at: pa.Array, account_sid: str) -> ReadColumns:
    """Parse a batch into columns, in the order of the records.

    A date that cannot be parsed becomes null, and a missing updated_at becomes created_at.

    Args:
        batch: The records.
        created_at: Their creation instants, already parsed (timestamp[us, UTC]).
        account_sid: The requested account. A record that names no account belongs to it.
    """
    oddities: Counter[tuple[str, str]] = Counter()

    def read(values: Any, reader: Callable[[Any], Any]) -> Distinct[Any, Any]:
        distinct = Distinct(values, reader)
        if any(reading.oddity for reading in distinct.readings):
            for value, count, reading in zip(
                distinct.values, distinct.counts, distinct.readings, strict=True
            ):
                if reading.oddity:
                    # Record the value itself only where it is kept as it is; there are few different ones.
                    kept_name = shown(value) if reading.oddity.startswith("unknown") else ""
                    oddities[reading.oddity, kept_name] += count
        return distinct

    def values(values: Any, reader: Callable[[Any], fields.ParsedField], to_type: pa.DataType) -> pa.Array:
        return read(values, reader).column(lambda reading: reading.value, to_type)

    def dates(name: str) -> pa.Array:
        texts = batch.text(name)
        found = instants(texts)
        if unreadable := found.null_count - texts.null_count:
            oddities[f"unreadable {name}", ""] += unreadable
        return found

    channels = [
        other if channels is None else channels
        for channels, other in zip(batch.loose("channels"), batch.loose("channel"), strict=True)
    ]
    price = read(batch.prices, fields.read_price)
    columns = {
        "recording_sid": batch.text("sid"),
        "account_sid": Distinct(batch.text("account_sid"), lambda sid: sid or account_sid).column(
            str, pa.string()
        ),
        "call_sid": batch.text("call_sid"),
        "conference_sid": batch.text("conference_sid"),
        "source": values(batch.text("source"), fields.read_source, pa.string()),
        "source_raw": batch.text("source"),
        "status": values(batch.text("status"), fields.read_status, pa.string()),
        "channels": values(channels, fields.read_channels, pa.int8()),
        "duration_seconds": values(batch.loose("duration"), fields.read_duration, pa.int32()),
        "price": price.column(lambda reading: reading.value, PRICE),
        "price_raw": price.column(lambda reading: reading.text, pa.string()),
        "currency": values(batch.text("price_unit"), fields.read_currency, pa.string()),
        "created_at": created_at,
        "updated_at": pc.coalesce(dates("date_updated"), created_at),
        "started_at": dates("start_time"),
        "ended_at": dates("end_time"),
        "error_code": values(batch.loose("error_code"), fields.read_error_code, pa.string()),
        "uri": pc.fill_null(batch.text("uri"), ""),
        "raw_page": pa.array(batch.pages, pa.string()),
    }
    return ReadColumns(
        pa.table(columns, LISTED_SCHEMA),
        price.column(lambda reading: reading.unreadable, pa.bool_()),
        oddities,
    )


def _texts_of(raws: Sequence[msgspec.Raw]) -> list[bytes]:
    """Return the JSON text of each value, all at once: copying each one would take three times as long."""
    texts = b"\n".join(raws).split(b"\n")
    return texts if len(texts) == len(raws) else [bytes(raw) for raw in raws]


def shown(value: object) -> str:
    """Show a value as it is in the JSON, shortened to fit into a line of text."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= _VALUE_SHOWN else text[: _VALUE_SHOWN - 1] + "…"
