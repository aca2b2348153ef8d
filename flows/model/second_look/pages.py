"""Read the recordings of a page with the standard library alone.

It reads what it is sure of: a value in a rare form is left out, and then nothing is compared with it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any

_NINE_DECIMALS = Decimal("1e-9")
_COMMENT = re.compile(r"\s*\([^()]*\)$")
_COLON_IN_ZONE = re.compile(r"(\s[+-]\d\d):(\d\d)$")
# Python reads a zone that it does not know as UTC.
_ZONE = re.compile(r"\s(?:[+-]\d{4}|GMT|UTC|UT|Z|[ECMP][SD]T)$")
_NO_CURRENCY = "XXX"
_LARGEST = {"channels": 127, "duration_seconds": 2**31 - 1}  # a larger number is not kept

# What makes the lake does not read a larger page either; it is a reject then.
_MOST_BYTES, _MOST_VALUES, _MOST_RECORDS = 64 << 20, 3_000_000, 50_000
_MOST_DIGITS = 1_000

Facts = Mapping[str, object]
"""Field → value, of the fields that could be read. The names are those of the lake's columns."""


@dataclass(frozen=True, slots=True)
class SeenRecording:
    """A recording of a page: its sid in lower case, when it was created (UTC), and its facts."""

    sid: str
    created_at: datetime
    facts: Facts

    @property
    def is_deleted(self) -> bool:
        """Whether the API lists it as deleted."""
        return self.facts.get("status") == "deleted"


class UnreadablePageError(Exception):
    """A page is too large, or nested too deeply, to be read in this way."""


def recordings_of(body: bytes) -> Iterator[SeenRecording]:
    """Yield the recordings of a page whose sid and creation can be read.

    Raises:
        UnreadablePageError: Nothing can be said about the page.
    """
    if len(body) > _MOST_BYTES or sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES:
        raise UnreadablePageError
    try:
        records = json.loads(body, parse_float=Decimal, parse_int=_integer)["recordings"]
    except (RecursionError, ValueError):
        raise UnreadablePageError from None
    if len(records) > _MOST_RECORDS:
        raise UnreadablePageError
    for record in records:
        created_at = instant(record.get("date_created")) if isinstance(record, dict) else None
        if created_at is not None and isinstance(record.get("sid"), str) and record["sid"]:
            yield SeenRecording(record["sid"].lower(), created_at, _facts(record, created_at))


def facts_of_row(row: Mapping[str, Any]) -> Facts:
    """Return a row of the lake in the form of the facts of a page."""
    return {
        **{
            name: row[name]
            for name in ("price", "currency", "created_at", "duration_seconds", "channels", "status")
        },
        "source": _source(row["source"]),
        **{name: (row[name] or "").lower() for name in ("call_sid", "conference_sid")},
        "error_code": row["error_code"],
    }


def instant(text: object) -> datetime | None:
    """Parse a date into an instant, UTC; None if it is in a form that is not common."""
    if not isinstance(text, str):
        return None
    common = _COLON_IN_ZONE.sub(r"\1\2", _COMMENT.sub("", text.strip()).replace("Sept ", "Sep "))
    for parse, has_zone in ((datetime.fromisoformat, True), (parsedate_to_datetime, _ZONE.search(common))):
        try:
            found = parse(common) if has_zone else None
        except (ValueError, TypeError, IndexError):
            continue
        if found is not None:
            # Python takes `-0000` for an instant without a zone; it is UTC.
            return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    return None


def _facts(record: Mapping[str, Any], created_at: datetime) -> Facts:
    facts: dict[str, object] = {"created_at": created_at}
    channels = record.get("channels")
    facts |= _whole("channels", record.get("channel") if channels is None else channels)
    facts |= _whole("duration_seconds", record.get("duration"))
    facts |= _price(record.get("price"))
    for name, field in (("currency", "price_unit"), ("status", "status"), ("source", "source")):
        value = record.get(field)
        if isinstance(value, str) and value.strip():
            facts[name] = value.strip()
    facts["currency"] = str(facts.get("currency", _NO_CURRENCY)).upper()
    for name, change in (("status", str.lower), ("source", _source)):
        if name in facts:
            facts[name] = change(str(facts[name]))
    for name in ("call_sid", "conference_sid"):
        if isinstance(record.get(name), str | None):
            facts[name] = (record.get(name) or "").lower()
    code = record.get("error_code")
    if code is None or isinstance(code, int) or (isinstance(code, str) and code.isdigit()):
        facts["error_code"] = None if code is None else str(code)
    if facts.get("status") == "deleted":  # what is not listed any more stays as it was known
        lost = {"price": None, "duration_seconds": None, "currency": _NO_CURRENCY}
        facts = {name: value for name, value in facts.items() if name not in lost or value != lost[name]}
    return facts


def _integer(text: str) -> int | Decimal:
    # Python refuses to make an int of some thousand digits.
    return int(text) if len(text) < _MOST_DIGITS else Decimal(text)


def _whole(name: str, value: object) -> Facts:
    if value is None or (isinstance(value, str) and not value.strip()):
        return {name: None}
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    return {name: value} if type(value) is int and 0 <= value <= _LARGEST[name] else {}


def _price(value: object) -> Facts:
    if value is None or value == "":
        return {"price": None}
    try:
        return {"price": Decimal(str(value)).quantize(_NINE_DECIMALS)}
    except InvalidOperation:
        return {}


def _source(name: str) -> str:
    """Spell a source in one of its ways: pages write it with and without API at the end, in any case."""
    return name.strip().lower().removesuffix("api")
