"""Usage Records: what Twilio says it counted and charged for recordings, a record a day.

`GET …/Usage/Records/Daily.json?Category=recordings&StartDate=…&EndDate=…`, documented at
twilio.com/docs/usage/api/usage-record: days are GMT, both ends included; `count` is how many recordings, `usage` their
billed minutes, `price` the total in `price_unit`, positive; `as_of` is when the record was up to date. A main account's
list includes its subaccounts unless `IncludeSubaccounts=false` is asked. The documentation has `price` as a number and
`count` and `usage` as text; a real response had all three as text, and said "recorded-minutes" where "minutes" is
documented. Not known: how late a day still changes, and whether a day without usage is listed. One that is not listed
counts as a day for which nothing is charged.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa

from transforms.errors import DataError, NotJsonError
from transforms.pages.recordings import Page
from transforms.pages.records import Envelope
from transforms.schema import NO_CURRENCY
from transforms.values.dates import parse_instant
from transforms.values.money import PRICE, parse_price
from transforms.values.windows import Window, days_of

USAGE_SCHEMA = pa.schema(
    [
        pa.field("account_sid", pa.string(), nullable=False),
        pa.field("usage_date", pa.date32(), nullable=False),
        pa.field("currency", pa.string()),
        pa.field("recordings", pa.int64(), nullable=False),
        pa.field("minutes", PRICE, nullable=False),
        pa.field("price", PRICE, nullable=False),
        pa.field("raw_page", pa.string(), nullable=False),
    ]
)
"""What is charged for a day (UTC), per currency; a day that was read and is not listed has one row without a currency.

raw_page: the page that said so first, as long as all later ones say the same.
"""

_CATEGORY = "recordings"


class _UsageEnvelope(msgspec.Struct):
    usage_records: list[msgspec.Raw]
    next_page_uri: str | None = None


class _UsageRecord(msgspec.Struct):
    """One record; what may carry money stays JSON text."""

    category: str
    start_date: str
    end_date: str
    count: msgspec.Raw
    usage: msgspec.Raw
    price: msgspec.Raw
    price_unit: str | None = None
    account_sid: str | None = None
    as_of: str | None = None


@dataclass(slots=True)
class Usage:
    """What pages say of a window: rows (USAGE_SCHEMA) by day, and how often each (kind, value) was odd.

    A day with a record that cannot be understood, or that was not over when it was counted, is not among the days.
    """

    days: dict[date, list[dict[str, Any]]]
    oddities: Counter[tuple[str, str]] = field(default_factory=Counter)


def read_usage_envelope(body: bytes) -> Envelope:
    """Read how a page continues. Raises NotJsonError when it is no JSON, DataError when it is no page of usage."""
    envelope = _decoded(body)
    return Envelope(len(envelope.usage_records), envelope.next_page_uri)


def read_usage(pages: Iterable[Page], account_sid: str, window: Window) -> Usage:
    """Read the pages of one walk over a window, whole days in UTC. Raises DataError when a page is no page of usage.

    A record of another category, account or window was not asked for and is left out.
    """
    usage = Usage({day: [] for day in days_of(window)})
    for page in pages:
        for raw in _decoded(page.body).usage_records:
            _take(usage, bytes(raw), account_sid, page.name)
    for day, rows in usage.days.items():
        if not rows:
            rows.append(_row(account_sid, day, None, 0, Decimal(0), Decimal(0), ""))
    return usage


def _take(usage: Usage, text: bytes, account_sid: str, page: str) -> None:
    try:
        record = msgspec.json.decode(text, type=_UsageRecord)
        first, last = date.fromisoformat(record.start_date), date.fromisoformat(record.end_date)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
        # Of which day it speaks is not known: better none of them than a figure too little.
        usage.days.clear()
        usage.oddities["usage record not understood", ""] += 1
        return
    if record.category != _CATEGORY or record.account_sid not in (None, account_sid) or first != last:
        usage.oddities["usage record not asked for", record.category] += 1
        return
    if first not in usage.days:
        return
    count, minutes, price = (_number(raw) for raw in (record.count, record.usage, record.price))
    if count is None or minutes is None or price is None or count != int(count):
        usage.oddities["usage record not understood", record.start_date] += 1
        del usage.days[first]
    elif not _is_whole(record, first):
        del usage.days[first]
    else:
        currency = (record.price_unit or "").strip().upper() or NO_CURRENCY
        others = [row for row in usage.days[first] if row["currency"] != currency]
        usage.days[first] = [*others, _row(account_sid, first, currency, int(count), minutes, price, page)]


def _is_whole(record: _UsageRecord, day: date) -> bool:
    """Whether the day was over when the record was up to date; one that does not say is taken for it."""
    as_of = parse_instant(record.as_of) if record.as_of else None
    return as_of is None or as_of >= Window(day, day).created_before


def _number(raw: msgspec.Raw) -> Decimal | None:
    """A number from its JSON text, written as a number or as text, never through a float."""
    text = bytes(raw)
    return parse_price(msgspec.json.decode(text, type=str) if text.startswith(b'"') else text.decode())


def _row(
    account_sid: str, day: date, currency: str | None, count: int, minutes: Decimal, price: Decimal, page: str
) -> dict[str, Any]:
    values = (account_sid, day, currency, count, minutes, price, page)
    return dict(zip(USAGE_SCHEMA.names, values, strict=True))


def _decoded(body: bytes) -> _UsageEnvelope:
    try:
        return msgspec.json.decode(body, type=_UsageEnvelope)
    except msgspec.ValidationError as error:
        raise DataError(f"not a page of usage ({error})") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotJsonError("not a page of usage (no JSON)") from None
