"""Decode one recording as the API sent it, whatever is odd about it, without losing a digit.

A number that may be an amount of money stays JSON text, so it never passes through a float.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import msgspec

from transforms.pages.bounds import LONGEST_TEXT, shallow
from transforms.pages.broken import is_json, sid_in

NULL = msgspec.Raw(b"null")
NOTHING = msgspec.Raw(b"")
_NO_URL = "?"  # what stands for an address that is not text: it is not one either
_NOT_TEXT = "is not text in UTF-8"
_TOO_LONG = f"has more than {LONGEST_TEXT:,} characters"

Text = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]
Loose = Text | int | None
"""A field that the API sends both as text and as a number."""


class Record(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One recording as sent: every documented field, by its name in the JSON.

    The fields of the last block are not used (the page itself is kept). They are listed so that a field that is
    not in the documentation is noticed.

    others: names of fields that are not documented and that this type has, too.
    """

    others: ClassVar[tuple[str, ...]] = ()

    sid: Text
    account_sid: Text | None = None
    call_sid: Text | None = None
    conference_sid: Text | None = None
    date_created: Text | None = None
    date_updated: Text | None = None
    start_time: Text | None = None
    end_time: Text | None = None
    uri: Text | None = None
    source: Text | None = None
    status: Text | None = None
    price_unit: Text | None = None
    media_url: Text | None = None
    channels: Loose = None
    channel: Loose = None
    duration: Loose = None
    error_code: Loose = None
    price: msgspec.Raw = NULL
    encryption_details: msgspec.Raw = NOTHING

    api_version: msgspec.Raw = NULL
    subresource_uris: msgspec.Raw = NULL
    trim: msgspec.Raw = NULL
    track: msgspec.Raw = NULL


class _AnyRecord(Record, gc=False, forbid_unknown_fields=False):
    """One that may have any other fields; they are left out."""


_ANY_RECORD = msgspec.json.Decoder(_AnyRecord)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KNOWN = frozenset(Record.__struct_fields__)
_RAW_FIELDS = frozenset({"price", "encryption_details", "api_version", "subresource_uris", "trim", "track"})


@dataclass(frozen=True, slots=True)
class Misread:
    """A record that could not be decoded: its JSON text, the field, the reason, and its sid if there is one."""

    text: bytes
    field: str
    reason: str
    sid: str | None = None


def record_type(others: tuple[str, ...]) -> type[Record]:
    """Return a type of records that have these other fields, too: a page of them is read as fast as one without."""
    if not others:
        return Record
    fields = {f"other_{place}": name for place, name in enumerate(others)}
    return msgspec.defstruct(  # type: ignore[return-value]
        "RecordWithOthers",
        [(field, msgspec.Raw, NOTHING) for field in fields],
        bases=(Record,),
        namespace={"others": others, "__annotations__": {"others": ClassVar[tuple[str, ...]]}},
        rename=fields,
        gc=False,
    )


def other_fields(record: Record) -> list[str]:
    """List which other fields of its type a record has."""
    return [
        name for place, name in enumerate(record.others) if getattr(record, f"other_{place}") is not NOTHING
    ]


def can_be_field(name: str) -> bool:
    """Check whether a type can have a field of this name: one that needs escapes in JSON is not compared with any."""
    return name.isprintable() and not {"\\", '"'} & set(name)


RECORD = msgspec.json.Decoder(Record)


def read_some(texts: Sequence[bytes]) -> list[Record]:
    """Decode records given as JSON. Those that cannot be decoded are left out."""
    records = [read_record(text, []) for text in texts]
    return [record for record in records if isinstance(record, Record)]


def read_record(
    text: bytes, unknown: list[tuple[str, str]], decoder: "msgspec.json.Decoder[Any]" = RECORD
) -> Record | Misread:
    """Decode the JSON of one record, field by field if it is odd.

    unknown: the fields that are not documented are added, each as (sid, or "" without one; name).
    decoder: of a type of records; what is decoded does not depend on it.
    """
    try:
        record: Record = decoder.decode(text)
    except RecursionError:
        return read_record(shallow(text), unknown)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _read_odd(text, unknown)
    unknown.extend((record.sid, name) for name in other_fields(record))
    return record


def _read_odd(text: bytes, unknown: list[tuple[str, str]]) -> Record | Misread:
    try:
        fields = _FIELDS.decode(text)
    except RecursionError:
        return read_record(shallow(text), unknown)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if is_json(text):
            return Misread(text, "record", "is not a JSON object in UTF-8")
        return Misread(text, "record", "is not valid JSON", sid_in(text))
    try:
        record: Record | Misread = _ANY_RECORD.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        record = _read_fields(text, fields)
    unknown.extend((record.sid or "", name) for name in fields if name not in _KNOWN)
    return record


def _read_fields(text: bytes, fields: Mapping[str, msgspec.Raw]) -> Record | Misread:
    values: dict[str, object] = {}
    wrong: dict[str, str] = {}
    for name, raw in fields.items():
        if name in _RAW_FIELDS:
            values[name] = msgspec.Raw(bytes(raw))
        elif name in _KNOWN:
            values[name], reason = _loose_text(bytes(raw))
            if (
                reason and name == "media_url"
            ):  # no cost depends on it, so it is an oddity and the record is kept
                values[name] = _NO_URL
            elif reason:
                wrong[name] = reason
    raw_sid = bytes(fields.get("sid", NULL))
    if raw_sid == b"null":
        return Misread(text, "sid", "is missing")
    if raw_sid[:1] in (b"{", b"[", b"t", b"f"):
        return Misread(text, "sid", _NOT_TEXT)
    if "sid" in wrong:
        return Misread(text, "sid", wrong["sid"])
    if wrong:
        # What is not text says more than what is too long.
        name = next((name for name in wrong if wrong[name] == _NOT_TEXT), next(iter(wrong)))
        return Misread(text, name, wrong[name], str(values["sid"]))
    return Record(**values)  # type: ignore[arg-type]


def _loose_text(raw: bytes) -> tuple[str | None, str]:
    """Decode a JSON string; null becomes None, and anything else (a number, an object, …) its JSON text.

    Returns the text, and what is wrong with it, or an empty text.
    """
    if raw == b"null":
        return None, ""
    try:
        text = msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else raw.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None, _NOT_TEXT
    return (text, "") if len(text) <= LONGEST_TEXT else (None, _TOO_LONG)
