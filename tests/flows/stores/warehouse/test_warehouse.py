import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pytest

from flows.stores.lake.lake import Lake
from flows.stores.lake.lake_files import sha256_of
from flows.stores.shipped import shipped
from flows.stores.warehouse.checks import CheckResult, check_table
from flows.stores.warehouse.inputs import WarehouseInputs
from flows.stores.warehouse.memory import give_memory
from flows.stores.warehouse.sql_files import read_checks, read_models, read_twins
from flows.stores.warehouse.warehouse import Warehouse
from flows.stores.whole_files import BESIDE
from tests.support.samples.stores import ACCOUNT, fill, lake_rows
from tests.support.sql.tables import needed
from transforms.errors import ConfigError, DataError, ModelError
from transforms.model.models import Check, Model, Twin, TwinColumn, build_order
from transforms.normalize.control_totals import TOTALS_SCHEMA
from transforms.schema import LAKE_SCHEMA

pytestmark = pytest.mark.usefixtures("comments")

SQL = shipped("sql")
TWINS = read_twins(SQL)
MODELS = build_order(read_models(SQL), given=TWINS.keys())
CHECKS = read_checks(SQL, MODELS)
STAGING = frozenset(model.name for model in MODELS if model.name.startswith("staging."))
ALL_TWINS = TWINS | {model.name: model.twin for model in MODELS}


SOME = needed("marts.daily_spend", "marts.unpriced_backlog", "ops.oddities")
"""Enough models for tests of how tables are built; two tests build all of them."""


def contents(
    lake_files: Sequence[Path] = (),
    *,
    models: Sequence[Model] = SOME,
    checks: Sequence[Check] = (),
    views: frozenset[str] = STAGING,
    timezone: str = "UTC",
) -> WarehouseInputs:
    """Return the project's own tables and models over the files of the lake."""
    settings = pa.table(
        {
            "reporting_timezone": [timezone],
            "unpriced_share_warning": pa.array([Decimal("0.1")], pa.decimal128(3, 1)),
        }
    )
    accounts = pa.table({"account_name": ["support"], "account_sid": [ACCOUNT]})
    others = TWINS.keys() - {"ops.checks", "landed.recordings", "landed.settings", "landed.accounts"}
    tables = {"landed.settings": settings, "landed.accounts": accounts} | {
        name: pa.table({}) for name in sorted(others)
    }
    totals = [
        row
        for data_dir in {path.parents[2] for path in lake_files}
        for row in Lake(data_dir).control_totals(ACCOUNT)
    ]
    tables["ops.lake_totals"] = pa.Table.from_pylist(totals, TOTALS_SCHEMA)
    return WarehouseInputs(lake_files, tables, TWINS, models, checks, views)


def lake_of(data_dir: Path, *sids: str) -> list[Path]:
    """Write a lake with these recordings, 0.005 USD each, and return its files."""
    lake = Lake(data_dir)
    fill(lake, {"2026-07": lake_rows(*sids)})
    return [file for files in lake.files(ACCOUNT).values() for file in files]


def rot(path: Path, place: float) -> None:
    """Flip a bit of a file as a failing disk does: its size and time stay. A new process has not read it yet."""
    found = path.stat()
    with path.open("r+b") as file:
        file.seek(int(place * found.st_size))
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    sha256_of.cache_clear()


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb")


