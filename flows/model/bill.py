"""Inputs of the bill comparison: Usage Records, and which days of each account can be compared."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from flows.model.coverage import AccountCoverage, by_column
from flows.stores.lake.usage_records import UsageRecords
from transforms.pages.usage import USAGE_SCHEMA
from transforms.values.windows import Window, days_of

_DAYS_SCHEMA = pa.schema(
    [
        pa.field("account_sid", pa.string()),
        pa.field("day", pa.date32()),
        pa.field("is_covered", pa.bool_()),
        pa.field("has_usage_list", pa.bool_()),
    ]
)


def bill_tables(
    data_dir: Path, covered: Sequence[AccountCoverage], with_usage: Collection[str], zone: ZoneInfo
) -> dict[str, pa.Table]:
    """Return the rows of landed.usage_records and landed.account_days.

    They only change when the data does, so an unchanged warehouse is not rebuilt. with_usage: sids of the accounts
    whose Usage Records are read. zone: the reporting time zone. Raises DataError for a damaged file.
    """
    records = UsageRecords(data_dir)
    usage = [records.read(account.account_sid) for account in covered]
    return {
        "landed.usage_records": pa.concat_tables([USAGE_SCHEMA.empty_table(), *usage]),
        "landed.account_days": by_column(
            _DAYS_SCHEMA, (_day_columns(each, each.account_sid in with_usage, zone) for each in covered)
        ),
    }


def _day_columns(account: AccountCoverage, has_list: bool, zone: ZoneInfo) -> tuple[list[Any], ...]:
    days = _days(account, zone)
    return [account.account_sid] * len(days), [*days], [*days.values()], [has_list] * len(days)


def _days(account: AccountCoverage, zone: ZoneInfo) -> dict[date, bool]:
    """Return the days of an account, in order, and whether each was read after it ended.

    Whole months of the reporting time zone: days of the first one before the account's first day count as read, because
    nothing was created on them.
    """
    whole = {day.day: day.was_over for day in account.covered} | dict.fromkeys(account.holes, False)
    if account.has_nothing_before:
        begins = Window(account.since, account.since).created_from.astimezone(zone).date()
        before = Window(begins.replace(day=1), account.since - timedelta(days=1))
        whole = dict.fromkeys(days_of(before), True) | whole
    return {day: whole[day] for day in sorted(whole)}
