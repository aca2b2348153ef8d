"""Turn the records of pages into columns, before it is decided which records to reject."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from transforms.pages import fields
from transforms.pages.media import media_locations
from transforms.pages.oddities import Oddities, example_text, shown
from transforms.pages.sent import Sent
from transforms.pages.sids import same_spelling, same_spellings
from transforms.schema import CONTENT_COLUMNS
from transforms.values.date_columns import instants
from transforms.values.distinct import Distinct
from transforms.values.money import PRICE

LISTED_SCHEMA = pa.schema(
    [pa.field(column.name, column.type) for column in CONTENT_COLUMNS] + [pa.field("raw_page", pa.string())]
)
"""A listed recording: the content that the API sent, and the page it is on."""

# Their texts have many digits that are not a telephone number, or none that are kept.
_NUMBERS = frozenset(
    {"channels", "duration", "price", "error_code", "date_updated", "start_time", "end_time"}
)


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