@pytest.fixture(scope="module")
def built_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Build a warehouse of one recording, with every model, that tests only read."""
    folder = tmp_path_factory.mktemp("once")
    warehouse = Warehouse(folder / "warehouse.duckdb")
    warehouse.build(contents(lake_of(folder / "lake", "R1"), models=MODELS))
    with warehouse.connected():
        yield warehouse


@pytest.fixture
def built(built_once: Warehouse, warehouse: Warehouse) -> Warehouse:
    """Build a warehouse of one recording that tests may change."""
    shutil.copy(built_once.path, warehouse.path)
    return warehouse


def one(warehouse: Warehouse, sql: str) -> object:
    """Return the only value of a query."""
    return warehouse.table(sql).to_pylist()[0].popitem()[1]


def files(warehouse: Warehouse) -> list[str]:
    return sorted(path.name for path in warehouse.path.parent.iterdir() if path.is_file())


# What is built


def test_models_are_built_over_the_lake(warehouse: Warehouse, tmp_path: Path) -> None:
    assert warehouse.build(contents(lake_of(tmp_path / "lake", "R1", "R2"))) == []
    assert warehouse.table("from marts.daily_spend").to_pylist() == [
        {
            "usage_date": lake_rows("R1")["created_at"][0].as_py().date(),
            "account_sid": ACCOUNT,
            "account_name": "support",
            "source": "DialVerb",
            "channels": 1,
            "currency": "USD",
            "recordings": 2,
            "unpriced_recordings": 0,
            "duration_seconds": 122,
            "billed_minutes": 4,
            "priced_minutes": 4,
            "cost": Decimal("0.010000000"),
            "priced_recordings": 2,
            "unpriced_minutes": 0,
            "cost_without_minutes": Decimal(0),
            "unmeasured_recordings": 0,
            "credits": Decimal(0),
        }
    ]
    assert files(warehouse) == ["warehouse.duckdb", "warehouse.json"]


# What is reused


def planted(warehouse: Warehouse) -> None:
    """Change a figure in the models that a new build would not have, without a trace in size or time of the file."""
    found = warehouse.path.stat()
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("update marts.daily_spend set recordings = 99")
    # The file may have grown by a block, so its stamp is updated.
    stamp = warehouse.path.with_suffix(".json")
    stamped = msgspec.json.decode(stamp.read_bytes())
    assert stamped["bytes"] == found.st_size
    stamp.write_bytes(msgspec.json.encode({**stamped, "bytes": warehouse.path.stat().st_size}))
    os.utime(warehouse.path, ns=(found.st_atime_ns, found.st_mtime_ns))


def recordings_of(warehouse: Warehouse) -> object:
    return one(warehouse, "select recordings from marts.daily_spend")


def test_build_reuses_unchanged_models_and_refills_other_tables(warehouse: Warehouse, tmp_path: Path) -> None:
    given = contents(lake_of(tmp_path / "lake", "R1"), models=MODELS, checks=CHECKS)
    warehouse.build(given)
    planted(warehouse)
    rejects = pa.table({"record_key": ["R9"], "account_sid": [ACCOUNT]})
    results = warehouse.build(replace(given, tables={**given.tables, "ops.rejects": rejects}))
    assert recordings_of(warehouse) == 99
    assert one(warehouse, "select record_key from ops.rejects") == "R9"
    found = {result.check.name for result in results if not result.is_passed}
    assert found == {"records_are_rejected", "landed_rows_are_accounted_for"}
    assert not next(
        each for each in warehouse.check(CHECKS) if each.check.name == "marts_sum_to_fact"
    ).is_passed
    assert one(warehouse, "select count(*) from ops.checks where not is_passed") == len(found)
    comment = "select comment from duckdb_tables() where schema_name = 'ops' and table_name = 'rejects'"
    assert one(warehouse, comment) == ALL_TWINS["ops.rejects"].description


def test_build_skips_passed_checks_whose_tables_are_unchanged(warehouse: Warehouse, tmp_path: Path) -> None:
    once = Check("once", "once.sql", "select * from marts.daily_spend where recordings = 99", "fail", "Why.")
    always = replace(once, name="always", sql=f"{once.sql} and (select count(*) from ops.runs) < 9")
    finds = replace(once, name="finds", sql="select recordings from marts.daily_spend")
    given = contents(lake_of(tmp_path / "lake", "R1"), checks=[once, always, finds])
    assert [each.sample for each in warehouse.build(given)] == [[], [], ["recordings=1"]]
    planted(warehouse)
    given = replace(given, tables={**given.tables, "ops.runs": pa.table({"run_id": ["R1"]})})
    assert [each.offending_rows for each in warehouse.build(given)] == [0, 1, 1]
    assert warehouse.check([finds])[0].sample == ["recordings=99"]
    other = [replace(once, sql=f"{once.sql} or recordings = 1"), always, finds]
    assert [each.offending_rows for each in warehouse.build(replace(given, checks=other))] == [1, 0, 1]


def other_settings(given: WarehouseInputs) -> WarehouseInputs:
    settings = contents(timezone="Asia/Tokyo").tables["landed.settings"]
    return replace(given, tables={**given.tables, "landed.settings": settings})


def other_sql(given: WarehouseInputs) -> WarehouseInputs:
    return replace(given, models=[replace(given.models[0], sql=f"{given.models[0].sql} "), *given.models[1:]])


def other_words(given: WarehouseInputs) -> WarehouseInputs:
    twins = dict(given.twins)
    twins["ops.runs"] = msgspec.structs.replace(twins["ops.runs"], description="Runs.")
    return replace(given, twins=twins)


def other_views(given: WarehouseInputs) -> WarehouseInputs:
    return replace(given, views=given.views | {"marts.fct_recordings"})


@pytest.mark.parametrize("change", [other_settings, other_sql, other_words, other_views])
def test_models_are_rebuilt_when_an_input_changes(
    change: Callable[[WarehouseInputs], WarehouseInputs], warehouse: Warehouse, tmp_path: Path
) -> None:
    given = contents(lake_of(tmp_path / "lake", "R1"))
    warehouse.build(given)
    planted(warehouse)
    warehouse.build(change(given))
    assert recordings_of(warehouse) == 1


def test_models_are_rebuilt_when_the_lake_changes(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.build(contents(lake_of(tmp_path / "lake", "R1")))
    planted(warehouse)
    warehouse.build(contents(lake_of(tmp_path / "lake", "R1", "R2")))
    assert recordings_of(warehouse) == 2


@pytest.mark.parametrize("harm", ["written to", "log", "no stamp", "torn stamp"])
def test_build_does_not_reuse_a_file_changed_by_others(
    harm: str, warehouse: Warehouse, tmp_path: Path
) -> None:
    given = contents(lake_of(tmp_path / "lake", "R1"))
    warehouse.build(given)
    planted(warehouse)
    stamp = warehouse.path.with_suffix(".json")
    if harm == "written to":
        os.utime(warehouse.path)
    elif harm == "log":
        warehouse.path.with_name("warehouse.duckdb.wal").write_bytes(b"")
    elif harm == "no stamp":
        stamp.unlink()
    else:
        stamp.write_bytes(stamp.read_bytes()[:-9])
    warehouse.build(given)
    assert recordings_of(warehouse) == 1


def test_build_refuses_a_month_that_is_not_as_written(warehouse: Warehouse, tmp_path: Path) -> None:
    (month,) = lake_of(tmp_path / "lake", "R1")
    rot(month, 0.5)
    with pytest.raises(DataError, match=rf"^{month} is damaged\. Run `recspend normalize --rebuild`"):
        warehouse.build(contents([month]))
    assert files(warehouse) == []


def test_damaged_file_is_not_reused(
    warehouse: Warehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = contents(lake_of(tmp_path / "lake", "R1"))
    warehouse.build(given)
    rot(warehouse.path, 0)
    warehouse.build(given)
    assert "warehouse.duckdb is damaged; rebuilding it." in caplog.text
    assert recordings_of(warehouse) == 1


def test_build_without_a_lake_makes_empty_tables(warehouse: Warehouse) -> None:
    warehouse.build(contents(models=MODELS, checks=CHECKS))
    with warehouse.connected():
        for name in ALL_TWINS.keys() - {"landed.settings", "landed.accounts", "ops.checks"}:
            assert one(warehouse, f"select count(*) from {name}") == 0, name
    assert one(warehouse, "select count(*) from ops.checks where is_passed") == len(CHECKS)


def test_columns_are_matched_by_name(built: Warehouse) -> None:
    assert built.table("from landed.accounts").to_pylist() == [
        {
            "account_sid": ACCOUNT,
            "account_name": "support",
            "provider": None,
            "billing_increment_seconds": None,
            "credits": None,
        }
    ]
    assert one(built, "select unpriced_share_warning from landed.settings") == Decimal("0.100000000")


def test_build_works_in_a_folder_with_a_quote_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "it's; drop"
    warehouse = Warehouse(folder / "warehouse.duckdb")
    warehouse.build(contents(lake_of(folder / "lake", "R1")))
    assert one(warehouse, "select count(*) from landed.recordings") == 1


def test_instants_are_shown_in_utc(built: Warehouse) -> None:
    assert one(built, "select created_at::varchar from landed.recordings") == "2026-07-05 12:00:00+00"
    assert one(built, "select current_setting('TimeZone')") == "UTC"


def test_reporting_time_zone_reaches_the_models(warehouse: Warehouse, tmp_path: Path) -> None:
    lake_files = lake_of(tmp_path / "lake", "R1")
    days = []
    for timezone in ("UTC", "Pacific/Kiritimati"):
        warehouse.build(contents(lake_files, timezone=timezone))
        days.append(one(warehouse, "select usage_date::varchar from marts.daily_spend"))
    assert days == ["2026-07-05", "2026-07-06"]


def test_tables_work_without_the_lake_and_views_need_it(warehouse: Warehouse, tmp_path: Path) -> None:
    fact = "marts.fct_recordings"
    lake_files = lake_of(tmp_path / "lake", "R1")
    warehouse.build(contents(lake_files, views=STAGING | {fact}))
    assert one(warehouse, f"select count(*) from {fact}") == 1
    kinds = "select count(*) from duckdb_views() where schema_name = 'marts'"
    assert one(warehouse, kinds) == 1
    warehouse.build(contents(lake_files))
    assert one(warehouse, kinds) == 0
    lake_files[0].unlink()
    assert one(warehouse, f"select count(*) from {fact}") == 1
    with pytest.raises(DataError, match=f"^{lake_files[0]} is missing"):
        warehouse.table("from staging.stg_recordings")


def test_building_twice_gives_the_same_tables(built: Warehouse, tmp_path: Path) -> None:
    def tables() -> list[pa.Table]:
        with built.connected():
            return [built.table(f"from {name}") for name in sorted(ALL_TWINS)]

    before = tables()
    built.build(contents(lake_of(tmp_path / "lake", "R1"), models=MODELS))
    assert tables() == before
    assert files(built) == ["warehouse.duckdb", "warehouse.json"]


@pytest.mark.parametrize("name", sorted(ALL_TWINS))
def test_every_table_and_column_says_what_it_is(built_once: Warehouse, name: str) -> None:
    schema, table = name.split(".")
    tables = built_once.table(
        "select comment from duckdb_tables() where schema_name || '.' || table_name = '"
        + name
        + "' union all "
        "select comment from duckdb_views() where schema_name || '.' || view_name = '" + name + "'"
    )
    assert tables["comment"].to_pylist() == [ALL_TWINS[name].description]
    columns = built_once.table(
        f"select column_name, data_type, comment from duckdb_columns() where schema_name = '{schema}' "
        f"and table_name = '{table}' order by column_index"
    ).to_pylist()
    assert [(each["column_name"], each["data_type"], each["comment"]) for each in columns] == [
        (column, described.type, described.comment) for column, described in ALL_TWINS[name].columns.items()
    ]
    assert all(each["comment"] for each in columns)


def test_every_table_has_a_twin(built_once: Warehouse) -> None:
    found = built_once.table(
        "select schema_name || '.' || table_name as name from duckdb_tables() union all "
        "select schema_name || '.' || view_name from duckdb_views() where not internal"
    )
    assert {*found["name"].to_pylist()} == ALL_TWINS.keys()


def test_warehouse_file_opens_in_duckdb_1_5(built: Warehouse, tmp_path: Path) -> None:
    def storage_version(path: Path) -> object:
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.execute(
                "select tags['storage_version'] from duckdb_databases() where path = ?", [str(path)]
            ).fetchall()
            return found[0][0]

    with duckdb.connect(str(tmp_path / "newest.duckdb")) as connection:
        connection.execute("create table t as select 1 as a")
    assert storage_version(built.path) == "v1.5.0+"
    assert storage_version(tmp_path / "newest.duckdb") != "v1.5.0+"
    assert built.path.read_bytes()[8:12] == b"DUCK"


# Readers and builds

READ = """
import sys
import duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    print("open", flush=True)
    for line in sys.stdin:
        print(*connection.execute(line).fetchall(), flush=True)
