"""Accounts, recordings and landings written by hand, for the tests of the stores."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

import pyarrow as pa
from msgspec import structs

from flows.stores.api.access import AccountAccess
from flows.stores.api.retries import RetryPolicy
from flows.stores.lake.commit import Commit
from flows.stores.lake.lake import Lake
from flows.stores.raw.landing import Landing
from transforms.schema import LAKE_SCHEMA
from transforms.values.windows import Window

ACCOUNT = "720796a0-8ee9-4350-83bd-2d07a3121f1e"
OTHER_ACCOUNT = "5b1f2a52-6a3e-4b3f-a0c1-3f2a1b0c9d8e"
TOKEN = "PT0f1e2d3c4b5a69788796a5b4c3d2e1f0"
TOKEN_HINT = "RECSPEND_API_TOKEN"
HASTE = RetryPolicy(connect_timeout=5, read_timeout=5, attempts=3, backoff=0)
"""Three attempts without a pause."""


def access(
    base_url: str,
    *,
    account_sid: str = ACCOUNT,
    user: str | None = None,
    token: str = TOKEN,
    provider: Literal["signalwire", "twilio"] = "signalwire",
) -> AccountAccess:
    return AccountAccess("support", account_sid, base_url, user or account_sid, token, provider, TOKEN_HINT)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


_RECORDING: Mapping[str, object] = {
    "account_sid": ACCOUNT,
    "call_sid": "43bb71ee-553f-4074-bb20-8e2747647cce",
    "conference_sid": None,
    "source": "DialVerb",
    "source_raw": "DialVerb",
    "status": "completed",
    "channels": 1,
    "duration_seconds": 61,
    "price": Decimal("-0.005000000"),
    "price_raw": "-0.005",
    "currency": "USD",
    "created_at": utc(2026, 7, 5, 12),
    "updated_at": utc(2026, 7, 5, 13),
    "started_at": utc(2026, 7, 5, 12),
    "ended_at": None,
    "error_code": None,
    "uri": "/2010-04-01/Accounts/A/Recordings/R.json",
    "media_location": None,
    "is_encrypted": False,
    "first_seen_at": utc(2026, 7, 6),
    "first_priced_at": utc(2026, 7, 6),
    "deleted_at": None,
    "raw_page": "raw/account_sid=A/2026-07-01_2026-07-31/20260706T000000.000000Z/page-00000.json.zst",
}


def lake_rows(*sids: str, **values: object) -> pa.Table:
    """Make recordings (LAKE_SCHEMA) that differ only in their sid."""
    rows: list[dict[str, Any]] = [{"recording_sid": sid, **_RECORDING, **values} for sid in sids]
    return pa.Table.from_pylist(rows, LAKE_SCHEMA)


def landing(
    first: date = date(2026, 7, 1),
    last: date = date(2026, 7, 31),
    fetched_at: datetime = datetime(2026, 8, 1, 3, tzinfo=UTC),
    account_sid: str = ACCOUNT,
) -> Landing:
    return Landing(account_sid, Window(first, last), fetched_at)


def fill(
    lake: Lake,
    months: Mapping[str, pa.Table],
    account_sid: str = ACCOUNT,
    commit: Commit = Commit(),  # noqa: B008  it cannot be changed
    **tables: pa.Table,
) -> Commit:
    """Commit recordings by month (YYYY-MM), and rejects, corrections or changes, as the lake of an account."""
    files = {month: [lake.write(account_sid, month, rows)] for month, rows in months.items() if rows.num_rows}
    written = {
        name: [lake.write_table(account_sid, name, rows)] for name, rows in tables.items() if rows.num_rows
    }
    whole = structs.replace(commit, months=files, tables=written)
    lake.replace(account_sid, whole)
    return whole
