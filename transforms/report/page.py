"""What the report page shows, as one packed object: the cube it adds up, and the tables it lists."""

import base64
import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from transforms.report.text import to_text
from transforms.values.money import trimmed

_CODED = {"day": "days", "source": "sources", "currency": "currencies"}
_COUNTS = ("channels", "recordings", "unpriced_recordings", "billed_minutes", "unpriced_minutes")


def payload(tables: Mapping[str, pa.Table]) -> str:
    """Return the tables of the page as base64 of a deflated JSON object.

    `settings` has one row; `accounts` has account_sid and account_name; `cube` has day, account_sid, source, channels,
    currency, recordings, unpriced_recordings, billed_minutes, unpriced_minutes and cost; the others are listed as they
    are. Money is text, so that no digit is lost on the way; days are ISO texts.
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
    shown["cube"]["cost"] = _short(cube["cost"])
    listed = tables.keys() - {"cube", "accounts", "settings"}
    shown["tables"] = {name: _listed(tables[name]) for name in sorted(listed)}
    packed = zlib.compress(json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode())
    return base64.b64encode(packed).decode()


def _named(accounts: pa.Table, seen: Sequence[str]) -> list[tuple[str, str]]:
    """Return sid and name of all accounts by name; where several have one name, the sid stands with it."""
    names = {sid: sid for sid in seen}
    names |= {row["account_sid"]: row["account_name"] for row in accounts.to_pylist()}
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
    """Return the values of a column; texts, which come again and again, as places in a list of them."""
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
    """Return decimals as text without zeros at the end, which say nothing and take room."""
    distinct, indices = _distinct(column)
    found: list[str | None] = pa.array(map(trimmed, distinct), pa.string()).take(indices).to_pylist()
    return found


def _distinct(column: pa.ChunkedArray) -> tuple[list[str], pa.Array]:
    """Return the values of a column as text, each once, and which of them each row has; null where it has none."""
    coded = column.combine_chunks().dictionary_encode()
    return [str(to_text(value)) for value in coded.dictionary.to_pylist()], coded.indices


def _value(value: Any) -> Any:
    return value if value is None or type(value) is int else to_text(value)