"""


@contextmanager
def reader(path: Path) -> Iterator[Callable[[str], str]]:
    """Run another process with the file open; yield a function that takes a query and returns its rows as text."""
    process = subprocess.Popen(
        [sys.executable, "-c", READ, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def ask(sql: str) -> str:
            stdin.write(f"{sql}\n")
            stdin.flush()
            return stdout.readline().strip()

        try:
            assert stdout.readline() == "open\n"
            yield ask
        finally:
            process.kill()


def test_reader_keeps_the_old_file_and_does_not_block_a_build(built: Warehouse, tmp_path: Path) -> None:
    count, total = (
        "select count(*) from marts.fct_recordings",
        "select sum(cost)::varchar from marts.daily_spend",
    )
    with reader(built.path) as ask:
        assert ask(count) == "(1,)"
        for number in (2, 3):
            built.build(contents(lake_of(tmp_path / "lake", *(f"R{each}" for each in range(number)))))
            assert one(built, count) == number
            assert (ask(count), ask(total)) == ("(1,)", "('0.005000000',)")
        with reader(built.path) as ask_anew:
            assert (ask_anew(count), ask_anew(total)) == ("(3,)", "('0.015000000',)")
        assert ask(count) == "(1,)"


def test_several_readers_read_at_once(built: Warehouse) -> None:
    count = "select count(*) from marts.fct_recordings"
    with reader(built.path) as ask:
        assert (ask(count), one(built, count), ask(count)) == ("(1,)", 1, "(1,)")


def test_reader_in_the_same_process_does_not_block_a_build(built: Warehouse, tmp_path: Path) -> None:
    with duckdb.connect(str(built.path), read_only=True) as connection:
        built.build(contents(lake_of(tmp_path / "lake", "R1", "R2")))
        assert connection.execute("select count(*) from marts.fct_recordings").fetchall() == [(1,)]
    assert one(built, "select count(*) from marts.fct_recordings") == 2


def test_build_removes_leftovers_of_a_killed_build(built: Warehouse, tmp_path: Path) -> None:
    beside = built.path.with_name(f"{built.path.name}{BESIDE}")
    beside.write_bytes(b"half a database")
    beside.with_name(f"{beside.name}.wal").write_bytes(b"half a log")
    built.build(contents(lake_of(tmp_path / "lake", "R1", "R2")))
    assert one(built, "select count(*) from marts.fct_recordings") == 2
    assert files(built) == ["warehouse.duckdb", "warehouse.json"]


@pytest.mark.parametrize("most_bytes", [100, 20_000, 200_000, 700_000])
def test_full_disk_is_reported_and_leaves_only_the_old_file(
    most_bytes: int, built: Warehouse, tmp_path: Path
) -> None:
    lake_files, before = lake_of(tmp_path / "lake", "R1", "R2"), built.path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        with pytest.raises(DataError, match=r"warehouse\.duckdb cannot be written: .*Make room"):
            built.build(contents(lake_files))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert built.path.read_bytes() == before
    assert files(built) == ["warehouse.duckdb"]
    built.build(contents(lake_files))
    assert one(built, "select count(*) from marts.fct_recordings") == 2


SCRIBBLE = """
import os, sys
import duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("create table scratch as select 7 as a")
os._exit(0)
"""


def test_build_discards_a_write_ahead_log_left_by_others(built: Warehouse, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", SCRIBBLE, str(built.path)], check=True)
    assert files(built) == ["warehouse.duckdb", "warehouse.duckdb.wal"]
    built.build(contents(lake_of(tmp_path / "lake", "R1", "R2")))
    assert one(built, "select count(*) from marts.fct_recordings") == 2
    assert files(built) == ["warehouse.duckdb", "warehouse.json"]


# Models that are wrong


def with_sql(name: str, sql: str) -> list[Model]:
    """Return the project's models, one of them with other SQL."""
    return [replace(model, sql=sql) if model.name == name else model for model in SOME]


