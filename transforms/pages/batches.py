"""Turn the records of pages into columns, before it is decided which records to reject."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.pages import fields
from transforms.pages.media import media_locations
from transforms.pages.oddities import Oddities, example_text, shown
from transforms.pages.record import NOTHING, Record
from transforms.pages.sids import same_spelling, same_spellings
from transforms.schema import CONTENT_COLUMNS
from transforms.values.date_columns import instants
from transforms.values.distinct import Distinct
from transforms.values.money import PRICE

LISTED_SCHEMA = pa.schema(
    [pa.field(column.name, column.type) for column in CONTENT_COLUMNS] + [pa.field("raw_page", pa.string())]
)
"""A listed recording: the content that the API sent, and the page it is on."""

_TEXTS = (
    "sid", "account_sid", "call_sid", "conference_sid", "date_created", "date_updated", "start_time", "end_time", "uri",
    "source", "status", "price_unit", "media_url", "channels", "channel", "duration", "error_code",
)  # fmt: skip
_RAW = ("price", "encryption_details")
_SENT_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in _TEXTS),
        *(pa.field(name, pa.binary()) for name in _RAW),
        pa.field("page", pa.int32()),
        pa.field("position", pa.int32()),
    ]
)
# Their texts have many digits that are not a telephone number, or none that are kept.
_NUMBERS = frozenset(
    {"channels", "duration", "price", "error_code", "date_updated", "start_time", "end_time"}
)


@dataclass(frozen=True, slots=True)
class Sent:
    """Records of several pages as they were sent, field by field.

    pages, hosts: of each page. rows: a column for each field, and each record's page (its place in `pages`) and its
    position on the page (from 0). A field that is text or a number is text; one of any kind is its JSON text (binary).
    """

    pages: Sequence[str]
    hosts: Sequence[str]
    rows: pa.RecordBatch

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def of_page(self, values: Sequence[str]) -> pa.Array:
        """Return what each record's page has of these values (string)."""
        return pa.array(values, pa.string()).take(self.rows["page"])

    def kept(self, mask: pa.Array) -> "Sent":
        """Select the records where the mask is true."""
        return replace(self, rows=self.rows.filter(mask))

    def row(self, number: int) -> dict[str, Any]:
        """Return one record, by field name."""
        return {name: self.rows[name][number].as_py() for name in (*_TEXTS, "price")}

    def place(self, number: int) -> tuple[str, int]:
        """Return one record's page, and its position there."""
        page, position = (self.rows[name][number].as_py() for name in ("page", "position"))
        return self.pages[page], position


class _TextsOf(dict[str | int | None, str | None]):
    """The text of each value that is text or a number: a batch has few different ones."""

    def __missing__(self, value: str | int | None) -> str | None:
        text = self[value] = None if value is None else str(value)
        return text


@dataclass(slots=True)
class Batch:
    """Collects records of several pages: columns pay off from a few thousand rows.

    Fields are converted to Arrow page by page, while the page is still in the processor's cache.
    """

    _pages: list[str] = field(default_factory=list)
    _hosts: list[str] = field(default_factory=list)
    _parts: list[list[pa.Array]] = field(default_factory=list)
    _positions: list[Sequence[int]] = field(default_factory=list)
    _texts_of: _TextsOf = field(default_factory=_TextsOf)
    _rows: int = 0

    def __len__(self) -> int:
        return self._rows

    def add(self, page: str, records: Sequence[Record], positions: Sequence[int], api_host: str = "") -> None:
        """Add the records of a page from this host, each with its position on the page (from 0)."""
        self._pages.append(page)
        self._hosts.append(api_host)
        self._positions.append(positions)
        if records:
            values = _values(records)
            texts = [self._texts(values[name]) for name in _TEXTS]
            self._parts.append([*texts, *(_json_texts(values[name]) for name in _RAW)])
        self._rows += len(records)

    def sent(self) -> Sent:
        """Return the records in columns."""
        sizes = [len(positions) for positions in self._positions]
        columns = (
            [pa.concat_arrays(parts) for parts in zip(*self._parts, strict=True)]
            if self._parts
            else [pa.array([], field.type) for field in list(_SENT_SCHEMA)[:-2]]
        )
        pages = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
        positions = np.fromiter(chain.from_iterable(self._positions), np.int32, self._rows)
        rows = pa.record_batch([*columns, pa.array(pages), pa.array(positions)], _SENT_SCHEMA)
        return Sent(self._pages, self._hosts, rows)

    def _texts(self, values: list[str | int | None]) -> pa.Array:
        try:
            return pa.array(values, pa.string())
        except pa.ArrowTypeError:  # there are numbers
            return pa.array([self._texts_of[value] for value in values], pa.string())


