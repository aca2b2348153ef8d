"""The wide models are built part by part: only where something changed, and always the same as built of everything."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from msgspec import structs

from flows.stores.lake.commit import Commit
from flows.stores.lake.lake import Lake
from flows.stores.shipped import shipped
from flows.stores.warehouse import parts as part_files
from flows.stores.warehouse.inputs import WarehouseInputs
from flows.stores.warehouse.machine import give_workers
from flows.stores.warehouse.sql_files import read_twins
from flows.stores.warehouse.warehouse import Warehouse
from tests.support.runs.wide_models import not_the_union
from tests.support.samples.stores import lake_rows
from tests.support.sql.tables import checks_on, needed
from transforms.errors import DataError, ModelError
from transforms.model import wide
from transforms.model.models import FACT, Check
from transforms.model.wide import LAKE

TWINS = read_twins(shipped("sql"))
MODELS = needed("marts.daily_spend", "staging.stg_recording_totals", "staging.stg_price_waits")
WIDE = [model for model in MODELS if model.twin.wide]
CHECKS = [check for check in checks_on(MODELS) if check.name in {"lake_equals_fact", "marts_sum_to_fact"}]
VIEWS = frozenset(model.name for model in MODELS if model.name.startswith("staging.") and not model.twin.wide)
SETTINGS = {
    "reporting_timezone": "America/New_York",
    "unpriced_share_warning": Decimal("0.1"),
    "short_recording_seconds": 5,
    "settle_days": 90,
}


def written(data_dir: Path, account: str, month: int, *sids: str) -> None:
    """Write recordings of an account, an hour apart from the first hour of a month of 2026 on (UTC)."""
    rows = lake_rows(*sids)
    since = timedelta(days=31 * (month - 7) - 4, hours=-12)
    times = [moment + since + timedelta(hours=n) for n, moment in enumerate(rows["created_at"].to_pylist())]
    rows = rows.set_column(
        rows.schema.get_field_index("created_at"),
        rows.schema.field("created_at"),
        pa.array(times, rows.schema.field("created_at").type),
    )
    rows = rows.set_column(
        rows.schema.get_field_index("account_sid"),
        rows.schema.field("account_sid"),
        pa.array([account] * len(sids)),
    )
    lake = Lake(data_dir)
    before = lake.commit(account) or Commit()
    months = {**before.months, f"2026-{month:02}": [lake.write(account, f"2026-{month:02}", rows)]}
    lake.replace(account, structs.replace(before, months=months))


def contents(data_dir: Path, checks: Sequence[Check] = CHECKS, **settings: object) -> WarehouseInputs:
    """Return the inputs of a warehouse over the lake of a data folder."""
    lake = Lake(data_dir)
    tables = {name: pa.table({}) for name in TWINS.keys() - {"ops.checks", LAKE}}
    tables["landed.settings"] = pa.Table.from_pylist([SETTINGS | settings])
    tables["landed.accounts"] = pa.table(
        {"account_sid": lake.accounts(), "account_name": [f"{sid} name" for sid in lake.accounts()]}
    )
    lake_files = [file for sid in lake.accounts() for files in lake.files(sid).values() for file in files]
    return WarehouseInputs(lake_files, tables, TWINS, MODELS, checks, VIEWS)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide, "PART_BYTES", 1)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    for account in ("A", "B"):
        written(tmp_path, account, 7, f"{account}1", f"{account}2")
        written(tmp_path, account, 8, f"{account}3")
    return tmp_path


def build(data_dir: Path, given: WarehouseInputs | None = None) -> set[str]:
    """Build the warehouse, compare the wide models with a build of everything, and return the parts that were built."""
    built = []
    original = part_files.PartFiles.build

    def counted(files: part_files.PartFiles, *arguments: object) -> part_files.Made:
        built.append(arguments[1].name)  # type: ignore[attr-defined]
        return original(files, *arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(part_files.PartFiles, "build", counted)
        warehouse = Warehouse(data_dir / "warehouse.duckdb")
        warehouse.path.with_suffix(".json").unlink(missing_ok=True)  # nothing of the warehouse is kept
        results = warehouse.build(given or contents(data_dir))
    assert [result for result in results if not result.is_passed] == []
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        assert not_the_union(connection, WIDE) == {}
        assert (
            connection.execute("select sum(recordings) from marts.daily_spend").fetchall()
            == connection.execute(f"select count(*) from {FACT}").fetchall()
        )
    return set(built)


EVERYTHING = {"2026-07-1-of-2", "2026-07-2-of-2", "2026-08-1-of-2", "2026-08-2-of-2"}


def test_only_changed_parts_are_built_again(data_dir: Path) -> None:
    assert build(data_dir) == EVERYTHING
    assert build(data_dir) == set()
    written(data_dir, "A", 8, "A3", "A4")
    (changed,) = build(data_dir)
    assert changed.startswith("2026-08-")


def other_zone(data_dir: Path) -> WarehouseInputs:
    return contents(data_dir, reporting_timezone="UTC")


def other_name(data_dir: Path) -> WarehouseInputs:
    given = contents(data_dir)
    accounts = given.tables["landed.accounts"]
    renamed = accounts.set_column(
        1, "account_name", pc.replace_substring(accounts["account_name"], "A name", "sales")
    )
    return replace(given, tables={**given.tables, "landed.accounts": renamed})


def other_sql(data_dir: Path) -> WarehouseInputs:
    given = contents(data_dir)
    models = [
        replace(model, sql=f"{model.sql} ") if model.name == "staging.stg_recordings" else model
        for model in given.models
    ]
    return replace(given, models=models)


def other_check(data_dir: Path) -> WarehouseInputs:
    return contents(
        data_dir, [*CHECKS, Check("none", "none.sql", f"select * from {LAKE} limit 0", "fail", "Why.", True)]
    )


@pytest.mark.parametrize(
    ("change", "expected"), [(other_zone, 4), (other_name, 2), (other_sql, 4), (other_check, 4)]
)
def test_parts_are_built_again_when_an_input_changes(
    change: Callable[[Path], WarehouseInputs], expected: int, data_dir: Path
) -> None:
    build(data_dir)
    assert len(build(data_dir, change(data_dir))) == expected


def test_parts_stay_when_what_they_do_not_read_changes(data_dir: Path) -> None:
    build(data_dir)
    assert build(data_dir, contents(data_dir, settle_days=30)) == set()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def rotten(path: Path) -> None:
    content, found = bytearray(path.read_bytes()), path.stat()
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize("damage", [cut, rotten, Path.unlink])
@pytest.mark.parametrize("folder", ["daily_spend_detail", "_made/daily_spend_detail"])
def test_damaged_part_is_built_again(damage: Callable[[Path], None], folder: str, data_dir: Path) -> None:
    build(data_dir)
    path = next((data_dir / "wide" / folder).glob("2026-08-2*"))
    damage(path)
    assert build(data_dir) == {"2026-08-2-of-2"}


def test_small_files_are_read_from_a_copy(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide, "PART_BYTES", 10**6)
    build(data_dir)
    copy = data_dir / "wide" / "recordings" / "all.parquet"
    before = copy.read_bytes()
    for damage in (cut, rotten, Path.unlink):
        damage(copy)
        build(data_dir)
        assert copy.read_bytes() == before
    written(data_dir, "A", 8, "A3", "A4")
    build(data_dir)
    assert copy.read_bytes() != before
    # What reads the warehouse reads the lake itself.
    assert "wide" not in Warehouse(data_dir / "warehouse.duckdb").table(LAKE_VIEW)["sql"][0].as_py()


LAKE_VIEW = "select sql from duckdb_views() where schema_name = 'landed'"


def test_files_of_former_parts_and_models_are_removed(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(data_dir)
    old = data_dir / "wide" / "stg_former" / "all.parquet"
    old.parent.mkdir()
    old.write_bytes(b"")
    monkeypatch.setattr(wide, "PART_BYTES", 10**6)
    assert build(data_dir) == {"all"}
    assert {path.stem for path in (data_dir / "wide").rglob("*") if path.is_file()} == {"all"}
    assert not old.exists()


def test_parts_are_built_side_by_side(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.stores.warehouse.wide._WORTH_SHARING", 1)
    give_workers(3)
    assert build(data_dir) == EVERYTHING


def test_error_in_a_part_names_the_model(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.stores.warehouse.wide._WORTH_SHARING", 1)
    give_workers(2)
    given = contents(data_dir)
    models = [
        replace(model, sql="select error('no') as x from marts.fct_recordings")
        if model.name == "staging.stg_price_waits"
        else model
        for model in given.models
    ]
    with pytest.raises(ModelError, match=r"stg_price_waits\.sql cannot be built: .*no"):
        Warehouse(data_dir / "warehouse.duckdb").build(replace(given, models=models))


def test_damaged_lake_is_named(data_dir: Path) -> None:
    given = contents(data_dir)
    cut(given.lake_files[0])
    with pytest.raises((DataError, ModelError), match=str(given.lake_files[0].parent)):
        Warehouse(data_dir / "warehouse.duckdb").build(given)


FOUND = {
    "of the lake": f"select account_sid, count(*) as n from {LAKE} where recording_sid = 'A3' group by all",
    "of the detail": f"select 'A' as x from {FACT} join marts.daily_spend_detail using (account_sid, usage_date)",
}


@pytest.mark.parametrize("sql", FOUND.values(), ids=FOUND)
def test_what_a_check_finds_in_parts_is_what_it_finds_in_all(sql: str, data_dir: Path) -> None:
    check = Check("finds", "finds.sql", f"{sql};\n{sql}", "warn", "Why.", True)
    given = replace(contents(data_dir, [check]), views=VIEWS | {FACT})
    warehouse = Warehouse(data_dir / "warehouse.duckdb")
    (built,) = warehouse.build(given)
    (whole,) = warehouse.check([check])
    assert (built.offending_rows, sorted(built.sample)) == (whole.offending_rows, sorted(whole.sample))
    assert built.offending_rows > 1
    record = next((data_dir / "wide" / "_made" / "daily_spend_detail").iterdir())
    assert "finds" in msgspec.json.decode(record.read_bytes())["found"]
    assert one(warehouse) == (built.offending_rows, False)


def one(warehouse: Warehouse) -> tuple[int, bool]:
    (row,) = warehouse.table("from ops.checks").to_pylist()
    return row["offending_rows"], row["is_passed"]
