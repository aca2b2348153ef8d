"""Parse page bytes into an Arrow table of recordings, plus the records that could not be understood.

A page is the body of one response of the Recordings list API. Nothing here guesses: a record without a sid, without
a valid creation date or with a price that is not a number is rejected with the field and the reason. Everything less
serious is counted as an oddity.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from transforms.errors import DataError, OversizedError
from transforms.pages.batches import LISTED_SCHEMA, read_columns
from transforms.pages.oddities import Oddities, shown
from transforms.pages.record import Misread, Record
from transforms.pages.records import RecordReader
from transforms.pages.sent import Batch, Sent
from transforms.pages.sids import same_spelling
from transforms.schema import REJECT_SCHEMA
from transforms.values.date_columns import instants
from transforms.values.dates import parse_instant
from transforms.values.windows import Window, is_created_in

# Enough rows for columnar work to pay off, few enough to need little memory.
_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its name (landing and page, relative to the data folder) and the exact bytes received.

    api_host: the host that sent it; empty when that is not known.
    """

    name: str
    body: bytes
    api_host: str = ""


@dataclass(slots=True)
class Listed:
    """What pages list within a window of creation days.

    recordings: LISTED_SCHEMA, in the order of the pages. rejects: REJECT_SCHEMA. rows = understood + rejects + outside;
    outside is the number of rows created outside the window. is_partial: a page is too large to be read, so that it is
    not known what else is listed.
    """

    recordings: pa.Table
    rejects: pa.Table
    rows: int
    outside: int
    oddities: Oddities
    is_partial: bool = False

    @property
    def understood(self) -> int:
        """How many rows of the window were parsed; a recording listed twice counts twice."""
        return self.rows - int(self.rejects.num_rows) - self.outside


def list_recordings(pages: Iterable[Page], account_sid: str, window: Window) -> Listed:
    """Parse the pages of one account into tables, keeping the rows created in the window.

    The request may cover more than the window, so rows outside it are counted and left out.

    Raises:
        DataError: A page is not a page of recordings; the message names it.
    """
    parts = [_list_batch(batch, account_sid, window) for batch in _batches(pages, RecordReader())]
    return Listed(
        pa.concat_tables([LISTED_SCHEMA.empty_table()] + [part.recordings for part in parts]),
        pa.concat_tables([REJECT_SCHEMA.empty_table()] + [part.rejects for part in parts]),
        rows=sum(part.rows for part in parts),
        outside=sum(part.outside for part in parts),
        oddities=sum((part.oddities for part in parts), Oddities()),
        is_partial=any(part.is_partial for part in parts),
    )


def created_instants(records: Iterable[Record]) -> list[datetime]:
    """List when the records were created (UTC), in their order; a date that cannot be parsed is left out."""
    found = (parse_instant(record.date_created) for record in records if record.date_created is not None)
    return [instant for instant in found if instant is not None]


@dataclass(slots=True)
class _Pages:
    """Some parsed pages: their records in a batch, and those that could not be decoded."""

    reader: RecordReader
    batch: Batch = field(default_factory=Batch)
    misread: list[tuple[str, int, Misread]] = field(default_factory=list)
    oddities: Oddities = field(default_factory=Oddities)
    is_partial: bool = False

    def add(self, page: Page) -> None:
        try:
            read = self.reader.read(page.body)
        except OversizedError as error:
            # An earlier version landed it. The other pages are read, and this one is a reject.
            self.oddities.add("page too large to be read")
            self.misread.append((page.name, 0, Misread(page.body, "page", f"is not read: {error}")))
            self.is_partial = True
            return
        except DataError as error:
            raise DataError(f"{page.name}: {error}. Delete this landing to fetch it again.") from None
        for sid, name in read.unknown_fields:
            self.oddities.add("unknown field", name, sid=sid)
        if read.odd_end:
            self.oddities.add(read.odd_end)
        self.misread.extend((page.name, position, misread) for position, misread in read.misread)
        self.batch.add(page.name, read.records, read.positions, page.api_host)


def _batches(pages: Iterable[Page], reader: RecordReader) -> Iterator[_Pages]:
    parsed = _Pages(reader)
    for page in pages:
        parsed.add(page)
        if len(parsed.batch) >= _ROWS_AT_ONCE:
            yield parsed
            parsed = _Pages(reader)
    yield parsed


def _list_batch(pages: _Pages, account_sid: str, window: Window) -> Listed:
    sent = pages.batch.sent()
    rows = len(sent) + len(pages.misread)
    created_at = instants(sent.rows["date_created"])
    # A record whose creation date cannot be parsed may belong to any window, so it is kept here (and rejected below).
    is_kept = pc.fill_null(is_created_in(created_at, window), True)
    outside = is_kept.false_count
    if outside:
        sent, created_at = sent.kept(is_kept), created_at.filter(is_kept)
    read = read_columns(sent, created_at, account_sid)
    is_good = pc.and_(
        pc.and_(pc.is_valid(created_at), pc.invert(read.is_price_unreadable)),
        pc.and_(
            pc.equal(read.table["account_sid"], account_sid), pc.not_equal(read.table["recording_sid"], "")
        ),
    )
    is_all_good = pc.all(is_good).as_py() in (True, None)
    rejects = [] if is_all_good else _rejects(sent, created_at, pc.invert(is_good), account_sid)
    rejects += [
        {
            "recording_sid": same_spelling(misread.sid or "") or None,
            "record_key": same_spelling(misread.sid or "") or _digest(misread.text),
            "raw_page": page,
            "position": position,
            "field": misread.field,
            "reason": misread.reason,
        }
        for page, position, misread in pages.misread
    ]
    where = {"account_sid": account_sid, "window_first": window.first, "window_last": window.last}
    return Listed(
        read.table if is_all_good else read.table.filter(is_good),
        pa.Table.from_pylist([where | reject for reject in rejects], REJECT_SCHEMA),
        rows=rows,
        outside=outside,
        oddities=pages.oddities + read.oddities,
        is_partial=pages.is_partial,
    )


def _rejects(
    sent: Sent, created_at: pa.Array, is_bad: pa.ChunkedArray, account_sid: str
) -> list[dict[str, Any]]:
    rejects = []
    for number in pc.indices_nonzero(is_bad).to_pylist():
        record, instant = sent.row(number), created_at[number].as_py()
        page, position = sent.place(number)
        rejects.append(
            {
                "recording_sid": same_spelling(record["sid"]) or None,
                "created_at": instant,
                "record_key": same_spelling(record["sid"]) or _digest(msgspec.json.encode(record)),
                "raw_page": page,
                "position": position,
                **_why_rejected(record, account_sid, instant),
            }
        )
    return rejects


def _digest(text: bytes) -> str:
    return f"sha256:{hashlib.sha256(text).hexdigest()}"


def _why_rejected(record: dict[str, Any], account_sid: str, created_at: datetime | None) -> dict[str, str]:
    if not record["sid"]:
        return {"field": "sid", "reason": "is empty"}
    if created_at is None:
        if record["date_created"] is None:
            return {"field": "date_created", "reason": "is missing"}
        return {"field": "date_created", "reason": f"{shown(record['date_created'])!r} is not a date"}
    if record["account_sid"] and same_spelling(record["account_sid"]) != same_spelling(account_sid):
        return {"field": "account_sid", "reason": f"{shown(record['account_sid'])!r} is another account"}
    return {"field": "price", "reason": f"{shown(record['price'])} is not a number that fits"}
