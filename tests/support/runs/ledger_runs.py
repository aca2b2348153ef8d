"""Runs against the emulator, and the emulator's own totals to compare them with."""

import os
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from flows.emulator import Emulator, TotalsObject
from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.settings.settings import Settings
from flows.stores.api.access import AccountAccess
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path

Cell = tuple[str, str, int | None, str]
Figures = tuple[int, int, int, Decimal | None]


def accesses_of(emulator: Emulator) -> list[AccountAccess]:
    """Return how to reach the emulator's accounts."""
    return [
        AccountAccess(
            account.name,
            account.account_sid,
            emulator.base_url,
            account.account_sid,
            account.api_token,
            "signalwire",
            "RECSPEND_API_TOKEN",
        )
        for account in emulator.accounts
    ]


def environment_of(access: AccountAccess, data_dir: Path) -> dict[str, str]:
    """Return the environment for a command that reads an account into a data folder, without the report page."""
    return {
        "PATH": os.environ["PATH"],
        "RECSPEND_DATA_DIR": str(data_dir),
        "RECSPEND_BASE_URL": access.base_url,
        "RECSPEND_ACCOUNT_SID": access.account_sid,
        "RECSPEND_ACCOUNT_NAME": access.name,
        "RECSPEND_API_TOKEN": access.token,
        "RECSPEND_REPORT_PAGE": "false",
    }


def context_for(accounts: Sequence[AccountAccess], data_dir: Path, **settings: Any) -> RunContext:
    """Return the context of a run in a data folder, with retries but without waiting."""
    names = {access.account_sid: access.name for access in accounts}
    return RunContext(Settings(data_dir=data_dir, backoff=0, **settings), accounts, names)


def run_against(
    emulator: Emulator, data_dir: Path, first: date | None = None, last: date | None = None, **settings: Any
) -> RunSummary:
    """Do a whole run over the emulator's accounts."""
    return perform(context_for(accesses_of(emulator), data_dir, **settings), RunRequest("run", first, last))


def ledger_cells(totals: TotalsObject) -> dict[Cell, Figures]:
    """Return the emulator's own totals, by account, source, channels and currency."""
    return {
        (cell["account_sid"], cell["source"], cell["channels"], cell["currency"]): (
            cell["recordings"],
            cell["unpriced_recordings"],
            cell["duration_seconds"],
            None if cell["cost"] is None else Decimal(cell["cost"]),
        )
        for cell in totals["cells"]
    }


def warehouse_cells(data_dir: Path) -> dict[Cell, Figures]:
    """Return the same cells from the daily cube of the warehouse."""
    rows = rows_of(
        data_dir,
        """
        select account_sid, source, channels, currency, sum(recordings)::bigint as recordings,
            sum(unpriced_recordings)::bigint as unpriced, sum(duration_seconds)::bigint as seconds, sum(cost) as cost
        from marts.daily_spend
        group by all
        """,
    )
    return {
        (row["account_sid"], row["source"], row["channels"], row["currency"]): (
            row["recordings"],
            row["unpriced"],
            row["seconds"],
            row["cost"],
        )
        for row in rows
    }


def rows_of(data_dir: Path, sql: str) -> list[dict[str, Any]]:
    """Return rows of the warehouse as Python objects."""
    rows: list[dict[str, Any]] = Warehouse(warehouse_path(data_dir)).table(sql).to_pylist()
    return rows


def fingerprints(data_dir: Path, folders: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return the inode and modification time of every file: replacing a file changes both."""
    return {
        str(path.relative_to(data_dir)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for folder in folders
        for path in sorted((data_dir / folder).rglob("*"))
        if path.is_file()
    }
