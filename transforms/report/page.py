"""The data of the report page as one compressed object: a cube that it adds up and tables that it lists."""

import base64
import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from transforms.report.text import to_text
from transforms.values.money import trimmed
from transforms.values.visible import visible

_CODED = {"day": "days", "source": "sources", "currency": "currencies"}
_COUNTS = ("channels", "recordings", "unpriced_recordings")
_MINUTES = ("billed_minutes", "priced_minutes")
_AMOUNTS = ("cost", "cost_without_minutes", "credits")


def payload(tables: Mapping[str, pa.Table]) -> str:
    """Pack the tables of the page into base64 of a deflated JSON object.

    `settings` has one row; `accounts` has account_sid and account_name; `cube` has day, account_sid, source, channels,
    currency, recordings, unpriced_recordings, billed_minutes, priced_minutes, cost, cost_without_minutes and
    credits; the other tables are listed unchanged. Money is text so that no digit is lost, and so are minutes that are
    not whole; days are ISO dates.
    """
    cube = tables["cube"]
    accounts = _named(tables["accounts"], cube["account_sid"].unique().to_pylist())
    settings = tables["settings"].to_pylist()
    shown: dict[str, Any] = {
        "settings": {name: _value(value) for name, value in (settings[0] if settings else {}).items()},
        "accounts": accounts,
        "cube": {"account_sid": _places(cube["account_sid"], [sid for sid, _ in accounts])},
    }
    for column, values in _CODED.items():
        shown[values] = sorted(_distinct(cube[column])[0])
        shown["cube"][column] = _places(cube[column], shown[values])
    shown["cube"] |= {name: cube[name].to_pylist() for name in _COUNTS}
    shown["cube"] |= {name: _content(cube[name])["values"] for name in _MINUTES}
    shown["cube"] |= {name: _short(cube[name]) for name in _AMOUNTS}
    listed = tables.keys() - {"cube", "accounts", "settings"}
    shown["tables"] = {name: _listed(tables[name]) for name in sorted(listed)}
    packed = zlib.compress(json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode())
    return base64.b64encode(packed).decode()


def _named(accounts: pa.Table, seen: Sequence[str]) -> list[tuple[str, str]]:
    """Return sid and name of all accounts, sorted by name; if several share a name, the sid is added to it."""
    names = {visible(sid): visible(sid) for sid in seen}
    names |= {visible(row["account_sid"]): visible(row["account_name"]) for row in accounts.to_pylist()}
    how_many = Counter(names.values())
    named = [(sid, name if how_many[name] == 1 else f"{name} ({sid})") for sid, name in names.items()]
    return sorted(named, key=lambda each: (each[1].casefold(), each))


def _listed(table: pa.Table) -> dict[str, Any]:
    columns = [
        {"name": field.name, "kind": _kind(field.type), **_content(table[field.name])}
        for field in table.schema
    ]
    return {"rows": table.num_rows, "columns": columns}


def _content(column: pa.ChunkedArray) -> dict[str, Any]:
    """Return the values of a column; texts repeat a lot, so they are stored as indices into a list."""
    if pa.types.is_decimal(column.type):
        return {"values": _short(column)}
    if pa.types.is_integer(column.type):
        return {"values": column.to_pylist()}
    distinct, indices = _distinct(column)
    return {"values": distinct, "places": indices.to_pylist()}


def _kind(type_: pa.DataType) -> str:
    if pa.types.is_decimal(type_):
        return "decimal"
    return "integer" if pa.types.is_integer(type_) else "text"


def _places(column: pa.ChunkedArray, values: Sequence[str]) -> list[int]:
    place = {value: number for number, value in enumerate(values)}
    distinct, indices = _distinct(column)
    found: list[int] = pa.array([place[value] for value in distinct], pa.int32()).take(indices).to_pylist()
    return found


def _short(column: pa.ChunkedArray) -> list[str | None]:
    """Return decimals as text without trailing zeros, to save space."""
    distinct, indices = _distinct(column)
    found: list[str | None] = pa.array(map(trimmed, distinct), pa.string()).take(indices).to_pylist()
    return found


def _distinct(column: pa.ChunkedArray) -> tuple[list[str], pa.Array]:
    """Return the distinct values of a column as text, and for each row the index of its value (or null)."""
    coded = column.combine_chunks().dictionary_encode()
    return [visible(str(to_text(value)), lines=True) for value in coded.dictionary.to_pylist()], coded.indices


def _value(value: Any) -> Any:
    return value if value is None or type(value) is int else visible(to_text(value) or "", lines=True)
