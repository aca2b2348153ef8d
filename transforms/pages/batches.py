"""Turn the records of pages into columns, before it is decided which records to reject."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from transforms.pages import fields
from transforms.pages.media import media_locations
from transforms.pages.oddities import Oddities, example_text, shown
from transforms.pages.record import Record
from transforms.pages.sids import same_spelling, same_spellings
from transforms.schema import CONTENT_COLUMNS
from transforms.values.dates import instants
from transforms.values.distinct import Distinct
from transforms.values.money import PRICE

LISTED_SCHEMA = pa.schema(
    [pa.field(column.name, column.type) for column in CONTENT_COLUMNS] + [pa.field("raw_page", pa.string())]
)
"""A listed recording: the content that the API sent, and the page it is on."""

_TEXTS = (
    "sid", "account_sid", "call_sid", "conference_sid", "date_created", "date_updated", "start_time", "end_time", "uri",
    "source", "status", "price_unit", "media_url",
)  # fmt: skip
_LOOSE = ("channels", "channel", "duration", "error_code")
_GET = {name: attrgetter(name) for name in (*_TEXTS, *_LOOSE, "price", "encryption_details")}
# Their texts have many digits that are not a telephone number, or none that are kept.
_NUMBERS = frozenset(
    {"channels", "duration", "price", "error_code", "date_updated", "start_time", "end_time"}
)


@dataclass(slots=True)
class Batch:
    """Records of several pages, field by field: columns pay off from a few thousand rows.

    Text fields are converted to Arrow page by page, while the text is still in the processor's cache.
    """

    pages: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    _texts: dict[str, list[pa.Array]] = field(default_factory=lambda: {name: [] for name in _TEXTS})
    _loose: dict[str, list[str | int | None]] = field(default_factory=lambda: {name: [] for name in _LOOSE})
    _prices: list[bytes] = field(default_factory=list)
    _encryption: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.pages)

    def add(self, page: str, records: Sequence[Record], positions: Sequence[int], api_host: str = "") -> None:
        """Add the records of a page from this host, each with its position on the page (from 0)."""
        if not records:
            return
        for name, texts in self._texts.items():
            texts.append(pa.array(list(map(_GET[name], records)), pa.string()))
        for name, values in self._loose.items():
            values.extend(map(_GET[name], records))
        self._prices.extend(_texts_of(list(map(_GET["price"], records))))
        # What it begins with says enough: an object, null, or something else. Keys are not kept.
        self._encryption.extend(bytes(raw)[:1] for raw in map(_GET["encryption_details"], records))
        self.pages.extend([page] * len(records))
        self.hosts.extend([api_host] * len(records))
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

    @property
    def encryption(self) -> list[bytes]:
        """The first byte of each record's encryption details; empty when the record has none."""
        return self._encryption

    def kept(self, mask: pa.Array) -> "Batch":
        """Select the records where the mask is true."""
        flags = mask.to_pylist()
        return Batch(
            list(compress(self.pages, flags)),
            list(compress(self.hosts, flags)),
            list(compress(self.positions, flags)),
            {name: [self.text(name).filter(mask)] for name in _TEXTS},
            {name: list(compress(values, flags)) for name, values in self._loose.items()},
            list(compress(self._prices, flags)),
            list(compress(self._encryption, flags)),
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
    """Records in columns (LISTED_SCHEMA), which prices cannot be parsed, and what is odd about them."""

    table: pa.Table
    is_price_unreadable: pa.Array
    oddities: Oddities


def read_columns(batch: Batch, created_at: pa.Array, account_sid: str) -> ReadColumns:
    """Parse a batch into columns, in the order of the records.

    A date that cannot be parsed becomes null, and a missing updated_at becomes created_at.

    Args:
        batch: The records.
        created_at: Their creation instants, already parsed (timestamp[us, UTC]).
        account_sid: The requested account. A record that names no account belongs to it.
    """
    oddities = Oddities()
    sids = same_spellings(batch.text("sid"))

    def read(name: str, values: Any, reader: Callable[[Any], Any]) -> Distinct[Any, Any]:
        distinct = Distinct(values, reader)
        if any(reading.oddity for reading in distinct.readings):
            for code, (value, count, reading) in enumerate(
                zip(distinct.values, distinct.counts, distinct.readings, strict=True)
            ):
                if reading.oddity:
                    # Record the value itself only where it is kept as it is; there are few different ones.
                    kept_name = shown(value) if reading.oddity.startswith("unknown") else ""
                    sid = sids[distinct.first_row(code)].as_py()
                    text = example_text(value, is_number=name in _NUMBERS)
                    oddities.add(reading.oddity, kept_name, count, sid=sid, text=text)
        return distinct

    def values(
        name: str, values: Any, reader: Callable[[Any], fields.ParsedField], to_type: pa.DataType
    ) -> pa.Array:
        return read(name, values, reader).column(lambda reading: reading.value, to_type)

    def count_unread(name: str, is_unread: pa.Array, texts: pa.Array) -> None:
        if unread := is_unread.true_count:
            row = pc.index(is_unread, True).as_py()
            text = "" if texts is None else example_text(texts[row].as_py(), is_number=name in _NUMBERS)
            oddities.add(f"unreadable {name}", "", unread, sid=sids[row].as_py(), text=text)

    def dates(name: str) -> pa.Array:
        texts = batch.text(name)
        found = instants(texts)
        if found.null_count > texts.null_count:
            count_unread(name, pc.and_(pc.is_null(found), pc.is_valid(texts)), texts)
        return found

    channels = [
        other if channels is None else channels
        for channels, other in zip(batch.loose("channels"), batch.loose("channel"), strict=True)
    ]
    price = read("price", batch.prices, fields.read_price)
    requested = same_spelling(account_sid)
    media_urls = _unless_empty(batch.text("media_url"))
    media_location = media_locations(media_urls, pa.array(batch.hosts, pa.string()))
    # The address may be secret or personal, so it is not even an example.
    count_unread("media_url", pc.and_(pc.is_valid(media_urls), pc.is_null(media_location)), None)
    encryption = pa.array(batch.encryption, pa.binary())
    is_encrypted = Distinct(encryption, _IS_OBJECT.get).column(lambda found: found, pa.bool_())
    is_other = pc.and_(pc.is_null(is_encrypted), pc.not_equal(encryption, b""))
    count_unread("encryption_details", is_other, None)
    columns = {
        "recording_sid": sids,
        "account_sid": Distinct(
            batch.text("account_sid"),
            lambda sid: account_sid if not sid or same_spelling(sid) == requested else sid,
        ).column(str, pa.string()),
        "call_sid": same_spellings(_unless_empty(batch.text("call_sid"))),
        "conference_sid": same_spellings(_unless_empty(batch.text("conference_sid"))),
        "source": values("source", batch.text("source"), fields.read_source, pa.string()),
        "source_raw": batch.text("source"),
        "status": values("status", batch.text("status"), fields.read_status, pa.string()),
        "channels": values("channels", channels, fields.read_channels, pa.int8()),
        "duration_seconds": values("duration", batch.loose("duration"), fields.read_duration, pa.int32()),
        "price": price.column(lambda reading: reading.value, PRICE),
        "price_raw": price.column(lambda reading: reading.text, pa.string()),
        "currency": values("price_unit", batch.text("price_unit"), fields.read_currency, pa.string()),
        "created_at": created_at,
        "updated_at": pc.coalesce(dates("date_updated"), created_at),
        "started_at": dates("start_time"),
        "ended_at": dates("end_time"),
        "error_code": values("error_code", batch.loose("error_code"), fields.read_error_code, pa.string()),
        "uri": pc.fill_null(batch.text("uri"), ""),
        "media_location": media_location,
        "is_encrypted": is_encrypted,
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


# What the encryption details begin with: an object has the keys, null means not encrypted.
_IS_OBJECT = {b"{": True, b"n": False}


def _unless_empty(texts: pa.Array) -> pa.Array:
    """Turn empty texts into null: the API sends both for no call and no conference."""
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
