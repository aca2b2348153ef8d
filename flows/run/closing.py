"""Close a month: freeze what its figures are now, so that whatever changes later is shown as a change."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from flows.model.coverage import AccountCoverage, coverage
from flows.run.request import RunContext
from flows.run.stages import build_models
from flows.run.upgrade import held
from flows.stores.folder.statements import Sealed, Statements, statement_rows
from flows.stores.raw.raw_pages import RawPages
from flows.stores.warehouse.sql_files import query
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from transforms.errors import ChecksFailedError, ConfigError
from transforms.model.statements import (
    Hole,
    Missing,
    Statement,
    bounds,
    days_within,
    holes_of,
    read_month,
    unread_days,
)
from transforms.values.windows import Window


def close_month(work: RunContext, text: str, *, accept_incomplete: bool = False) -> Sealed:
    """Close a month (written as 2026-09; by usage_date) and return its statement.

    Raises ConfigError when it is closed already, is not over, was never read, or lacks something that is not accepted;
    ChecksFailedError when a check stands against the figures.
    """
    data_dir, month = work.settings.data_dir, read_month(text)
    begins, ends = bounds(month, ZoneInfo(work.settings.reporting_timezone))
    now, statements = work.clock(), Statements(data_dir)
    statements.refuse_closed(text)
    if now < ends:
        raise ConfigError(
            f"{text} is not over yet. It can be closed from {ends:%Y-%m-%d %H:%M} UTC on, after another run."
        )
    with held(data_dir):
        statements.refuse_closed(text)
        covered = coverage(data_dir, work.names)
        _refuse_unread(covered, text, days_within(begins, ends))
        _refuse_pending(data_dir, covered, days_within(begins, ends))
        _build(work)
        warehouse = Warehouse(warehouse_path(data_dir))
        days = days_within(begins, ends)
        rows = warehouse.table(query("closing/statement_rows"), {"month": month})
        rejects = warehouse.table(
            query("closing/rejects"),
            {"begins": begins, "ends": ends, "first": days.first, "last": days.last},
        )
        missing = Missing(
            _holes(covered, begins, ends),
            sum(rows["unpriced_recordings"].to_pylist()),
            _count(rejects),
        )
        if missing.words and not accept_incomplete:
            raise ConfigError(
                f"{text} is not complete: {missing.words}. Run `recspend run` to read what is missing, or close it "
                "as it is with --accept-incomplete; the statement then says so."
            )
        # A clock that was set back must not make what is in the statement look found later.
        newest = max(landing.fetched_at for account in covered for landing, _ in account.landings)
        return statements.write(
            Statement(
                text,
                work.settings.reporting_timezone,
                max(now, newest),
                missing,
                statement_rows(rows),
                statement_csv_sha256="",
            )
        )


def _build(work: RunContext) -> None:
    """The statement must be what the lake says now; a warehouse that is up to date is only checked again."""
    stopping = [result for result in build_models(work).checks if result.stops]
    if stopping:
        names = ", ".join(result.check.name for result in stopping)
        raise ChecksFailedError(f"Checks failed: {names}. Nothing was closed; see `recspend check`.")


def _refuse_unread(covered: list[AccountCoverage], text: str, days: Window) -> None:
    read = [day.day for account in covered for day in account.covered]
    if not read:
        raise ConfigError("No day was read yet. Run `recspend run` first.")
    if days.last < min(read) or days.first > max(read):
        raise ConfigError(f"No day of {text} was read; {min(read)} to {max(read)} were. Name another month.")


def _refuse_pending(data_dir: Path, covered: list[AccountCoverage], days: Window) -> None:
    """What lies in pages that are not in the lake was seen before the closing, and would seem to belong before it."""
    raw = RawPages(data_dir)
    for account in covered:
        applied = {landing.name for landing, _ in account.landings}
        landings = raw.readable(account.account_sid)
        if any(each.name not in applied for each in landings):
            raise ConfigError("Pages were landed that are not in the lake. Run `recspend normalize` first.")
        if any(each.window.overlaps(days) for each in raw.unfinished(account.account_sid)):
            raise ConfigError(
                "A walk over days of the month was broken off. Run `recspend run` to finish it."
            )


def _holes(covered: list[AccountCoverage], begins: datetime, ends: datetime) -> list[Hole]:
    first: date = min(day.day for account in covered for day in account.covered)
    return [
        hole
        for account in covered
        for hole in holes_of(
            account.account_sid,
            unread_days(account.covered, account.covered[0].day if account.covered else first, begins, ends),
        )
    ]


def _count(table: pa.Table) -> int:
    return int(table["rejects"][0].as_py())
