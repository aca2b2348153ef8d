"""Close a month: freeze its current figures, so that later changes are reported separately."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

from flows.model.coverage import AccountCoverage, coverage
from flows.run.request import RunContext
from flows.run.stages import build_models
from flows.run.upgrade import held_alone
from flows.stores.bucket.turns import account_turn, bind, shared_turn
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


def close_month(context: RunContext, text: str, *, accept_incomplete: bool = False) -> Sealed:
    """Close a month (by usage_date) and return its statement.

    text: the month, such as 2026-09. accept_incomplete: close it even if days, prices or records are missing.

    Raises BusyError if a run is active, ConfigError if the month is already closed, is not over, was never read, or is
    incomplete without `accept_incomplete`; ChecksFailedError if a check fails.
    """
    data_dir, month = context.settings.data_dir, read_month(text)
    begins, ends = bounds(month, ZoneInfo(context.settings.reporting_timezone))
    now, statements = context.clock(), Statements(data_dir)
    statements.refuse_closed(text)
    if now < ends:
        raise ConfigError(
            f"{text} is not over yet. You can close it after {ends:%Y-%m-%d %H:%M} UTC, once another run has finished."
        )
    # Alone: a fetch that begins before the month is closed must not end after it.
    with held_alone(data_dir), _alone_everywhere(context):
        statements.refuse_closed(text)
        covered = coverage(data_dir, context.names)
        _refuse_unread(covered, text, days_within(begins, ends))
        _refuse_pending(data_dir, covered, days_within(begins, ends))
        _build(context)
        warehouse = Warehouse(warehouse_path(data_dir))
        days = days_within(begins, ends)
        rows = warehouse.table(query("closing/statement_rows"), {"month": month})
        rejects = warehouse.table(
            query("closing/rejects"),
            {"begins": begins, "ends": ends, "first": days.first, "last": days.last},
        )
        signs = warehouse.table(query("closing/charge_signs")).to_pylist()
        increments = warehouse.table(query("closing/billing_increments")).to_pylist()
        missing = Missing(
            _holes(covered, begins, ends),
            sum(rows["unpriced_recordings"].to_pylist()),
            _count(rejects),
        )
        if missing.words and not accept_incomplete:
            raise ConfigError(
                f"{text} is not complete: {missing.words}. Run `recspend run` to read what is missing, or close it "
                "as it is with --accept-incomplete; the statement records what was missing."
            )
        # If the clock was set back, recordings in the statement must not look as if they were found after it.
        newest = max(account.commit.latest for account in covered if account.commit.latest)
        return statements.write(
            Statement(
                text,
                context.settings.reporting_timezone,
                max(now, newest),
                missing,
                statement_rows(rows),
                statement_csv_sha256="",
                charge_signs={row["account_sid"]: row["charge_sign"] for row in signs} or msgspec.UNSET,
                billing_increments={
                    row["account_sid"]: row["billing_increment_seconds"] for row in increments
                }
                or msgspec.UNSET,
            )
        )


@contextmanager
def _alone_everywhere(context: RunContext) -> Iterator[None]:
    """Keep other machines from all accounts for the block, if there is a bucket."""
    data_dir = context.settings.data_dir
    bind(data_dir, context.settings.lake_url)
    with shared_turn(data_dir), ExitStack() as turns:
        # Also those that another machine reads for the first time.
        for sid in sorted({*context.names, *RawPages(data_dir).accounts()}):
            turns.enter_context(
                account_turn(data_dir, sid, context.names.get(sid, sid), "Close the month after that run.")
            )
        yield


def _build(context: RunContext) -> None:
    """Build the models, so that the statement has the current figures. Rebuilds nothing that is up to date."""
    stopping = [result for result in build_models(context).checks if result.stops]
    if stopping:
        names = ", ".join(result.check.name for result in stopping)
        raise ChecksFailedError(f"Checks failed: {names}. Nothing was closed; see `recspend check`.")


def _refuse_unread(covered: list[AccountCoverage], text: str, days: Window) -> None:
    read = [day.day for account in covered for day in account.covered]
    if not read:
        raise ConfigError("No day has been read yet. Run `recspend run` first.")
    if days.last < min(read) or days.first > max(read):
        raise ConfigError(
            f"No day of {text} has been read, only {min(read)} to {max(read)}. Choose another month."
        )


def _refuse_pending(data_dir: Path, covered: list[AccountCoverage], days: Window) -> None:
    """Refuse if landed pages are not in the lake: fetched before the closing, they would be missing from it."""
    raw = RawPages(data_dir)
    for account in covered:
        if raw.readable(account.account_sid, account.commit.position):
            raise ConfigError("Some landed pages are not in the lake yet. Run `recspend normalize` first.")
        if any(each.window.overlaps(days) for each in raw.unfinished(account.account_sid)):
            raise ConfigError(
                "Fetching some days of the month was interrupted. Run `recspend run` to finish it."
            )


def _holes(covered: list[AccountCoverage], begins: datetime, ends: datetime) -> list[Hole]:
    return [
        hole
        for account in covered
        for hole in holes_of(
            account.account_sid,
            unread_days(account.covered, account.since, begins, ends),
        )
    ]


def _count(table: pa.Table) -> int:
    return int(table["rejects"][0].as_py())
