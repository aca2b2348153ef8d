"""What the report page shows, as one packed object: the cube it adds up, and the tables it lists."""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from transforms.reports import to_text

_CODED = {"day": "days", "account_sid": "accounts", "source": "sources", "currency": "currencies"}
_COUNTS = ("recordings", "unpriced_recordings", "billed_minutes", "priced_minutes")


def payload(tables: Mapping[str, pa.Table]) -> str:
    """The tables of the page as base64 of a deflated JSON object.

    `settings` has one row; `accounts` has account_sid and account_name; `cube` has day, account_sid, source, channels,
    currency, recordings, unpriced_recordings, billed_minutes, priced_minutes and cost; the others are listed as they
    are. Money is text, so that no digit is lost on the way; days are ISO texts.
    """
    cube = tables["cube"]
    names = {row["account_sid"]: row["account_name"] for row in tables["accounts"].to_pylist()}
    coded = {
        column: sorted({to_text(value) or "" for value in cube[column].to_pylist()}) for column in _CODED
    }
    shown: dict[str, Any] = {_CODED[column]: values for column, values in coded.items()}
    shown["accounts"] = [[sid, names.get(sid, sid)] for sid in coded["account_sid"]]
    shown["cube"] = {column: _places(cube[column], values) for column, values in coded.items()}
    shown["cube"] |= {name: cube[name].to_pylist() for name in (*_COUNTS, "channels")}
    shown["cube"]["cost"] = [to_text(value) for value in cube["cost"].to_pylist()]
    settings = tables["settings"].to_pylist()
    shown["settings"] = {name: _value(value) for name, value in (settings[0] if settings else {}).items()}
    listed = tables.keys() - {"cube", "accounts", "settings"}
    shown["tables"] = {name: _listed(tables[name]) for name in sorted(listed)}
    packed = zlib.compress(json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode(), 9)
    return base64.b64encode(packed).decode()


def _places(column: pa.ChunkedArray, values: list[str]) -> list[int]:
    place = {value: number for number, value in enumerate(values)}
    return [place[to_text(value) or ""] for value in column.to_pylist()]


def _listed(table: pa.Table) -> dict[str, Any]:
    return {
        "columns": [[field.name, _kind(field.type)] for field in table.schema],
        "rows": [[_value(value) for value in row.values()] for row in table.to_pylist()],
    }


def _kind(type_: pa.DataType) -> str:
    if pa.types.is_decimal(type_):
        return "decimal"
    return "integer" if pa.types.is_integer(type_) else "text"


def _value(value: Any) -> Any:
    return value if value is None or type(value) is int else to_text(value)
