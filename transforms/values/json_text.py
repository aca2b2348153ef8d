"""Objects as JSON, in one way: for what commands print, channels send and manifests hold."""

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import msgspec


def json_text(value: object, *, ascii_only: bool = True) -> str:
    """A value as JSON on one line: structs and dataclasses as objects, their fields in order.

    Decimals are text with all their digits and no exponent; days and instants are in ISO 8601; paths are text.

    Args:
        value: What to write, of plain values, structs, dataclasses, and sequences and mappings of these.
        ascii_only: Escape all other characters.
    """
    plain = msgspec.to_builtins(value, builtin_types=(date, datetime, Decimal), enc_hook=_leaf)
    return json.dumps(plain, default=_leaf, ensure_ascii=ascii_only)


def plain_object(value: object) -> Any:
    """The same as a reader of that JSON gets it."""
    return json.loads(json_text(value))


def _leaf(value: object) -> str:
    match value:
        case Decimal():
            return f"{value:f}"
        case date():  # an instant is one, too
            return value.isoformat()
        case PurePath():
            return str(value)
    raise TypeError(f"A {type(value).__name__} has no place in JSON.")
