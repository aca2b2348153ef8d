"""Usage Records: what Twilio counted and charged for recordings, one record per day.

`GET …/Usage/Records/Daily.json?Category=recordings&StartDate=…&EndDate=…`, documented at
twilio.com/docs/usage/api/usage-record: days are GMT, both ends included; `count` is the number of recordings, `usage`
their billed minutes, `price` the total in `price_unit`, positive; `as_of` is when the record was up to date. A main
account's list includes its subaccounts unless `IncludeSubaccounts=false` is sent. In the documentation, `price` is a
number and `count` and `usage` are text. A real response had all three as text, and "recorded-minutes" where "minutes"
is documented. Not known: how late a day can still change, and whether a day without usage is listed. A day that is
not listed counts as a day without charges.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa

from transforms.errors import DataError, NotJsonError
from transforms.pages.bounds import check_records, check_size, shallow
from transforms.pages.oddities import Oddities, shown
from transforms.pages.recordings import Page
from transforms.pages.records import ODD_END, Envelope, ends_of, next_page
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
"""What is charged for a day (UTC), per currency; a day requested but not listed has one row without a currency.

raw_page: the first page with these figures, as long as all later pages repeat them.
"""

_CATEGORY = "recordings"


class _UsageEnvelope(msgspec.Struct):
    usage_records: list[msgspec.Raw]
    next_page_uri: str | msgspec.UnsetType | None = msgspec.UNSET


class _UsageRecord(msgspec.Struct):
    """One record; numbers stay JSON text, so that no amount passes through a float."""

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
    """The usage of a window: rows (USAGE_SCHEMA) by day (UTC), and what is odd about them.

    A day with a record that cannot be understood, or that was not over when it was counted, is not among the days.
    """

    days: dict[date, list[dict[str, Any]]]
    oddities: Oddities = field(default_factory=Oddities)


def read_usage_envelope(body: bytes) -> Envelope:
    """Decode how a page continues.

    Raises:
        NotJsonError: The body is not JSON.
        DataError: It is JSON, but not a page of usage.
    """
    envelope = _decoded(body)
    rows = envelope.usage_records
    return Envelope(len(rows), next_page(envelope.next_page_uri), ends_of(rows))


def read_usage(pages: Iterable[Page], account_sid: str, window: Window) -> Usage:
    """Parse the pages of one pagination run over a window (whole days, UTC).

    A record of another category, account or window was not requested and is left out.

    Raises:
        DataError: A page is not a page of usage.
    """
    usage = Usage({day: [] for day in days_of(window)})
    for page in pages:
        envelope = _decoded(page.body)
        if envelope.next_page_uri is not None and next_page(envelope.next_page_uri) is None:
            usage.oddities.add(ODD_END)
        for raw in envelope.usage_records:
            _take(usage, bytes(raw), account_sid, page.name)
    for day, rows in usage.days.items():
        if not rows:
            rows.append(_row(account_sid, day, None, 0, Decimal(0), Decimal(0), ""))
    return usage


def _take(usage: Usage, text: bytes, account_sid: str, page: str) -> None:
    try:
        record = msgspec.json.decode(text, type=_UsageRecord)
        first, last = date.fromisoformat(record.start_date), date.fromisoformat(record.end_date)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        # It is unknown which day the record belongs to: better no day at all than one with too low a figure.
        usage.days.clear()
        usage.oddities.add("usage record not understood")
        return
    if record.category != _CATEGORY or record.account_sid not in (None, account_sid) or first != last:
        usage.oddities.add("usage record not asked for", shown(record.category))
        return
    if first not in usage.days:
        return
    count, minutes, price = (_number(raw) for raw in (record.count, record.usage, record.price))
    if count is None or minutes is None or price is None or count != int(count):
        usage.oddities.add("usage record not understood", record.start_date)
        del usage.days[first]
    elif not _is_whole(record, first):
        del usage.days[first]
    else:
        currency = (record.price_unit or "").strip().upper() or NO_CURRENCY
        others = [row for row in usage.days[first] if row["currency"] != currency]
        usage.days[first] = [*others, _row(account_sid, first, currency, int(count), minutes, price, page)]


def _is_whole(record: _UsageRecord, day: date) -> bool:
    """Check whether the day was over when the record was counted; assumed if the record does not say."""
    as_of = parse_instant(record.as_of) if record.as_of else None
    return as_of is None or as_of >= Window(day, day).created_before


def _number(raw: msgspec.Raw) -> Decimal | None:
    """Parse a number from its JSON text, a number or a string, never through a float."""
    text = bytes(raw)
    return parse_price(msgspec.json.decode(text, type=str) if text.startswith(b'"') else text.decode())


def _row(
    account_sid: str, day: date, currency: str | None, count: int, minutes: Decimal, price: Decimal, page: str
) -> dict[str, Any]:
    values = (account_sid, day, currency, count, minutes, price, page)
    return dict(zip(USAGE_SCHEMA.names, values, strict=True))


def _decoded(body: bytes) -> _UsageEnvelope:
    check_size(body)
    try:
        envelope = msgspec.json.decode(body, type=_UsageEnvelope)
    except msgspec.ValidationError as error:
        raise DataError(f"not a page of usage ({error})") from None
    except RecursionError:
        return _decoded(shallow(body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotJsonError("not a page of usage (not JSON)") from None
    check_records(len(envelope.usage_records))
    return envelope
