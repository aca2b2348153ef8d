"""Decode the JSON of a page into typed records without losing a digit.

A page is the envelope that real responses have: `uri, first_page_uri, next_page_uri, previous_page_uri, page,
page_size` and the list under `recordings` (Twilio adds `start` and `end`). A number that may be an amount of money
stays JSON text, so it never passes through a float.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from transforms.errors import DataError, NotJsonError
from transforms.pages.bounds import LONGEST_TEXT, check_records, check_size, shallow

_NULL = msgspec.Raw(b"null")
_NOTHING = msgspec.Raw(b"")

# Matches every escape from left to right, so that an escaped backslash is never mistaken for the start of one.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)

_AN_END = 5

ODD_END = "no next_page_uri"
ODD_FULL_END = "no next_page_uri on a full page"

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
    """

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
    price: msgspec.Raw = _NULL
    encryption_details: msgspec.Raw = _NOTHING

    api_version: msgspec.Raw = _NULL
    subresource_uris: msgspec.Raw = _NULL
    trim: msgspec.Raw = _NULL
    track: msgspec.Raw = _NULL


class _Envelope(msgspec.Struct, gc=False):
    recordings: list[msgspec.Raw]
    next_page_uri: str | msgspec.UnsetType | None = msgspec.UNSET
    page_size: msgspec.Raw = _NULL


class _PageOfRecords(msgspec.Struct, gc=False):
    recordings: list[Record]
    next_page_uri: str | msgspec.UnsetType | None = msgspec.UNSET
    page_size: msgspec.Raw = _NULL


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_PAGE = msgspec.json.Decoder(_PageOfRecords)
_RECORD = msgspec.json.Decoder(Record)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_KNOWN = frozenset(Record.__struct_fields__)
_RAW_FIELDS = frozenset({"price", "encryption_details", "api_version", "subresource_uris", "trim", "track"})


@dataclass(frozen=True, slots=True)
class Envelope:
    """What pagination needs of a page: how many rows it lists and the URI of the next page (None on the last).

    A URI that is absent or empty also means the last page. ends: the JSON of the first and the last few rows.
    """

    rows: int
    next_page_uri: str | None
    ends: Sequence[bytes] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Misread:
    """A record that could not be decoded: its JSON text, the field, the reason, and its sid if there is one."""

    text: bytes
    field: str
    reason: str
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class PageRecords:
    """The records of a page with their positions (from 0), the records not decoded, and unknown field names.

    unknown_fields: (sid, or "" without one; name).
    odd_end: what is odd if the page is the last although its next_page_uri is not null, as documented: ODD_END if it is
    absent or empty, ODD_FULL_END if the page is full too, so that there may be more.
    """

    records: list[Record]
    positions: Sequence[int]
    misread: list[tuple[int, Misread]]
    unknown_fields: list[tuple[str, str]]
    odd_end: str = ""


def read_envelope(body: bytes) -> Envelope:
    """Decode how a page continues.

    Raises:
        NotJsonError: The body is not JSON: it is cut off, or an error page in HTML.
        OversizedError: It is larger than any page of the API.
        DataError: It is JSON, but not a page of recordings.
    """
    envelope = _decode_envelope(body)
    return Envelope(len(envelope.recordings), next_page(envelope.next_page_uri), ends_of(envelope.recordings))


def ends_of(rows: Sequence[msgspec.Raw]) -> tuple[bytes, ...]:
    """Return the JSON of the first few and the last few rows of a page: they show which rows it has."""
    ends = rows if len(rows) <= 2 * _AN_END else [*rows[:_AN_END], *rows[-_AN_END:]]
    return tuple(map(bytes, ends))


def next_page(uri: str | msgspec.UnsetType | None) -> str | None:
    """Return the URI of the next page; None on the last, where it is null (documented), absent or empty."""
    return uri if isinstance(uri, str) and uri.strip() else None


def _odd_end(page: _Envelope | _PageOfRecords) -> str:
    if page.next_page_uri is None or next_page(page.next_page_uri) is not None:
        return ""
    size = bytes(page.page_size).strip(b'"')
    return ODD_FULL_END if size.isdigit() and len(page.recordings) >= int(size) else ODD_END


def _decode_envelope(body: bytes) -> _Envelope:
    check_size(body)
    for clean in (bytes, without_lone_surrogates):
        try:
            envelope = _ENVELOPE.decode(clean(body))
        except msgspec.ValidationError as error:
            raise DataError(f"not a page of recordings ({error})") from None
        except RecursionError:
            return _decode_envelope(shallow(body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        check_records(len(envelope.recordings))
        return envelope
    raise NotJsonError("not a page of recordings (not JSON)")


def without_lone_surrogates(body: bytes) -> bytes:
    """Replace lone surrogates (`\\ud800`, allowed in JSON but not in Unicode) by the replacement character.

    Otherwise one such record would make its whole page unreadable.
    """
    return _ESCAPE.sub(lambda match: b"\\ufffd" if match["lone"] else match[0], body)


def read_some(texts: Sequence[bytes]) -> list[Record]:
    """Decode records given as JSON. Those that cannot be decoded are left out."""
    records = [_read_odd_record(text, []) for text in texts]
    return [record for record in records if isinstance(record, Record)]


def read_records(body: bytes) -> PageRecords:
    """Decode all records of a page.

    The page is decoded as a whole. Only if that fails, because of one unexpected record, are they decoded one by one.

    Raises:
        OversizedError: It is larger than any page of the API.
        DataError: The body is not a page of recordings.
    """
    check_size(body)
    try:
        page = _PAGE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_one_by_one(body)
    records = page.recordings
    check_records(len(records))
    return PageRecords(records, range(len(records)), [], [], _odd_end(page))


def _read_one_by_one(body: bytes) -> PageRecords:
    envelope = _decode_envelope(body)
    raw_records = envelope.recordings
    page = PageRecords([], positions := list[int](), [], [], _odd_end(envelope))
    for position, raw in enumerate(raw_records):
        record = _read_odd_record(bytes(raw), page.unknown_fields)
        if isinstance(record, Misread):
            page.misread.append((position, record))
        else:
            page.records.append(record)
            positions.append(position)
    return page


def _read_odd_record(text: bytes, unknown: list[tuple[str, str]]) -> Record | Misread:
    try:
        return _RECORD.decode(text)
    except RecursionError:
        return _read_odd_record(shallow(text), unknown)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        fields = _FIELDS.decode(text)
    except RecursionError:
        return _read_odd_record(shallow(text), unknown)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Misread(text, "record", "is not a JSON object in UTF-8")
    return _read_fields(text, fields, unknown)


def _read_fields(
    text: bytes, fields: Mapping[str, msgspec.Raw], unknown: list[tuple[str, str]]
) -> Record | Misread:
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
    unknown.extend((str(values.get("sid") or ""), name) for name in fields if name not in _KNOWN)
    raw_sid = bytes(fields.get("sid", _NULL))
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
