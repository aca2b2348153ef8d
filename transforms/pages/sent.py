"""Collect the records of pages as they were sent, in columns: a field that is text or a number is text there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from transforms.pages.record import NOTHING, Record

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