def with_twin(
    name: str, change: Callable[[dict[str, TwinColumn]], object], key: list[str] | None = None
) -> list[Model]:
    """Return the project's models, one of them with another twin."""
    models = []
    for model in SOME:
        twin = model.twin
        if model.name == name:
            columns = dict(twin.columns)
            change(columns)
            twin = msgspec.structs.replace(twin, columns=columns, key=twin.key if key is None else key)
        models.append(replace(model, twin=twin))
    return models


def refused(warehouse: Warehouse, wrong: WarehouseInputs) -> str:
    """Return the error for inputs that cannot be built; only the old file may be left."""
    before, found = warehouse.path.read_bytes(), files(warehouse)
    with pytest.raises(ModelError) as raised:
        warehouse.build(wrong)
    assert warehouse.path.read_bytes() == before
    assert files(warehouse) == found
    assert one(warehouse, "select count(*) from marts.fct_recordings") == 1
    return str(raised.value)


@pytest.mark.parametrize(
    "sql",
    [
        "select nonsense from marts.fct_recordings",
        "selekt 1",
        "select * from marts.nowhere",
        "select cast('x' as integer) as usage_date",
        "",
    ],
)
def test_failing_model_is_named_and_the_old_file_is_kept(built: Warehouse, sql: str) -> None:
    file = next(model.file for model in MODELS if model.name == "marts.daily_spend")
    said = refused(built, contents(models=with_sql("marts.daily_spend", sql)))
    assert said.startswith(file)


