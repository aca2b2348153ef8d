"""The pages of `sql/` are what the SQL and its twins say, and each room has one."""

import re
from pathlib import Path

import pytest

from flows.model import sql_map
from flows.model.sql_map import SQL
from flows.stores.warehouse.sql_files import read_models
from tests.support.sql.tables import TWINS
from transforms.report.pictures import rooms

PAGES = sorted(SQL.rglob("README.md"))
DRAWN = sql_map.render()


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: path.relative_to(SQL).as_posix())
def test_page_is_what_the_sql_and_its_twins_say(path: Path) -> None:
    assert path.read_text("utf-8") == DRAWN[path], "run `make docs`"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(SQL).as_posix())
def test_page_leads_only_to_what_there_is(path: Path) -> None:
    text = path.read_text("utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(SQL).as_posix())
def test_page_names_only_tables_that_exist(path: Path) -> None:
    named = set(re.findall(r"`((?:marts|staging|landed|ops)\.\w+)`", path.read_text("utf-8")))
    assert named - TWINS.keys() == set()


def test_every_folder_with_sql_has_a_page() -> None:
    folders = {path.parent for path in SQL.rglob("*.sql")} - {SQL / "examples"}
    described = {folder for folder in folders if {SQL / "queries", SQL / "checks"} & set(folder.parents)}
    assert [folder for folder in folders - described if not (folder / "README.md").exists()] == []


def test_the_page_of_the_marts_names_every_room_and_a_mart_in_it() -> None:
    rows = re.findall(r"^\| `(\w+)` \| .*\? \| `(\w+)` \|$", (SQL / "marts" / "README.md").read_text(), re.M)
    assert sorted(room for room, _ in rows) == rooms(read_models(SQL))
    assert [mart for room, mart in rows if not (SQL / "marts" / room / f"{mart}.sql").exists()] == []


def test_the_page_of_the_queries_names_every_room() -> None:
    page = (SQL / "queries" / "README.md").read_text("utf-8")
    folders = [path.name for path in (SQL / "queries").iterdir() if path.is_dir()]
    assert [name for name in folders if f"`{name}`" not in page] == []
