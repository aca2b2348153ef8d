"""The map of the data folder: `python -m flows.model.data_map` writes `data/README.md` from `data_map.txt` and the twins."""

import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from flows.stores.warehouse.sql_files import read_checks, read_models, read_report_twins, read_twins
from transforms.model.models import Twin
from transforms.model.reference import REFERENCES

TOP = Path(__file__).parents[2]
README = TOP / "data" / "README.md"

_MARK = re.compile(r"\{\{([\w.:]+)\}\}")


def render() -> str:
    """Return the text of `data/README.md`: the template with each `{{mark}}` replaced."""
    sql = TOP / "sql"
    models = read_models(sql)
    reports = {f"reports.{path.stem}" for path in (sql / "reports").glob("*.yml")}
    twins = {model.name: model.twin for model in models} | read_twins(sql)
    twins |= {name: read_report_twins(sql)[name.removeprefix("reports.")] for name in reports}
    marks = {
        **{f"table:{name}": _table(name, twin) for name, twin in twins.items()},
        **{f"schema:{schema}": _schema(schema, twins) for schema in ("marts", "staging", "landed", "ops")},
        **_groups({name: twin for name, twin in twins.items() if name.startswith("marts.")}),
        "references": "\n".join(
            f"| `reference/{each.name}.csv` | {each.words}: `{','.join(column.name for column in each.columns)}` |"
            for each in REFERENCES
        ),
        "checks": "\n".join(
            f"| `{check.name}` | {check.severity} | {check.why} |" for check in read_checks(sql, models)
        ),
    }
    template = files(__package__).joinpath("data_map.txt").read_text("utf-8")
    return _MARK.sub(lambda mark: marks[mark[1]], template)


def _groups(marts: Mapping[str, Twin]) -> dict[str, str]:
    """Return the marts that extracts treat differently, according to their twins."""
    reports = {name: twin for name, twin in marts.items() if twin.is_report}
    return {
        "without_accounts": _names(
            name for name, twin in reports.items() if "account_sid" not in twin.columns
        ),
        "without_months": _names(name for name, twin in reports.items() if not twin.month_from),
        "not_reports": _names(marts.keys() - reports.keys()),
    }


def _names(marts: Iterable[str]) -> str:
    return ", ".join(f"`{name.removeprefix('marts.')}`" for name in sorted(marts))


def _schema(schema: str, twins: Mapping[str, Twin]) -> str:
    names = sorted(name for name in twins if name.startswith(f"{schema}."))
    return "\n".join(_table(name, twins[name]) for name in names)


def _table(name: str, twin: Twin) -> str:
    key = ", ".join(f"`{column}`" for column in twin.key) or "none, it has one row"
    lines = [
        f"| `{column}` | {described.type} | {described.unit or ''} | {described.words} |"
        for column, described in twin.columns.items()
    ]
    asked = f"*{twin.question}* " if twin.question else ""
    heading = f"## {name}\n\n{asked}{twin.description} Key: {key}.\n\n| column | type | unit | meaning |\n|---|---|---|---|\n"
    return heading + "\n".join(lines) + "\n"


if __name__ == "__main__":
    README.write_text(render(), encoding="utf-8")