def test_failed_first_build_leaves_nothing(warehouse: Warehouse) -> None:
    with pytest.raises(ModelError):
        warehouse.build(contents(models=with_sql("marts.daily_spend", "selekt 1")))
    assert files(warehouse) == []


# 20,000 different lists of 1,000 numbers cannot be spilled, because they are parts of one value.
TOO_LARGE = """
    with numbers as (select unnest(range(20000)) as number),
    lists as (select range(number - 1000, number) as many from numbers)
    select list(many) as everything from lists
"""


def test_too_little_memory_says_which_setting_to_raise(built: Warehouse) -> None:
    give_memory(64)
    before = built.path.read_bytes()
    expected = r"too little memory for {}: Out of Memory .*Raise memory_limit_mb \(RECSPEND_MEMORY_LIMIT_MB\)"
    with pytest.raises(ConfigError, match=expected.format(r"marts\.daily_spend")):
        built.build(contents(models=with_sql("marts.daily_spend", TOO_LARGE)))
    with pytest.raises(ConfigError, match=expected.format("this query")):
        built.table(TOO_LARGE)
    with pytest.raises(ConfigError, match=expected.format("the check large")):
        built.check([Check("large", "large.sql", TOO_LARGE, "warn", "")])
    assert built.path.read_bytes() == before
    assert files(built) == ["warehouse.duckdb"]


def exchange(columns: dict[str, TwinColumn]) -> None:
    columns["usage_date"] = columns.pop("usage_date")


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        (lambda columns: columns.pop("cost"), None, "the twin of marts.daily_spend does not describe cost"),
        (
            lambda columns: columns.update(tax=TwinColumn("DOUBLE", "Tax.")),
            None,
            "marts.daily_spend has no column tax",
        ),
        (
            lambda columns: columns.update(cost=TwinColumn("DOUBLE", "Cost.")),
            None,
            "marts.daily_spend.cost is DECIMAL(38,9), its twin says DOUBLE",
        ),
        (exchange, None, "the columns of marts.daily_spend are in a different order than in its twin"),
        (lambda columns: None, ["usage_date", "day"], "key column day of marts.daily_spend is not a column"),
    ],
)
def test_model_unlike_its_twin_is_named_and_the_old_file_is_kept(
    built: Warehouse, change: Callable[[dict[str, TwinColumn]], object], key: list[str] | None, words: str
) -> None:
    said = refused(built, contents(models=with_twin("marts.daily_spend", change, key)))
    assert said == f"{words}. Make the model and its twin agree."


