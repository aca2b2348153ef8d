"""Decode the JSON of a page into typed records without losing a digit.

A page is the envelope that real responses have: `uri, first_page_uri, next_page_uri, previous_page_uri, page,
page_size` and the list under `recordings` (Twilio adds `start` and `end`). A recording that was asked for by itself is
a page with that recording only: its body is the JSON object that lists have in an array (documented by both vendors).
A number that may be an amount of money stays JSON text, so it never passes through a float.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from transforms.errors import DataError, NotJsonError
from transforms.pages.bounds import check_records, check_size, shallow
from transforms.pages.broken import divided, is_json, without_lone_surrogates
from transforms.pages.record import (
    NULL,
    Misread,
    Record,
    can_be_field,
    other_fields,
    read_record,
    record_type,
)

_AN_END = 5

ODD_END = "no next_page_uri"
ODD_FULL_END = "no next_page_uri on a full page"


R = TypeVar("R")


class _Page(msgspec.Struct, Generic[R], gc=False):
    recordings: list[R]
    next_page_uri: str | msgspec.UnsetType | None = msgspec.UNSET
    page_size: msgspec.Raw = NULL


_Envelope = _Page[msgspec.Raw]
_ENVELOPE = msgspec.json.Decoder(_Envelope)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MOST_OTHERS = 100


@dataclass(frozen=True, slots=True)
class Envelope:
    """What pagination needs of a page: how many rows it lists and the URI of the next page (None on the last).

    A URI that is absent or empty also means the last page. ends: the JSON of the first and the last few rows.
    """

    rows: int
    next_page_uri: str | None
    ends: Sequence[bytes] = field(default=(), compare=False, repr=False)


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


def read_single(body: bytes) -> Envelope:
    """Decode a recording that was asked for by itself, as a page that has no other.

    Raises:
        NotJsonError: The body is not JSON: it is cut off, or an error page in HTML.
        OversizedError: It is larger than any page of the API.
        DataError: It is JSON, but not a recording.
    """
    check_size(body)
    if is_single(body):
        return Envelope(1, None, (body,))
    if not is_json(body):
        raise NotJsonError("not a recording (not JSON)")
    raise DataError("not a recording")


def is_single(body: bytes) -> bool:
    """Check whether a body is a recording, and not a page of them."""
    try:
        fields = _FIELDS.decode(body)
    except RecursionError:
        return is_single(shallow(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return "sid" in fields and "recordings" not in fields


def ends_of(rows: Sequence[msgspec.Raw]) -> tuple[bytes, ...]:
    """Return the JSON of the first few and the last few rows of a page: they show which rows it has."""
    ends = rows if len(rows) <= 2 * _AN_END else [*rows[:_AN_END], *rows[-_AN_END:]]
    return tuple(map(bytes, ends))


def next_page(uri: str | msgspec.UnsetType | None) -> str | None:
    """Return the URI of the next page; None on the last, where it is null (documented), absent or empty."""
    return uri if isinstance(uri, str) and uri.strip() else None


def _odd_end(page: _Page[Any]) -> str:
    if page.next_page_uri is None or next_page(page.next_page_uri) is not None:
        return ""
    size = bytes(page.page_size).strip(b'"')
    return ODD_FULL_END if size.isdigit() and len(page.recordings) >= int(size) else ODD_END


def _decode_envelope(body: bytes) -> _Envelope:
    check_size(body)
    try:
        envelope = _decode(body)
        if envelope is None:
            around, texts = divided(body) or (b"", [])
            envelope = _decode(without_lone_surrogates(around))
            if envelope is None:
                raise NotJsonError("not a page of recordings (not JSON)")
            envelope.recordings = [msgspec.Raw(text) for text in texts]
    except msgspec.ValidationError as error:
        raise DataError(f"not a page of recordings ({error})") from None
    check_records(len(envelope.recordings))
    return envelope


def _decode(body: bytes) -> _Envelope | None:
    """Decode an envelope; None if it is not JSON. Raises ValidationError if it is, but not an envelope."""
    try:
        return _ENVELOPE.decode(body)
    except msgspec.ValidationError:
        raise
    except RecursionError:
        return _decode(shallow(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def read_records(body: bytes) -> PageRecords:
    """Decode all records of a page.

    Raises:
        OversizedError: It is larger than any page of the API.
        DataError: The body is not a page of recordings.
    """
    return RecordReader().read(body)


class RecordReader:
    """Decodes pages, each as a whole. Only if that fails, because of one unexpected record, one record after another.

    It remembers which fields are not documented, so that later pages with them are decoded as a whole. That is faster,
    and changes nothing else.
    """

    def __init__(self) -> None:
        self._others: tuple[str, ...] = ()
        self._page, self._record = _decoders(self._others)

    def read(self, body: bytes) -> PageRecords:
        """Decode all records of a page. Raises the same as `read_records`."""
        check_size(body)
        try:
            page = self._page.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._read_one_by_one(body)
        records = page.recordings
        check_records(len(records))
        unknown = (
            [(record.sid, name) for record in records for name in other_fields(record)]
            if self._others
            else []
        )
        return PageRecords(records, range(len(records)), [], unknown, _odd_end(page))

    def _read_one_by_one(self, body: bytes) -> PageRecords:
        if is_single(body):
            rows, odd_end = [msgspec.Raw(body)], ""
        else:
            envelope = _decode_envelope(body)
            rows, odd_end = envelope.recordings, _odd_end(envelope)
        page = PageRecords([], positions := list[int](), [], [], odd_end)
        for position, raw in enumerate(rows):
            before = len(page.unknown_fields)
            record = read_record(bytes(raw), page.unknown_fields, self._record)
            self._learn(name for _, name in page.unknown_fields[before:])
            if isinstance(record, Misread):
                page.misread.append((position, record))
            else:
                page.records.append(record)
                positions.append(position)
        return page

    def _learn(self, names: Iterable[str]) -> None:
        new = tuple(name for name in names if name not in self._others and can_be_field(name))
        if new and len(self._others) + len(new) <= _MOST_OTHERS:
            self._others += new
            self._page, self._record = _decoders(self._others)


@lru_cache(maxsize=50)
def _decoders(
    others: tuple[str, ...],
) -> "tuple[msgspec.json.Decoder[_Page[Record]], msgspec.json.Decoder[Record]]":
    """Make decoders of a page and of a record with these other fields."""
    type_ = record_type(others)
    return msgspec.json.Decoder(_Page[type_]), msgspec.json.Decoder(type_)  # type: ignore[valid-type]
