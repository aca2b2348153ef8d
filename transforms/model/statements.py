"""Statements of closed months: the instants of a month, what was missing, and the tables the models read.

Months follow usage_date, so they are in the reporting time zone; days of coverage are UTC.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo

import msgspec
import pyarrow as pa

from transforms.errors import ConfigError
from transforms.values.counts import counted
from transforms.values.dates import INSTANT
from transforms.values.minutes import MINUTES
from transforms.values.windows import CoveredDay, Window, consecutive, days_of

STATEMENT_SCHEMA = pa.schema(
    [
        ("month", pa.date32()),
        ("account_sid", pa.string()),
        ("account_name", pa.string()),
        ("source", pa.string()),
        ("channels", pa.int8()),
        ("currency", pa.string()),
        ("recordings", pa.int64()),
        ("unpriced_recordings", pa.int64()),
        ("billed_minutes", MINUTES),
        ("cost", pa.decimal128(38, 9)),
        ("closed_at", INSTANT),
    ]
)
"""Rows of all statements, as in `landed.statements`."""

TERMS_SCHEMA = pa.schema(
    [
        ("month", pa.date32()),
        ("account_sid", pa.string()),
        ("charge_sign", pa.int8()),
        ("billing_increment_seconds", pa.int32()),
    ]
)
"""What prices and lengths of closed months mean, as in `landed.closed_terms`."""

CLOSED_SCHEMA = pa.schema(
    [
        ("month", pa.date32()),
        ("closed_at", INSTANT),
        ("reporting_timezone", pa.string()),
        ("holes", pa.int64()),
        ("unpriced", pa.int64()),
        ("rejects", pa.int64()),
        ("sha256", pa.string()),
    ]
)
"""Closed months, as in `landed.closed_months`."""


class StatementRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a statement. cost: a plain decimal in the currency; None while nothing is priced.

    billed_minutes: a plain decimal as text if they are not whole.
    """

    account_sid: str
    account_name: str
    source: str
    channels: int | None
    currency: str
    recordings: int
    unpriced_recordings: int
    billed_minutes: int | str
    cost: str | None


class Hole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Days of an account that were not read after they ended, or not at all: inclusive, UTC."""

    account_sid: str
    first_day: date
    last_day: date


class Missing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is missing from a month's figures: days, prices, and records that could not be understood."""

    holes: list[Hole]
    unpriced_recordings: int
    rejects: int

    @property
    def hole_days(self) -> int:
        """The number of missing days, summed over accounts."""
        return sum((hole.last_day - hole.first_day).days + 1 for hole in self.holes)

    @property
    def words(self) -> str:
        """What is missing, as part of a sentence; empty if nothing is."""
        first = self.holes[0] if self.holes else None
        parts = [
            f"{counted(self.hole_days, 'day of an account was', 'days of accounts were')} not read to the end "
            f"(the first is {first.first_day} of {first.account_sid})"
            if first
            else "",
            f"{counted(self.unpriced_recordings, 'recording has', 'recordings have')} no price"
            if self.unpriced_recordings
            else "",
            f"{counted(self.rejects, 'record', 'records')} could not be understood" if self.rejects else "",
        ]
        return ", ".join(part for part in parts if part)


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was reported for a month (YYYY-MM), when (UTC), and what was missing.

    statement_csv_sha256: digest of the file next to it, which has the same rows for a spreadsheet. charge_signs:
    account sid → sign of its charges (1 or -1), of the accounts whose prices of the other sign are credits.
    billing_increments: account sid → seconds in whose steps it was billed, of the accounts that are not billed by full
    minutes. Without such accounts each is left out, also of the digest, as in statements of before.
    """

    month: str
    reporting_timezone: str
    closed_at: datetime
    missing: Missing
    rows: list[StatementRow]
    statement_csv_sha256: str
    format: int = 1
    charge_signs: dict[str, int] | msgspec.UnsetType = msgspec.UNSET
    billing_increments: dict[str, int] | msgspec.UnsetType = msgspec.UNSET


def read_month(text: str) -> date:
    """Return the first day of a month written as 2026-09. Raises ConfigError if the text is not a month."""
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        month = None
    if month is None or f"{month:%Y-%m}" != text:
        raise ConfigError(f"'{text}' is not a month (use YYYY-MM).")
    return month


def bounds(month: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the first instant of a month in a time zone and the first instant after it, UTC."""
    following = (month + timedelta(days=32)).replace(day=1)
    first, after = (
        datetime(day.year, day.month, 1, tzinfo=zone).astimezone(UTC) for day in (month, following)
    )
    return first, after


def days_within(begins: datetime, ends: datetime) -> Window:
    """Return the days (UTC) that an instant from `begins` to just before `ends` can fall on."""
    return Window(begins.date(), (ends - timedelta(microseconds=1)).date())


def unread_days(covered: Iterable[CoveredDay], since: date, begins: datetime, ends: datetime) -> list[date]:
    """Return the days (UTC) of a month, from `since` on, that were not read after their last instant in the month."""
    read = {
        day.day for day in covered if day.fetched_at >= min(Window(day.day, day.day).created_before, ends)
    }
    return [day for day in days_of(days_within(begins, ends)) if day >= since and day not in read]


def holes_of(account_sid: str, days: Sequence[date]) -> list[Hole]:
    """Merge consecutive days of an account into spans."""
    return [Hole(account_sid, run.first, run.last) for run in consecutive(days)]