def test_every_drift_of_a_model_is_named_at_once(built: Warehouse) -> None:
    def change(columns: dict[str, TwinColumn]) -> None:
        del columns["cost"]
        columns["tax"] = TwinColumn("DOUBLE", "Tax.")

    said = refused(built, contents(models=with_twin("marts.daily_spend", change)))
    assert "has no column tax; the twin of marts.daily_spend does not describe cost." in said


def test_lake_unlike_its_twin_is_named(built: Warehouse, tmp_path: Path) -> None:
    strange = tmp_path / "lake" / "account_sid=A" / "2026-09-strange.parquet"
    strange.parent.mkdir(parents=True)
    duckdb.sql(f"copy (select 'R1' as recording_sid, 1.5::double as price) to '{strange}' (format parquet)")
    said = refused(built, contents([strange]))
    assert "landed.recordings has no column account_sid" in said
    assert "landed.recordings.price is DOUBLE, its twin says DECIMAL(18,9)" in said


# Checks

EMPTY = Check("nothing", "nothing.sql", "select 1 as a where false", "fail", "It never finds a row.")
FAIL = Check(
    "three",
    "three.sql",
    "select * from (values (1, 'a'), (2, null), (3, 'c'), (4, 'd')) t(a, b)",
    "fail",
    "Why.",
)
WARN = replace(FAIL, name="one", sql="select sum(cost) as cost from marts.daily_spend", severity="warn")


def test_checks_run_on_the_new_build(built: Warehouse, tmp_path: Path) -> None:
    found = built.build(contents(lake_of(tmp_path / "lake", "R1", "R2"), checks=[EMPTY, FAIL, WARN]))
    assert [(each.check.name, each.offending_rows, each.sample) for each in found] == [
        ("nothing", 0, []),
        ("three", 4, ["a=1, b=a", "a=2, b=None", "a=3, b=c"]),
        ("one", 1, ["cost=0.010000000"]),
    ]
    assert [(each.is_passed, each.stops) for each in found] == [(True, False), (False, True), (False, False)]
    assert built.table("from ops.checks").to_pylist() == [
        {"name": "nothing", "severity": "fail", "why": EMPTY.why, "is_passed": True, "offending_rows": 0},
        {"name": "three", "severity": "fail", "why": "Why.", "is_passed": False, "offending_rows": 4},
        {"name": "one", "severity": "warn", "why": "Why.", "is_passed": False, "offending_rows": 1},
    ]


def test_checks_can_run_on_the_existing_file(built: Warehouse) -> None:
    assert built.check([EMPTY, WARN]) == [
        CheckResult(EMPTY, 0, []),
        CheckResult(WARN, 1, ["cost=0.005000000"]),
    ]


def test_shipped_checks_find_the_same_in_build_and_file(built: Warehouse, tmp_path: Path) -> None:
    found = built.build(contents(lake_of(tmp_path / "lake", "R1"), models=MODELS, checks=CHECKS))
    assert built.check(CHECKS) == found
    # The recording belongs to no landing; nothing else is wrong.
    assert [each.check.name for each in found if not each.is_passed] == ["landed_rows_are_accounted_for"]


def test_failing_check_query_is_named_and_the_old_file_is_kept(built: Warehouse) -> None:
    wrong = replace(FAIL, sql="select nonsense")
    assert refused(built, contents(checks=[wrong])).startswith("three.sql cannot be run: ")
    with pytest.raises(ModelError, match=r"^three\.sql cannot be run: "):
        built.check([wrong])


def test_table_of_checks_is_empty_without_checks() -> None:
    assert check_table([]).num_rows == 0
    assert check_table([]).schema.names == list(TWINS["ops.checks"].columns)


# Queries


def test_query_returns_exact_values(built: Warehouse) -> None:
    found = built.table("select price, cost, created_at, deleted_at, channels from marts.fct_recordings")
    assert found.to_pylist() == [
        {
            "price": Decimal("-0.005000000"),
            "cost": Decimal("0.005000000"),
            "created_at": lake_rows("R1")["created_at"][0].as_py(),
            "deleted_at": None,
            "channels": 1,
        }
    ]
    assert found.schema.field("cost").type == pa.decimal128(18, 9)


@pytest.mark.parametrize(
    "sql",
    [
        "from marts.daily_spend",
        "with a as (select 1 as b) select * from a;",
        "values (1)",
        "show all tables",
        "describe marts.daily_spend",
        "summarize marts.daily_spend",
        "explain select 1",
        "select 1 as a; select 2 as b",
        "pragma table_info('marts.daily_spend')",
        "pragma storage_info('marts.daily_spend')",
        "pivot marts.daily_spend on currency using sum(cost) group by source",
        "with p as (pivot marts.daily_spend on currency using sum(cost) group by source) from p",
        "explain pivot marts.daily_spend on currency using sum(cost)",
        "/* copy */ explain analyze select 1",
        "explain (format json) select 1",
        "select * from duckdb_settings()",
        "select * from landed.recordings",
    ],
)
def test_query_accepts_any_statement_that_returns_rows(built_once: Warehouse, sql: str) -> None:
    assert built_once.table(sql).num_rows > 0