def _values(records: Sequence[Record]) -> dict[str, list[Any]]:
    """Return the values of each documented field."""
    names = Record.__struct_fields__
    rows: Iterable[tuple[Any, ...]] = map(msgspec.structs.astuple, records)
    width, *others = {len(kind.__struct_fields__) for kind in set[type[Record]](map(type, records))}
    if others:  # some types have fields that are not documented, after the others
        width, rows = len(names), (row[: len(names)] for row in rows)
    # One row after another: many tuples would make the garbage collector look at all of them, again and again.
    values = list(chain.from_iterable(rows))
    return {name: values[place::width] for place, name in enumerate(names)}


def _json_texts(raws: list[msgspec.Raw]) -> pa.Array:
    if raws[0] is NOTHING and raws.count(NOTHING) == len(raws):
        return pa.repeat(pa.scalar(b"", pa.binary()), len(raws))
    # All at once: copying each one would take three times as long.
    texts = b"\n".join(raws).split(b"\n")
    return pa.array(texts if len(texts) == len(raws) else map(bytes, raws), pa.binary())


@dataclass(frozen=True, slots=True)
class ReadColumns:
    """Records in columns (LISTED_SCHEMA), which prices cannot be parsed, and what is odd about them."""

    table: pa.Table
    is_price_unreadable: pa.Array
    oddities: Oddities


def read_columns(sent: Sent, created_at: pa.Array, account_sid: str) -> ReadColumns:
    """Parse what was sent into columns, in the order of the records.

    A date that cannot be parsed becomes null, and a missing updated_at becomes created_at.

    Args:
        sent: The records.
        created_at: Their creation instants, already parsed (timestamp[us, UTC]).
        account_sid: The requested account. A record that names no account belongs to it.
    """
    oddities = Oddities()
    sids = same_spellings(sent.rows["sid"])

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
        texts = sent.rows[name]
        found = instants(texts)
        if found.null_count > texts.null_count:
            count_unread(name, pc.and_(pc.is_null(found), pc.is_valid(texts)), texts)
        return found

    channels = pc.coalesce(sent.rows["channels"], sent.rows["channel"])
    price = read("price", sent.rows["price"], fields.read_price)
    requested = same_spelling(account_sid)
    media_urls = _unless_empty(sent.rows["media_url"])
    media_location = media_locations(media_urls, sent.of_page(sent.hosts))
    # The address may be secret or personal, so it is not even an example.
    count_unread("media_url", pc.and_(pc.is_valid(media_urls), pc.is_null(media_location)), None)
    # What it begins with says enough: an object, null, or something else. Keys are not kept.
    encryption = pc.binary_slice(sent.rows["encryption_details"], 0, 1)
    is_encrypted = Distinct(encryption, _IS_OBJECT.get).column(lambda found: found, pa.bool_())
    is_other = pc.and_(pc.is_null(is_encrypted), pc.not_equal(encryption, b""))
    count_unread("encryption_details", is_other, None)
    columns = {
        "recording_sid": sids,
        "account_sid": Distinct[str | None, str](
            sent.rows["account_sid"],
            lambda sid: account_sid if not sid or same_spelling(sid) == requested else sid,
        ).column(str, pa.string()),
        "call_sid": same_spellings(_unless_empty(sent.rows["call_sid"])),
        "conference_sid": same_spellings(_unless_empty(sent.rows["conference_sid"])),
        "source": values("source", sent.rows["source"], fields.read_source, pa.string()),
        "source_raw": sent.rows["source"],
        "status": values("status", sent.rows["status"], fields.read_status, pa.string()),
        "channels": values("channels", channels, fields.read_channels, pa.int8()),
        "duration_seconds": values("duration", sent.rows["duration"], fields.read_duration, pa.int32()),
        "price": price.column(lambda reading: reading.value, PRICE),
        "price_raw": price.column(lambda reading: reading.text, pa.string()),
        "currency": values("price_unit", sent.rows["price_unit"], fields.read_currency, pa.string()),
        "created_at": created_at,
        "updated_at": pc.coalesce(dates("date_updated"), created_at),
        "started_at": dates("start_time"),
        "ended_at": dates("end_time"),
        "error_code": values("error_code", sent.rows["error_code"], fields.read_error_code, pa.string()),
        "uri": pc.fill_null(sent.rows["uri"], ""),
        "media_location": media_location,
        "is_encrypted": is_encrypted,
        "raw_page": sent.of_page(sent.pages),
    }
    return ReadColumns(
        pa.table(columns, LISTED_SCHEMA),
        price.column(lambda reading: reading.unreadable, pa.bool_()),
        oddities,
    )


# What the encryption details begin with: an object has the keys, null means not encrypted.
_IS_OBJECT = {b"{": True, b"n": False}


def _unless_empty(texts: pa.Array) -> pa.Array:
    """Turn empty texts into null: the API sends both for no call and no conference."""
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
