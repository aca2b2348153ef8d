"""Model: build the warehouse from the lake, each SQL model after those it reads, and run the checks in it."""

from dataclasses import dataclass, field
from pathlib import Path

from flows.model.coverage import coverage
from flows.model.inputs import landed_tables, views
from flows.stores.folder.reference import record_used, refuse_missing
from flows.stores.lake.lake import Lake
from flows.stores.warehouse.checks import CheckResult
from flows.stores.warehouse.inputs import WarehouseInputs
from flows.stores.warehouse.sql_files import query, read_checks, read_models, read_twins
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from transforms.model.options import ModelOptions
from transforms.model.reference import REFERENCES
from transforms.values.money import plain


@dataclass(slots=True)
class ModelSummary:
    """Figures of the warehouse: unpriced recordings, cost per currency (plain decimals), missing days, checks."""

    unpriced: int = 0
    cost: dict[str, str] = field(default_factory=dict)
    holes: int = 0
    checks: list[CheckResult] = field(default_factory=list)


def model(data_dir: Path, sql: Path, reference: Path, options: ModelOptions) -> ModelSummary:
    """Rebuild the warehouse. `sql` and `reference` are the folders of the models and of the shipped files.

    Raises ModelError if a model or its twin is wrong, ConfigError if a reference file is wrong or no longer there; the
    old warehouse then stays in place.
    """
    refuse_missing(REFERENCES, data_dir)
    lake = Lake(data_dir)
    covered = coverage(data_dir, options.names)
    models = read_models(sql)
    tables = landed_tables(data_dir, reference, options, covered)
    contents = WarehouseInputs(
        lake_files=[
            file
            for account in covered
            for files in lake.files(account.account_sid, account.commit).values()
            for file in files
        ],
        tables=tables,
        twins=read_twins(sql),
        models=models,
        checks=read_checks(sql, models),
        views=frozenset(views(models, options, covered)),
    )
    warehouse = Warehouse(warehouse_path(data_dir))
    checks = warehouse.build(contents)
    record_used(REFERENCES, data_dir)
    with warehouse.connected():
        return ModelSummary(
            unpriced=unpriced(warehouse),
            cost=cost_by_currency(warehouse),
            holes=sum(len(account.holes) for account in covered),
            checks=checks,
        )


def unpriced(warehouse: Warehouse) -> int:
    """Count the recordings without a price."""
    return int(warehouse.table(query("model/unpriced"))["recordings"][0].as_py())


def cost_by_currency(warehouse: Warehouse) -> dict[str, str]:
    """Return the cost of all priced recordings by currency, as plain decimals."""
    found = warehouse.table(query("model/cost_by_currency"))
    return {row["currency"]: plain(row["cost"]) for row in found.to_pylist()}