WRITING = [
    "create table marts.mine as select 1 as a",
    "create or replace view marts.mine as select 1 as a",
    "create temp table mine as select 1 as a",
    "insert into landed.accounts values ('B', 'sales')",
    "update landed.accounts set account_name = 'sales'",
    "delete from marts.fct_recordings",
    "delete from marts.fct_recordings returning *",
    "drop table marts.daily_spend",
    "alter table marts.daily_spend add column tax double",
    "truncate marts.daily_spend",
    "comment on table marts.daily_spend is 'mine'",
    "copy marts.daily_spend to 'mine.csv'",
    "copy (select 1 as a) to 'mine.parquet' (format parquet)",
    "select 1; copy (select 1 as a) to 'mine.csv'",
    "copy (select 1 as a) to 'mine.csv'; select 1",
    "copy marts.daily_spend from 'mine.csv'",
    "export database 'mine'",
    "attach 'mine.duckdb'",
    "install httpfs",
    "set memory_limit = '2GB'",
    "pragma memory_limit = '2GB'",
    "reset memory_limit",
    "explain analyze copy (select 1 as a) to 'mine.csv'",
    "explain /* ( */ analyze copy (select 1 as a) to 'mine.csv'",
    "/* x */ explain (analyze, format json) copy (select 1 as a) to 'mine.csv'",
    "explain (analyze) copy (pivot marts.daily_spend on currency using sum(cost)) to 'mine.csv'",
    "copy (pivot marts.daily_spend on currency using sum(cost)) to 'mine.csv'",
    "explain create table marts.mine as select 1 as a",
    "prepare p as copy (select 1) to 'mine.csv'",
    "prepare p as copy (select 1) to 'mine.csv'; execute p",
    "call enable_logging(storage = 'file', storage_path = 'mine')",
    "from enable_logging(storage = 'file', storage_path = 'mine')",
    "call enable_profiling(save_location = 'mine.json')",
    "from enable_profiling(save_location = 'mine.json')",
    "pragma enable_profiling",
    "pragma profiling_output = 'mine.json'",
    "import database 'mine'",
    "pragma import_database('mine')",
    "checkpoint",
    "force checkpoint",
    "call force_checkpoint()",
    "from force_checkpoint()",
    "vacuum",
    "analyze",
    "begin",
    "use marts",
    "set variable a = 1",
    "update extensions",
    "load httpfs",
    "create secret mine (type s3, key_id 'a', secret 'b')",
    "create persistent secret mine (type s3, key_id 'a', secret 'b')",
    "detach warehouse",
    "",
    "-- nothing",
]


@pytest.mark.parametrize("sql", WRITING)
def test_query_refuses_every_write(
    built_once: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    monkeypatch.chdir(tmp_path)
    before = built_once.path.read_bytes()
    with pytest.raises(ConfigError):
        built_once.table(sql)
    assert list(tmp_path.iterdir()) == []
    assert built_once.path.read_bytes() == before
    assert files(built_once) == ["warehouse.duckdb", "warehouse.json"]


@pytest.mark.parametrize(
    "sql",
    [
        "from read_text('{folder}/secret.csv')",
        "from read_blob('{folder}/secret.csv')",
        "from '{folder}/secret.csv'",
        "from read_csv('{folder}/*.csv')",
        "from sniff_csv('{folder}/secret.csv')",
        "from read_json('{folder}/secret.csv')",
        "from glob('{folder}/*')",
        "from parquet_metadata('{folder}/secret.csv')",
        "from query('from read_text(''{folder}/secret.csv'')')",
        "attach '{folder}/secret.csv'",
        "from read_text('/proc/self/environ')",
        "from read_text('https://127.0.0.1:1/')",
    ],
)
def test_query_reads_no_other_files(built_once: Warehouse, tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(ConfigError):
        built_once.table(sql.format(folder=tmp_path))


def test_query_does_not_read_variables_of_the_program(built_once: Warehouse) -> None:
    parameters = pa.table({"a": [1]})
    with pytest.raises(ConfigError, match="parameters does not exist"):
        built_once.table("from parameters")
    assert parameters.num_rows == 1


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("selekt 1", r"syntax error.*Correct the query; `show all tables` lists the tables\.$"),
        (
            "from marts.nowhere",
            r"nowhere does not exist.*Correct the query; `show all tables` lists the tables\.$",
        ),
        ("select cast('x' as integer)", r"Could not convert.*Correct the query"),
        (
            "delete from marts.daily_spend",
            r"^That statement returns no rows\. The warehouse is read-only; use a SELECT\.$",
        ),
    ],
)
def test_query_error_is_reported_in_one_line(built_once: Warehouse, sql: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        built_once.table(sql)
    assert "\n" not in str(raised.value)


def test_query_reports_a_missing_warehouse_and_creates_none(warehouse: Warehouse) -> None:
    for ask in (lambda: warehouse.table("select 1"), lambda: warehouse.check([EMPTY])):
        with pytest.raises(ConfigError, match=r"^There is no .*warehouse\.duckdb yet\. Run `recspend run`"):
            ask()
    assert files(warehouse) == []


@pytest.mark.parametrize("content", [b"", b"no database", b"\0" * 20_000])
def test_query_reports_a_file_that_is_not_a_warehouse(warehouse: Warehouse, content: bytes) -> None:
    warehouse.path.write_bytes(content)
    with pytest.raises(
        DataError, match=r"warehouse\.duckdb is damaged, or .* Run `recspend model` to rebuild it\."
    ):
        warehouse.table("select 1")


def _halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_halve, "is damaged"),
        (Path.unlink, "is missing"),
        (partial(rot, place=0.9999), "is damaged"),
    ],
    ids=["cut in half", "removed", "bit rot"],
)
def test_query_and_check_name_a_damaged_month(
    damage: Callable[[Path], None], words: str, warehouse: Warehouse, tmp_path: Path
) -> None:
    (month,) = lake_of(tmp_path / "it's", "R1")
    warehouse.build(contents([month]))
    damage(month)
    said = rf"^{month} {words}\. Run `recspend normalize --rebuild` to rebuild it from the raw pages, then"
    check = Check("all", "all.sql", "from landed.recordings", "fail", "")
    for ask in (lambda: warehouse.table("from landed.recordings"), lambda: warehouse.check([check])):
        with pytest.raises(DataError, match=said):
            ask()


