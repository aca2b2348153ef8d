"""The program's own SELECTs are files of `sql/queries`: each is used, and runs; none is a Python string."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

import duckdb
import pytest

from flows.stores.shipped import shipped
from tests.support import TOP
from tests.support.sql.tables import GIVEN, MODELS, build, connect, create
from transforms.values.windows import STAMP

FOLDER = shipped("sql", "queries")
QUERIES = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.sql"))
PROGRAM = [*(TOP / "flows").rglob("*.py"), *(TOP / "transforms").rglob("*.py")]
ALLOWED = {
    # Assembled at run time of the names, keys and columns of marts.
    "flows/report/explain.py": 2,
    "flows/report/extract.py": 1,
    "flows/report/report.py": 2,
    "transforms/model/generated_checks.py": 9,
    "transforms/report/explain.py": 5,
    "transforms/report/narrowing.py": 2,
    # What puts tables into the warehouse, and what looks into the lake's files.
    "flows/stores/warehouse/parts.py": 1,
    "flows/stores/warehouse/tables.py": 2,
    "flows/stores/warehouse/wide.py": 2,
    "flows/stores/warehouse/reading.py": 2,
}
SELECT = re.compile(r"\bselect\b.*\bfrom\b|^\s*select \w+\b.*\(", re.DOTALL)
PARAMETERS = {
    "begins": datetime(2026, 9, 1, tzinfo=UTC),
    "ends": datetime(2026, 10, 1, tzinfo=UTC),
    "day": date(2026, 9, 1),
    "month": date(2026, 9, 1),
    "first": date(2026, 9, 1),
    "last": date(2026, 9, 30),
    "landings": ["raw/one", "raw/two"],
    "accounts": ["A", "B"],
    "fetched": [datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 2, tzinfo=UTC)],
    "stamp": STAMP,
    "most_rows": 50,
    "newest_month": True,
    "recent_days": 7,
}


def texts_of(tree: ast.Module) -> Iterator[str]:
    """Return the strings in the code, f-strings as a whole, without docstrings."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in parts | documentation:
            continue
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_no_select_is_a_python_string() -> None:
    found = {}
    for path in PROGRAM:
        texts = texts_of(ast.parse(path.read_text("utf-8")))
        selects = [text for text in texts if SELECT.search(text)]
        if selects:
            found[path.relative_to(TOP).as_posix()] = len(selects)
    assert found == ALLOWED


def is_used(name: str) -> bool:
    room, _, file = name.partition("/")
    for path in PROGRAM:
        text = path.read_text("utf-8")
        asked = re.findall(r'\bquery\(\s*f?"([^"]+)"', text)
        patterns = [re.sub(r"\\{\w+\\}", r"\\w+", re.escape(each)) for each in asked]
        if any(re.fullmatch(pattern, name) for pattern in patterns):
            return True
        if f'queries("{room}"' in text.replace("\n", "").replace("( ", "(") and f'"{file}"' in text:
            return True
    return room == "page"  # the page shows every file of its room


@pytest.mark.parametrize("name", QUERIES)
def test_query_is_used(name: str) -> None:
    assert is_used(name), f"Nothing asks for {name}; remove it."


@pytest.fixture(scope="module")
def empty_warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as connection:
        for name in GIVEN:
            create(connection, name, [])
        for model in MODELS:
            build(connection, model)
        yield connection


@pytest.mark.parametrize("name", QUERIES)
def test_query_runs_on_an_empty_warehouse(empty_warehouse: duckdb.DuckDBPyConnection, name: str) -> None:
    sql = (FOLDER / f"{name}.sql").read_text("utf-8")
    (statement,) = empty_warehouse.extract_statements(sql)
    given = {each: PARAMETERS[each] for each in statement.named_parameters}
    found = empty_warehouse.execute(sql, given)
    assert found.description
    assert sql.startswith("-- "), "Say on top what it is for."


def test_rooms_of_queries_stay_small() -> None:
    rooms = {path.parent for path in FOLDER.rglob("*.sql")}
    assert [room.name for room in rooms if len(list(room.glob("*.sql"))) > 10] == []


def test_a_missing_query_is_named() -> None:
    from flows.stores.warehouse.sql_files import query

    with pytest.raises(FileNotFoundError, match="nothing"):
        query("health/nothing")
