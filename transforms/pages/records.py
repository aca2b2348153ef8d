"""Decode the JSON of a page into typed records without losing a digit.

A page is the envelope that real responses have: `uri, first_page_uri, next_page_uri, previous_page_uri, page,
page_size` and the list under `recordings` (Twilio adds `start` and `end`). A number that may be an amount of money
stays JSON text, so it never passes through a float.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from transforms.errors import DataError, NotJsonError
from transforms.pages.bounds import check_records, check_size, shallow
from transforms.pages.record import NULL, Misread, Record, read_record

# Matches every escape from left to right, so that an escaped backslash is never mistaken for the start of one.
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)

_AN_END = 5

ODD_END = "no next_page_uri"
ODD_FULL_END = "no next_page_uri on a full page"


class _Envelope(msgspec.Struct, gc=False):
    recordings: list[msgspec.Raw]
    next_page_uri: str | msgspec.UnsetType | None = msgspec.UNSET
    page_size: msgspec.Raw = NULL


class _PageOfRecords(msgspec.Struct, gc=False):
    recordings: list[Record]
    next_page_uri: str | msgspec.UnsetType | None = msgspec.UNSET
    page_size: msgspec.Raw = NULL


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_PAGE = msgspec.json.Decoder(_PageOfRecords)


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
        record = read_record(bytes(raw), page.unknown_fields)
        if isinstance(record, Misread):
            page.misread.append((position, record))
        else:
            page.records.append(record)
            positions.append(position)
    return page