def test_wrong_query_is_not_taken_for_damage(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.build(contents(lake_of(tmp_path / "lake", "R1")))
    for sql in ("from landed.recording", "select error(recording_sid) from landed.recordings", "selec 1"):
        with pytest.raises(ConfigError, match=r"Correct the query; `show all tables` lists the tables\."):
            warehouse.table(sql)


def test_query_names_a_damaged_warehouse(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.build(contents(lake_of(tmp_path / "lake", "R1")))
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("create table marts.large as select hash(range) as number from range(1_000_000)")
    rot(warehouse.path, 0.5)
    with pytest.raises(
        DataError, match=r"warehouse\.duckdb is damaged\. Delete it, then run `recspend model`"
    ):
        warehouse.table("select sum(number) from marts.large")


def test_open_translates_every_error_of_duckdb(built: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    class Torn:
        def execute(self, _: str) -> None:
            raise duckdb.IOException("torn")

    monkeypatch.setattr(duckdb, "connect", lambda *_, **__: Torn())
    with pytest.raises(DataError, match=r"is damaged, or .* Run `recspend model` to rebuild it\."):
        built.table("select 1")
    built.path.unlink()
    built.path.mkdir()
    with pytest.raises(DataError, match=r"warehouse\.duckdb is a folder\. Move it away, then run"):
        built.table("select 1")
    built.path.rmdir()
    built.path.symlink_to(built.path.with_name(f"{'x' * 300}"))
    monkeypatch.setattr(Path, "exists", lambda _: True)
    with pytest.raises(DataError, match=r"warehouse\.duckdb cannot be read \(File name too long\)\."):
        built.table("select 1")


def test_query_does_not_keep_the_file_open(built: Warehouse) -> None:
    built.table("select 1")
    with duckdb.connect(str(built.path)) as connection:
        connection.execute("create table scratch as select 1 as a")
    assert one(built, "select a from scratch") == 1


def test_twins_agree_with_the_schema_of_the_lake() -> None:
    twin: Twin = TWINS["landed.recordings"]
    assert list(twin.columns) == LAKE_SCHEMA.names


# Parameters


def test_parameters_reach_a_select_as_values_and_not_as_sql(built: Warehouse) -> None:
    odd = "x' or true --"
    assert one(built, "select 1") == 1
    found = built.table("select $name as name, $days as days", {"name": odd, "days": [date(2026, 9, 1)]})
    assert found.to_pylist() == [{"name": odd, "days": [date(2026, 9, 1)]}]


def test_each_of_several_selects_takes_the_parameters_it_names(built: Warehouse) -> None:
    found = built.tables({"a": "select $a as a", "b": "select $b as b", "none": "select 3"}, {"a": 1, "b": 2})
    assert [table.to_pylist() for table in found.values()] == [[{"a": 1}], [{"b": 2}], [{"3": 3}]]


def test_a_parameter_without_a_value_is_named(built: Warehouse) -> None:
    with pytest.raises(ConfigError, match="begins"):
        built.table("select $begins", {"ends": 1})
