"""The SQL files that are shipped with the program: models with their twins, checks, and the program's own queries."""

from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path

from flows.stores.shipped import shipped
from transforms.errors import ModelError
from transforms.model.generated_checks import equality_check, key_check, marks_check, sum_check
from transforms.model.models import Check, Model, Twin, read_check, read_twin

_MODEL_FOLDERS = ("staging", "marts")
_TABLE_FOLDERS = ("landed", "ops")


@cache
def query(name: str) -> str:
    """Return one of the program's own SELECTs by room and name: `health/accounts` is `sql/queries/health/accounts.sql`.

    Pass values for its `$names` as parameters of `Warehouse.table` and `tables`.
    """
    return shipped("sql", "queries", f"{name}.sql").read_text("utf-8")


def queries(room: str, *names: str) -> dict[str, str]:
    """Return several SELECTs of one room, by name."""
    return {name: query(f"{room}/{name}") for name in names}


def read_models(sql: Path) -> list[Model]:
    """Return the models of a folder, each with its twin. Raises ModelError if one of the two is missing."""
    models = []
    for folder in _MODEL_FOLDERS:
        for path in sorted((sql / folder).rglob("*.sql")):
            twin = path.with_suffix(".yml")
            if not twin.exists():
                raise ModelError(f"{path} has no twin. Describe the model in {twin.name} next to it.")
            name = f"{folder}.{path.stem}"
            models.append(
                Model(name, str(path), path.read_text("utf-8"), read_twin(twin.read_text("utf-8"), str(twin)))
            )
        orphans = [path for path in (sql / folder).rglob("*.yml") if not path.with_suffix(".sql").exists()]
        if orphans:
            raise ModelError(f"{orphans[0]} has no model. Remove it or add {orphans[0].stem}.sql.")
    return models


def read_twins(sql: Path) -> dict[str, Twin]:
    """Return the twins of the tables that are not models, by full name."""
    paths = [path for folder in _TABLE_FOLDERS for path in sorted((sql / folder).rglob("*.yml"))]
    return {
        f"{path.parent.name}.{path.stem}": read_twin(path.read_text("utf-8"), str(path)) for path in paths
    }


def read_report_twins(sql: Path) -> dict[str, Twin]:
    """Return the twins of all possible reports (the marts and the SELECTs of `sql/reports`), by name."""
    paths = sorted([*(sql / "marts").rglob("*.yml"), *(sql / "reports").glob("*.yml")])
    return {path.stem: read_twin(path.read_text("utf-8"), str(path)) for path in paths}


def read_checks(sql: Path, models: Sequence[Model]) -> list[Check]:
    """Return the checks of a folder and those derived from the twins of the marts, sorted by name."""
    paths = sorted((sql / "checks").rglob("*.sql"))
    checks = [read_check(path.stem, path.read_text("utf-8"), str(path)) for path in paths]
    marts = [model for model in models if model.name.startswith("marts.")]
    generated = [make(marts) for make in (equality_check, key_check, marks_check, sum_check)]
    # Some have nothing to compare in a folder with few marts.
    return sorted([*checks, *(check for check in generated if check.sql)], key=attrgetter("name"))
