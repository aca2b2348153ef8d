"""Model: build the warehouse from the lake, in the order the SQL asks for, and run the checks in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from flows.bill import bill_tables
from flows.coverage import AccountCoverage, coverage, coverage_rows
from flows.stores.check_results import CheckResult
from flows.stores.contents import Contents
from flows.stores.lake import AppliedLanding, Lake
from flows.stores.landing import Landing
from flows.stores.reference import reference_table
from flows.stores.runs import Runs
from flows.stores.statements import Statements
from flows.stores.warehouse import Warehouse, warehouse_path
from transforms.changes import CHANGE_SCHEMA
from transforms.corrections import CORRECTION_SCHEMA, with_costs
from transforms.errors import ModelError
from transforms.models import (
    Check,
    Model,
    Twin,
    key_check,
    read_check,
    read_twin,
)
from transforms.money import plain
from transforms.reference import ACCOUNT_NAMES, REFERENCES
from transforms.schema import REJECT_SCHEMA

_MODEL_FOLDERS = ("staging", "marts")
_TABLE_FOLDERS = ("landed", "ops")


_UNSEEN = ("names", "providers", "provider", "with_usage", "embed_recordings")
"""Options that are no columns of `landed.settings`: they decide what is landed, and how."""


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What the models depend on beside the data. names, providers: by account sid, from the settings.

    provider: that of an account which is not in the settings. with_usage: sids of the accounts whose Usage Records are
    read.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, str] = field(default_factory=dict)
    provider: str = "signalwire"
    reporting_timezone: str = "UTC"
    unpriced_share_warning: Decimal = Decimal("0.1")
    short_recording_seconds: int = 5
    settle_days: int = 90
    accrual_rate_days: int = 30
    bill_tolerance_amount: Decimal = Decimal("0.01")
    bill_tolerance_share: Decimal = Decimal(0)
    with_usage: frozenset[str] = frozenset()
    anomaly_window_days: int = 56
    anomaly_deviations: Decimal = Decimal("4.5")
    anomaly_min_share: Decimal = Decimal("0.25")
    embed_recordings: bool = True


@dataclass(slots=True)
class ModelSummary:
    """What stands in the warehouse: unpriced recordings, cost per currency (plain decimals), holes, checks."""

    unpriced: int = 0
    cost: dict[str, str] = field(default_factory=dict)
    holes: int = 0
    checks: list[CheckResult] = field(default_factory=list)


def model(data_dir: Path, sql: Path, reference: Path, options: ModelOptions) -> ModelSummary:
    """Build the warehouse anew. `sql` and `reference` are the folders of the models and of the shipped files.

    Raises ModelError when a model or its twin is wrong; the old warehouse then stays in place.
    """
    covered = coverage(data_dir, options.names)
    models = read_models(sql)
    tables = _tables(data_dir, reference, options, covered)
    contents = Contents(
        lake_files=sorted(Lake(data_dir).folder.glob("account_sid=*/created_month=*/recordings.parquet")),
        tables=tables,
        twins=read_twins(sql),
        models=models,
        checks=read_checks(sql, models),
        views=frozenset(_views(models, options)),
    )
    warehouse = Warehouse(warehouse_path(data_dir))
    checks = warehouse.build(contents)
    with warehouse.held():
        return ModelSummary(
            unpriced=unpriced(warehouse),
            cost=cost_by_currency(warehouse),
            holes=sum(len(account.holes) for account in covered),
            checks=checks,
        )


def unpriced(warehouse: Warehouse) -> int:
    """Recordings without a price."""
    found = warehouse.table(
        "select coalesce(sum(unpriced_recordings), 0)::bigint as n from marts.daily_spend"
    )
    return int(found["n"][0].as_py())


def cost_by_currency(warehouse: Warehouse) -> dict[str, str]:
    """Cost of everything priced, by currency, as plain decimals."""
    found = warehouse.table(
        "select currency, sum(cost) as cost from marts.daily_spend where cost is not null group by currency order by 1"
    )
    return {row["currency"]: plain(row["cost"]) for row in found.to_pylist()}


def read_models(sql: Path) -> list[Model]:
    """The models of a folder, each with its twin. Raises ModelError when one lacks the other."""
    models = []
    for folder in _MODEL_FOLDERS:
        for path in sorted((sql / folder).glob("*.sql")):
            twin = path.with_suffix(".yml")
            if not twin.exists():
                raise ModelError(f"{path} has no twin. Describe it in {twin.name} beside it.")
            name = f"{folder}.{path.stem}"
            models.append(
                Model(name, str(path), path.read_text("utf-8"), read_twin(twin.read_text("utf-8"), str(twin)))
            )
        orphans = [path for path in (sql / folder).glob("*.yml") if not path.with_suffix(".sql").exists()]
        if orphans:
            raise ModelError(f"{orphans[0]} has no model. Remove it or add {orphans[0].stem}.sql.")
    return models


def read_twins(sql: Path) -> dict[str, Twin]:
    """Twins of the tables that are no models, by full name."""
    paths = [path for folder in _TABLE_FOLDERS for path in sorted((sql / folder).glob("*.yml"))]
    return {
        f"{path.parent.name}.{path.stem}": read_twin(path.read_text("utf-8"), str(path)) for path in paths
    }


def read_checks(sql: Path, models: Sequence[Model]) -> list[Check]:
    """The checks of a folder, and that of the keys of the marts among its models, by name."""
    paths = sorted((sql / "checks").glob("*.sql"))
    checks = [read_check(path.stem, path.read_text("utf-8"), str(path)) for path in paths]
    marts = [model for model in models if model.name.startswith("marts.")]
    return sorted([*checks, key_check(marts)], key=attrgetter("name"))


def _views(models: Sequence[Model], options: ModelOptions) -> list[str]:
    views = [model.name for model in models if model.name.startswith("staging.")]
    return views if options.embed_recordings else [*views, "marts.fct_recordings"]


def _settings_row(options: ModelOptions, covered: Sequence[AccountCoverage]) -> dict[str, Any]:
    """What SQL sees of the settings, and the newest day that was read."""
    seen = {
        field.name: getattr(options, field.name) for field in fields(options) if field.name not in _UNSEEN
    }
    return seen | {"as_of": max((day.day for account in covered for day in account.covered), default=None)}


def _tables(
    data_dir: Path, reference: Path, options: ModelOptions, covered: Sequence[AccountCoverage]
) -> dict[str, pa.Table]:
    references = {each.name: reference_table(each, data_dir, reference) for each in REFERENCES}
    named = references.pop(ACCOUNT_NAMES.name).to_pylist()
    names = {row["account_sid"]: row["account_name"] for row in named} | dict(options.names)
    lake = Lake(data_dir)
    landings = [each for account in covered for each in account.landings]
    return {
        **{f"landed.{name}": rows for name, rows in references.items()},
        **bill_tables(data_dir, covered, options.with_usage),
        "landed.accounts": _rows(
            [
                {
                    "account_sid": sid,
                    "account_name": names.get(sid, sid),
                    "provider": options.providers.get(sid, options.provider),
                }
                for sid in sorted({*names, *(account.account_sid for account in covered)})
            ]
        ),
        "landed.settings": _rows([_settings_row(options, covered)]),
        **Statements(data_dir).tables(),
        "landed.changes": pa.concat_tables(
            [CHANGE_SCHEMA.empty_table(), *(lake.changes.read(account.account_sid) for account in covered)]
        ),
        "landed.unread_days": _rows(
            [{"account_sid": account.account_sid, "day": day} for account in covered for day in account.holes]
        ),
        "ops.coverage": _rows(
            [
                row
                for account in covered
                for row in coverage_rows(account, lake.count_by_day(account.account_sid))
            ]
        ),
        "ops.landings": _rows([_landing_row(landing, applied) for landing, applied in landings]),
        "ops.oddities": _rows(
            [
                {"landing": landing.name, "kind": kind, "value": value, "rows": rows}
                for landing, applied in landings
                for kind, value, rows in applied.oddities
            ]
        ),
        "ops.rejects": pa.concat_tables(
            [REJECT_SCHEMA.empty_table(), *(lake.rejects.read(account.account_sid) for account in covered)]
        ),
        "ops.corrections": with_costs(
            pa.concat_tables(
                [
                    CORRECTION_SCHEMA.empty_table(),
                    *(lake.corrections.read(account.account_sid) for account in covered),
                ]
            )
        ),
        "ops.runs": _rows([msgspec.structs.asdict(record) for record in Runs(data_dir).all()]),
    }


def _landing_row(landing: Landing, applied: AppliedLanding) -> dict[str, Any]:
    return {
        "landing": landing.name,
        "account_sid": landing.account_sid,
        "first_day": landing.window.first,
        "last_day": landing.window.last,
        "fetched_at": landing.fetched_at,
        "completed_at": applied.completed_at,
        "is_whole": landing.is_whole,
        "pages": applied.pages,
        "rows": applied.rows,
        "new": applied.new,
        "repeated": applied.repeated,
        "rejected": applied.rejected,
        "outside": applied.outside,
    }


def _rows(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows))
