"""The state of the data folder, from the warehouse and the run records. Makes no request."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.runs import RunRecord, Runs
from flows.stores.warehouse.sql_files import queries
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from transforms.errors import ConfigError, DataError, HeldError
from transforms.monitor.health import CLOCK_SLACK, AccountHealth, DayCost, Health, Run

_ALWAYS = ("accounts", "failed_checks")
_WITH_COSTS = (*_ALWAYS, "requests", "day_costs")
"""Queries of `sql/queries/health`."""


def health(data_dir: Path, names: Mapping[str, str], timezone: str, now: datetime) -> Health:
    """Return the state of a data folder as of now (UTC), without the costs of a day.

    names: account sid → name, of the accounts in the settings; if empty, all accounts that were read. While another
    program has the warehouse open for writing, only what the run records say is known. Raises DataError if the
    warehouse cannot be read otherwise.
    """
    return _health(data_dir, names, timezone, now, _ALWAYS)


def health_with_costs(data_dir: Path, names: Mapping[str, str], timezone: str, now: datetime) -> Health:
    """Return the same with the cost of yesterday (in that time zone) and the number of requests of all runs.

    Raises DataError if the warehouse cannot be read, also because another program has it open.
    """
    return _health(data_dir, names, timezone, now, _WITH_COSTS)


def _health(
    data_dir: Path, names: Mapping[str, str], timezone: str, now: datetime, asked: Sequence[str]
) -> Health:
    day = now.astimezone(ZoneInfo(timezone)).date() - timedelta(days=1)
    found, held = dict[str, list[dict[str, Any]]](), ""
    try:
        found = _rows(data_dir, asked, day)
    except HeldError as error:
        if asked != _ALWAYS:
            raise
        held = str(error)
    last_run, last_success = _last_runs(data_dir)
    checks = found.get("failed_checks")
    requests = found["requests"][0] if "requests" in found else {}
    accounts = {row["account_sid"]: AccountHealth(**row) for row in found.get("accounts", [])}
    return Health(
        as_of=now,
        accounts=[
            *(account for sid, account in accounts.items() if sid in names or not names),
            *(AccountHealth(sid, name) for sid, name in names.items() if sid not in accounts),
        ],
        day=day,
        day_began=datetime.combine(day, time(), ZoneInfo(timezone)),
        failed_checks=_named(checks, "fail"),
        warning_checks=_named(checks, "warn"),
        day_costs=[DayCost(**row) for row in found.get("day_costs", [])],
        last_run=last_run,
        last_success=last_success,
        held=held,
        **requests,
    )


def _named(checks: list[dict[str, Any]] | None, severity: str) -> list[str] | None:
    return None if checks is None else [row["name"] for row in checks if row["severity"] == severity]


def _rows(data_dir: Path, asked: Sequence[str], day: date) -> dict[str, list[dict[str, Any]]]:
    path = warehouse_path(data_dir)
    if not path.exists():
        return {}
    try:
        tables = Warehouse(path).tables(queries("health", *asked), {"day": day})
    except ConfigError as error:  # the queries are ours, so another version built the file
        raise DataError(f"{path} is not what this version builds: {error} Run `recspend model`.") from None
    return {name: rows.to_pylist() for name, rows in tables.items()}


def _last_runs(data_dir: Path) -> tuple[Run | None, Run | None]:
    """Return the last run and the last successful one."""
    last: Run | None = None
    # A run recorded while this clock was ahead would otherwise remain the last run until that time.
    latest = datetime.now(UTC) + CLOCK_SLACK
    for record in Runs(data_dir).newest_first():
        if record.started_at > latest:
            continue
        last = last or _run(record, data_dir)
        if record.exit_code == 0:
            return last, _run(record, data_dir)
    return last, None


def _run(record: RunRecord, data_dir: Path) -> Run:
    return Run(
        record.started_at,
        record.finished_at,
        record.exit_code,
        record.requests,
        record.retries,
        record.rejected,
        is_under_way=record.finished_at is None and DataLocks(data_dir).is_at_work(record.started_at),
    )
