"""Each model of `sql/` against its cases: `<model>/<case>.yml` holds given and expected rows.

A column missing from a row is null. Money is text.
"""

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.support import TOP
from tests.support.sql.tables import MODELS, TWINS, build, connect, create, typed
from transforms.model.models import Model, drift, references

FOLDER = TOP / "tests" / "sql" / "cases"
CASES = sorted(FOLDER.glob("*/*/*.yml"))
MODEL_OF_FOLDER = {path.parent.name for path in CASES}
BY_NAME = {model.name.partition(".")[2]: model for model in MODELS}


def rows_of(connection: duckdb.DuckDBPyConnection, model: Model) -> list[dict[str, Any]]:
    found = connection.execute(f"select * from {model.name}")
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_model_has_a_case(model: Model) -> None:
    name = model.name.partition(".")[2]
    assert name in MODEL_OF_FOLDER, f"Show what {model.name} does in a case below {FOLDER}."


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}: {path.stem.replace('_', ' ')}")
def test_model_turns_given_rows_into_expected_rows(path: Path) -> None:
    model = BY_NAME[path.parent.name]
    case = yaml.safe_load(path.read_text("utf-8"))
    assert case.keys() == {"given", "expected"}
    assert case["given"].keys() == references(model.sql, model.file)
    with connect() as connection:
        for name, rows in case["given"].items():
            create(connection, name, rows)
        build(connection, model)
        described = connection.execute(f"describe {model.name}").fetchall()
        assert drift(model.name, TWINS[model.name], {row[0]: row[1] for row in described}) == []
        found = rows_of(connection, model)
    assert sorted(found, key=repr) == sorted(typed(model.name, case["expected"]), key=repr)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}: {path.stem.replace('_', ' ')}")
def test_every_case_expects_rows(path: Path) -> None:
    assert yaml.safe_load(path.read_text("utf-8"))["expected"]


def test_names_of_folders_and_models_agree() -> None:
    assert BY_NAME.keys() >= MODEL_OF_FOLDER
    assert len(BY_NAME) == len(MODELS)
