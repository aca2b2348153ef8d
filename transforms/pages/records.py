"""The JSON of a page, read into typed records without losing a digit.

A page is the envelope seen in real responses: `uri, first_page_uri, next_page_uri, previous_page_uri, page,
page_size` and the list under `recordings` (Twilio adds `start` and `end`). A number that may carry money stays
JSON text, so it never passes through a float.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from transforms.errors import DataError, NotJsonError

_NULL = msgspec.Raw(b"null")

# Escapes from left to right, so that an escaped backslash is never taken for the beginning of one.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)

_AN_END = 5

Loose = str | int | None
"""A field met both as text and as a number."""


class Record(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """One recording as sent: every documented field, by its name in the JSON.

    The last block is read past on purpose (the page itself is kept), but named, so that a field that is not
    in the documentation is noticed.
    """

    sid: str
    account_sid: str | None = None
    call_sid: str | None = None
    conference_sid: str | None = None
    date_created: str | None = None
    date_updated: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    uri: str | None = None
    source: str | None = None
    status: str | None = None
    price_unit: str | None = None
    channels: Loose = None
    channel: Loose = None
    duration: Loose = None
    error_code: Loose = None
    price: msgspec.Raw = _NULL

    api_version: msgspec.Raw = _NULL
    subresource_uris: msgspec.Raw = _NULL
    encryption_details: msgspec.Raw = _NULL
    trim: msgspec.Raw = _NULL
    track: msgspec.Raw = _NULL
    media_url: msgspec.Raw = _NULL


class _Envelope(msgspec.Struct, gc=False):
    recordings: list[msgspec.Raw]
    next_page_uri: str | None


class _PageOfRecords(msgspec.Struct, gc=False):
    recordings: list[Record]


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_PAGE = msgspec.json.Decoder(_PageOfRecords)
_RECORD = msgspec.json.Decoder(Record)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KNOWN = frozenset(Record.__struct_fields__)
_RAW_FIELDS = frozenset(
    {"price", "api_version", "subresource_uris", "encryption_details", "trim", "track", "media_url"}
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What paging needs of a page: how many rows it lists and where the next one is (None on the last)."""

    rows: int
    next_page_uri: str | None


@dataclass(frozen=True, slots=True)
class Misread:
    """A record of a page that could not even be taken apart: its JSON text, the field, why, and its sid if readable."""

    text: bytes
    field: str
    reason: str
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class PageRecords:
    """The records of a page with their positions (from 0), what could not be read, and unknown field names."""

    records: list[Record]
    positions: Sequence[int]
    misread: list[tuple[int, Misread]]
    unknown_fields: list[str]


def read_envelope(body: bytes) -> Envelope:
    """Read how a page continues.

    Raises NotJsonError when the body is no JSON (cut off, or an error page in HTML), DataError when it is JSON but
    not a page of recordings.
    """
    envelope = _decode_envelope(body)
    return Envelope(len(envelope.recordings), envelope.next_page_uri)


def _decode_envelope(body: bytes) -> _Envelope:
    for mended in (bytes, without_lone_surrogates):
        try:
            return _ENVELOPE.decode(mended(body))
        except msgspec.ValidationError as error:
            raise DataError(f"not a page of recordings ({error})") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    raise NotJsonError("not a page of recordings (no JSON)")


def without_lone_surrogates(body: bytes) -> bytes:
    """The body with half characters (`\\ud800`, which JSON allows and Unicode does not) as the replacement character.

    One such record would otherwise make its whole page unreadable.
    """
    return _ESCAPE.sub(lambda match: b"\\ufffd" if match["lone"] else match[0], body)


def read_ends(body: bytes) -> list[Record]:
    """The first few and the last few records of a page, as far as they can be read: enough to see how dense it is."""
    raw_records = _decode_envelope(body).recordings
    ends = raw_records if len(raw_records) <= 2 * _AN_END else raw_records[:_AN_END] + raw_records[-_AN_END:]
    records = [_read_odd_record(bytes(raw), []) for raw in ends]
    return [record for record in records if isinstance(record, Record)]


def read_records(body: bytes) -> PageRecords:
    """Read all records of a page. Raises DataError when the body is not a page of recordings.

    The page is decoded whole; only when a record holds a surprise are the records read one by one.
    """
    try:
        records = _PAGE.decode(body).recordings
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _read_one_by_one(body)
    return PageRecords(records, range(len(records)), [], [])


def _read_one_by_one(body: bytes) -> PageRecords:
    raw_records = _decode_envelope(body).recordings
    page = PageRecords([], positions := list[int](), [], [])
    for position, raw in enumerate(raw_records):
        record = _read_odd_record(bytes(raw), page.unknown_fields)
        if isinstance(record, Misread):
            page.misread.append((position, record))
        else:
            page.records.append(record)
            positions.append(position)
    return page


def _read_odd_record(text: bytes, unknown: list[str]) -> Record | Misread:
    try:
        return _RECORD.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        fields = _FIELDS.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Misread(text, "record", "is no JSON object in UTF-8")
    unknown.extend(name for name in fields if name not in _KNOWN)
    values: dict[str, object] = {}
    unreadable = []
    for name, raw in fields.items():
        if name in _RAW_FIELDS:
            values[name] = msgspec.Raw(bytes(raw))
        elif name in _KNOWN:
            try:
                values[name] = _loose_text(bytes(raw))
            except (msgspec.DecodeError, UnicodeDecodeError):
                unreadable.append(name)
    raw_sid = bytes(fields.get("sid", _NULL))
    if raw_sid == b"null":
        return Misread(text, "sid", "is missing")
    if "sid" in unreadable or raw_sid[:1] in (b"{", b"[", b"t", b"f"):
        return Misread(text, "sid", "is no text in UTF-8")
    if unreadable:
        return Misread(text, unreadable[0], "is no text in UTF-8", str(values["sid"]))
    return Record(**values)  # type: ignore[arg-type]


def _loose_text(raw: bytes) -> str | None:
    """A JSON string's content; null as None; anything else (number, object, …) as its JSON text."""
    if raw == b"null":
        return None
    return msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else raw.decode()
