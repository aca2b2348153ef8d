"""Which days of which accounts are in the lake, for the warehouse and the run summary."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.stores.bucket.turns import bound_url
from flows.stores.folder.account_state import AccountStates
from flows.stores.folder.data_locks import DataLocks
from flows.stores.lake.commit import Commit
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from transforms.errors import DataError
from transforms.ingest.day_counts import DayCount
from transforms.values.dates import INSTANT
from transforms.values.windows import CoveredDay, holes

COVERAGE_SCHEMA = pa.schema(
    [
        ("account_sid", pa.string()),
        ("day", pa.date32()),
        ("is_covered", pa.bool_()),
        ("fetched_at", INSTANT),
        ("landing", pa.string()),
        ("recordings", pa.int64()),
        ("unsettled_recordings", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class AccountCoverage:
    """What is in the lake of an account, the days it covers, and the days that are missing.

    since: the first day that counts (UTC); the last of all days if no account was read. has_nothing_before: the API has
    said that no recording is older.
    """

    account_sid: str
    commit: Commit
    covered: list[CoveredDay]
    holes: list[date]
    since: date = date.max
    has_nothing_before: bool = False


def coverage(data_dir: Path, account_sids: Iterable[str]) -> list[AccountCoverage]:
    """Return the coverage of the named accounts and of all accounts that have landings.

    Days are counted from the account's first day to the newest day that was read for any account. Where the API was not
    asked for the first day, they are counted from the first of the month that was read first, because recordings may
    be missing from that month; if nothing was read, from the first day that was read for any account. The caller has
    the lock of the warehouse: what other processes commit meanwhile is not seen, and what was seen stays.

    Raises DataError if the lake is not up to date.
    """
    raw, lake = RawPages(data_dir), Lake(data_dir)
    commits = {sid: _in_lake(data_dir, raw, lake, sid) for sid in sorted({*account_sids, *raw.accounts()})}
    days = {sid: raw.days_of(sid, commit.covered) for sid, commit in commits.items()}
    # The days of an account are in order.
    ends = [(covered[0].day, covered[-1].day) for covered in days.values() if covered]
    if not ends:
        return [AccountCoverage(sid, commits[sid], [], []) for sid in days]
    read = min(first for first, _ in ends), max(last for _, last in ends)
    states = AccountStates(data_dir)
    return [
        _account(sid, commits[sid], covered, states.read(sid).first_day, read)
        for sid, covered in days.items()
    ]


def _account(
    account_sid: str,
    commit: Commit,
    covered: list[CoveredDay],
    first_day: date | None,
    read: tuple[date, date],
) -> AccountCoverage:
    """Return the coverage of an account. first_day: of the account, if known. read: the days read of any account."""
    since = first_day or read[0]
    if covered:
        since = min(first_day or covered[0].day.replace(day=1), covered[0].day)
    return AccountCoverage(
        account_sid, commit, covered, holes(covered, since, read[1]), since, first_day is not None
    )


def coverage_table(accounts: Iterable[tuple[AccountCoverage, Mapping[date, DayCount]]]) -> pa.Table:
    """Return ops.coverage (COVERAGE_SCHEMA). The counts are of recordings by day of creation (UTC)."""
    return by_column(COVERAGE_SCHEMA, (_coverage_columns(*each) for each in accounts))


def _coverage_columns(account: AccountCoverage, counts: Mapping[date, DayCount]) -> tuple[list[Any], ...]:
    missing, none = set(account.holes), DayCount(0, 0)
    read = {day.day: day for day in account.covered}
    days = sorted(missing | read.keys())
    fetched = [read.get(day) for day in days]
    counted = [counts.get(day, none if each else None) for day, each in zip(days, fetched, strict=True)]
    return (
        [account.account_sid] * len(days),
        days,
        [day not in missing for day in days],
        [each and each.fetched_at for each in fetched],
        [each and each.landing for each in fetched],
        [each and each.recordings for each in counted],
        [each and each.unsettled for each in counted],
    )


def by_column(schema: pa.Schema, accounts: Iterable[tuple[list[Any], ...]]) -> pa.Table:
    """Join what each account has in the columns of a table, one account after the other.

    Column by column, because a thousand accounts have a row each for every day of years.
    """
    columns: list[list[Any]] = [[] for _ in schema]
    for of_account in accounts:
        for column, values in zip(columns, of_account, strict=True):
            column.extend(values)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _in_lake(data_dir: Path, raw: RawPages, lake: Lake, account_sid: str) -> Commit:
    state, journal = lake.state(account_sid), raw.journal(account_sid)
    if state is None and not lake.has_commit(account_sid):
        is_empty = not lake.account(account_sid).exists() and not journal.months()
        if is_empty or DataLocks(data_dir).has_others() or bound_url(data_dir):
            return Commit()  # another process, or another machine, is only just reading the account
        state = lake.state(account_sid)  # that process may have just finished
    if state is None or not journal.has(state.position):
        raise DataError(
            f"The lake of account {account_sid} is not up to date. Run `recspend normalize` first."
        )
    return state
