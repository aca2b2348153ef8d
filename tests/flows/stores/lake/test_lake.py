import json
import os
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.stores.lake.lake import Lake
from flows.stores.lake.state import AppliedLanding, FoundOddity, LakeState
from flows.stores.lake.written_files import sha256_of
from flows.stores.whole_files import BESIDE
from tests.support.samples.stores import ACCOUNT, OTHER_ACCOUNT, lake_rows, utc
from transforms.errors import DataError
from transforms.schema import LAKE_SCHEMA, REJECT_SCHEMA

LANDING = AppliedLanding(
    "raw/a",
    utc(2026, 7, 6),
    pages=1,
    rows=9,
    new=5,
    repeated=2,
    rejected=1,
    outside=1,
    oddities=[FoundOddity("unknown source", "Fax", 2, "RE1", "Fax")],
)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def month_file(lake: Lake, month: str = "2026-07", account_sid: str = ACCOUNT) -> Path:
    return lake.folder / f"account_sid={account_sid}" / f"created_month={month}" / "recordings.parquet"


def state_file(lake: Lake) -> Path:
    return lake.folder / f"account_sid={ACCOUNT}" / "_landings.json"


def fill(lake: Lake, *, july: pa.Table | None = None) -> None:
    """Fill two months, recorded as the result of one landing."""
    lake.replace(ACCOUNT, "2026-07", july or lake_rows("R1", "R2"))
    lake.replace(ACCOUNT, "2026-08", lake_rows("R3", created_at=utc(2026, 8, 2)))
    lake.finish(ACCOUNT, LakeState([LANDING]))


def stamps(lake: Lake) -> dict[str, tuple[int, int]]:
    """Map every file to its inode and modification time, to detect whether it was touched."""
    found = {path: path.stat() for path in sorted(lake.folder.parent.rglob("*")) if path.is_file()}
    return {
        str(path.relative_to(lake.folder.parent)): (stat.st_ino, stat.st_mtime_ns)
        for path, stat in found.items()
    }


# A row for each kind of value.
SURPRISES = pa.concat_tables(
    [
        lake_rows("R0", price=Decimal("-0.000000001"), price_raw="-1e-9", channels=2, error_code="16101"),
        lake_rows("R1", price=Decimal("999999999.999999999"), currency="XXX", duration_seconds=2**31 - 1),
        lake_rows(
            "R2", price=Decimal("0E-9"), price_raw="0.0", source="Fax", source_raw="Fax", duration_seconds=0
        ),
        lake_rows("R3", price=None, price_raw=None, channels=None, duration_seconds=None, started_at=None),
        lake_rows("R4", uri="", source_raw=None, deleted_at=utc(2026, 9, 1), ended_at=utc(2026, 7, 5, 12, 1)),
        lake_rows("R\u00fc'\U0001f600", status="", created_at=utc(1970, 1, 1), updated_at=utc(2999, 12, 31)),
    ]
)


def test_month_round_trips_exactly(lake: Lake) -> None:
    lake.replace(ACCOUNT, "2026-07", SURPRISES)
    found = lake.read(ACCOUNT, "2026-07")
    assert found.to_pylist() == SURPRISES.to_pylist()
    assert found.schema.equals(LAKE_SCHEMA)
    assert found.equals(SURPRISES)


def test_month_keeps_its_order_across_row_groups(lake: Lake) -> None:
    sids = pa.array([f"R{number % 1000:04d}-{number}" for number in range(150_000)])
    many = lake_rows("R").take(pa.array([0] * len(sids))).set_column(0, LAKE_SCHEMA.field(0), sids)
    lake.replace(ACCOUNT, "2026-07", many)
    assert pq.ParquetFile(month_file(lake)).num_row_groups == 2
    assert lake.read(ACCOUNT, "2026-07").equals(many)
    assert lake.rows(ACCOUNT) == 150_000


def test_missing_month_is_empty(lake: Lake) -> None:
    found = lake.read(ACCOUNT, "2026-07")
    assert (found.num_rows, found.schema) == (0, LAKE_SCHEMA)
    assert (lake.accounts(), lake.months(ACCOUNT), lake.rows(ACCOUNT)) == ([], [], 0)


def test_accounts_and_months_are_listed_in_order(lake: Lake) -> None:
    for account_sid, month in ((ACCOUNT, "2026-08"), (OTHER_ACCOUNT, "2025-01"), (ACCOUNT, "2026-07")):
        lake.replace(account_sid, month, lake_rows("R1"))
    assert lake.accounts() == [OTHER_ACCOUNT, ACCOUNT]
    assert lake.months(ACCOUNT) == ["2026-07", "2026-08"]
    assert lake.rows(ACCOUNT) == 2
    assert month_file(lake).is_file()


def test_replace_changes_one_month_only(lake: Lake) -> None:
    lake.replace(ACCOUNT, "2026-07", lake_rows("R1", "R2"))
    lake.replace(ACCOUNT, "2026-08", lake_rows("R3"))
    lake.replace(ACCOUNT, "2026-07", lake_rows("R4"))
    assert lake.read(ACCOUNT, "2026-07")["recording_sid"].to_pylist() == ["R4"]
    assert lake.read(ACCOUNT, "2026-08")["recording_sid"].to_pylist() == ["R3"]


def test_empty_month_has_no_file(lake: Lake) -> None:
    lake.replace(ACCOUNT, "2026-07", lake_rows("R1"))
    lake.replace(ACCOUNT, "2026-07", LAKE_SCHEMA.empty_table())
    assert not month_file(lake).exists()
    assert lake.months(ACCOUNT) == []
    lake.replace(ACCOUNT, "2026-07", LAKE_SCHEMA.empty_table())


def test_failed_replace_keeps_the_old_month(lake: Lake) -> None:
    lake.replace(ACCOUNT, "2026-07", lake_rows("R1"))
    with pytest.raises((pa.ArrowException, ValueError, KeyError)):
        lake.replace(ACCOUNT, "2026-07", pa.table({"recording_sid": ["R2"]}))
    assert lake.read(ACCOUNT, "2026-07").equals(lake_rows("R1"))
    assert [path.name for path in month_file(lake).parent.iterdir()] == ["recordings.parquet"]


def test_readers_never_see_a_torn_month(lake: Lake) -> None:
    versions = {
        name: lake_rows(*(f"R{n:05d}" for n in range(2000)), raw_page=name) for name in ("one", "other")
    }
    lake.replace(ACCOUNT, "2026-07", versions["one"])
    seen: list[tuple[int, frozenset[str]]] = []
    troubles: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                found = lake.read(ACCOUNT, "2026-07")
                seen.append((found.num_rows, frozenset(found["raw_page"].to_pylist())))
        except BaseException as trouble:
            troubles.append(trouble)

    reader = threading.Thread(target=read)
    reader.start()
    whole = {(2000, frozenset({name})) for name in versions}
    replaced = 0
    while not troubles and replaced < 2000 and (replaced < 60 or not whole <= {*seen}):
        replaced += 1
        lake.replace(ACCOUNT, "2026-07", versions["other" if replaced % 2 else "one"])
    stop.set()
    reader.join()
    assert troubles == []
    assert {*seen} == whole


def test_month_file_has_every_column_with_its_type(lake: Lake, tmp_path: Path) -> None:
    lake.replace(ACCOUNT, "2026-07", SURPRISES)
    alone = tmp_path / "alone.parquet"
    month_file(lake).rename(alone)
    parquet = pq.ParquetFile(alone)
    assert parquet.schema_arrow.names == LAKE_SCHEMA.names
    assert parquet.schema_arrow.types == LAKE_SCHEMA.types
    assert [field.nullable for field in parquet.schema_arrow] == [field.nullable for field in LAKE_SCHEMA]
    assert parquet.metadata.row_group(0).column(0).compression == "ZSTD"
    assert parquet.read().to_pylist() == SURPRISES.to_pylist()


def test_duckdb_reads_exact_decimals_and_instants_from_a_month(lake: Lake) -> None:
    lake.replace(ACCOUNT, "2026-07", SURPRISES)
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        found = connection.execute(
            "select recording_sid, price, price::varchar, created_at::varchar, channels, typeof(price), "
            "typeof(created_at), typeof(channels), typeof(duration_seconds) "
            "from read_parquet(?, hive_partitioning = false)",
            [str(month_file(lake))],
        ).fetchall()
        columns = connection.execute("select * from read_parquet(?)", [str(month_file(lake))]).description
        total = connection.execute(
            "select sum(price) from read_parquet(?)", [str(month_file(lake))]
        ).fetchone()
    types = ("DECIMAL(18,9)", "TIMESTAMP WITH TIME ZONE", "TINYINT", "INTEGER")
    noon = "2026-07-05 12:00:00+00"
    assert found == [
        ("R0", Decimal("-1E-9"), "-0.000000001", noon, 2, *types),
        ("R1", Decimal("999999999.999999999"), "999999999.999999999", noon, 1, *types),
        ("R2", Decimal(0), "0.000000000", noon, 1, *types),
        ("R3", None, None, noon, None, *types),
        ("R4", Decimal("-0.005"), "-0.005000000", noon, 1, *types),
        ("R\u00fc'\U0001f600", Decimal("-0.005"), "-0.005000000", "1970-01-01 00:00:00+00", 1, *types),
    ]
    assert total == (Decimal("999999999.989999998"),)
    assert columns is not None
    assert {column[0] for column in columns} >= {*LAKE_SCHEMA.names}


@pytest.mark.parametrize("content", [b"", b"PAR1", b"torn" * 100])
def test_unreadable_month_is_an_error_that_names_the_file(lake: Lake, content: bytes) -> None:
    fill(lake)
    month_file(lake).write_bytes(content)
    with pytest.raises(DataError, match=r"Run `recspend normalize --rebuild`") as raised:
        lake.read(ACCOUNT, "2026-07")
    assert str(raised.value).startswith(f"{month_file(lake)} ")


def test_month_with_a_damaged_page_is_an_error(lake: Lake) -> None:
    fill(lake)
    content = bytearray(month_file(lake).read_bytes())
    content[4:60] = b"\xff" * 56
    month_file(lake).write_bytes(content)
    with pytest.raises(DataError, match=r"Run `recspend normalize --rebuild`"):
        lake.read(ACCOUNT, "2026-07")


# The state of the months


def test_state_has_the_rows_of_each_month(lake: Lake) -> None:
    fill(lake)
    state = lake.state(ACCOUNT)
    assert state == LakeState([LANDING], {"2026-07": 2, "2026-08": 1})
    assert state == lake.recorded_state(ACCOUNT)
    assert json.loads(state_file(lake).read_bytes())["months"] == {"2026-07": 2, "2026-08": 1}


def test_state_is_kept_without_recordings(lake: Lake) -> None:
    lake.finish(ACCOUNT, LakeState([LANDING]))
    assert lake.state(ACCOUNT) == LakeState([LANDING], {})


def test_state_of_a_new_account_is_unknown(lake: Lake) -> None:
    assert lake.state(ACCOUNT) is None
    assert lake.recorded_state(ACCOUNT) is None


def remove_a_month(lake: Lake) -> None:
    month_file(lake).unlink()


def shorten_a_month(lake: Lake) -> None:
    lake.replace(ACCOUNT, "2026-07", lake_rows("R1"))


def lengthen_a_month(lake: Lake) -> None:
    lake.replace(ACCOUNT, "2026-07", lake_rows("R1", "R2", "R9"))


def add_a_month(lake: Lake) -> None:
    lake.replace(ACCOUNT, "2026-09", lake_rows("R9"))


def tear_a_month(lake: Lake) -> None:
    content = month_file(lake).read_bytes()
    month_file(lake).write_bytes(content[: len(content) // 2])


def empty_a_month(lake: Lake) -> None:
    month_file(lake).write_bytes(b"")


@pytest.mark.parametrize(
    "change", [remove_a_month, shorten_a_month, lengthen_a_month, add_a_month, tear_a_month, empty_a_month]
)
def test_state_is_unknown_if_months_differ_from_it(lake: Lake, change: Callable[[Lake], None]) -> None:
    fill(lake)
    assert lake.state(ACCOUNT) is not None
    change(lake)
    assert lake.state(ACCOUNT) is None
    assert lake.recorded_state(ACCOUNT) == LakeState([LANDING], {"2026-07": 2, "2026-08": 1})


def test_state_is_unknown_with_a_torn_month(lake: Lake) -> None:
    lake.finish(ACCOUNT, LakeState([LANDING]))
    month_file(lake).parent.mkdir(parents=True)
    month_file(lake).write_bytes(b"torn")
    assert lake.state(ACCOUNT) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"applied": 7}', b'{"applied": [{"landing": "\xff"}]}']
)
def test_state_is_unknown_if_it_cannot_be_decoded(lake: Lake, content: bytes) -> None:
    fill(lake)
    state_file(lake).write_bytes(content)
    assert lake.state(ACCOUNT) is None
    assert lake.recorded_state(ACCOUNT) is None


def test_state_between_begin_and_finish_has_no_months(lake: Lake) -> None:
    fill(lake)
    lake.begin(ACCOUNT, LakeState([LANDING], {"2026-07": 2}))
    lake.replace(ACCOUNT, "2026-07", lake_rows("R1", "R2", "R9"))
    in_progress = Lake(lake.folder.parent).state(ACCOUNT)
    assert in_progress == LakeState([LANDING], None)
    later = msgspec.structs.replace(LANDING, landing="raw/b")
    lake.finish(ACCOUNT, LakeState([LANDING, later]))
    assert lake.state(ACCOUNT) == LakeState([LANDING, later], {"2026-07": 3, "2026-08": 1})


def test_state_ignores_a_month_being_written(lake: Lake) -> None:
    fill(lake)
    month_file(lake).with_name(f"recordings.parquet{BESIDE}").write_bytes(b"half")
    assert lake.state(ACCOUNT) is not None
    assert lake.months(ACCOUNT) == ["2026-07", "2026-08"]


# Adopting an account that was built in another lake


@pytest.fixture
def built(tmp_path: Path) -> Lake:
    elsewhere = Lake(tmp_path / ".rebuild")
    fill(elsewhere)
    return elsewhere


def test_adopt_leaves_unchanged_files_untouched(lake: Lake, built: Lake) -> None:
    lake.rejects.write(ACCOUNT, rejects(1))
    fill(lake)
    built.rejects.write(ACCOUNT, rejects(1))
    for path in (month_file(lake), month_file(lake, "2026-08")):
        os.utime(path, ns=(1, 1))
    before = stamps(lake)
    lake.adopt(ACCOUNT, built)
    after = stamps(lake)
    untouched = [name for name in before if name.endswith(".parquet") and not name.startswith(".rebuild")]
    assert len(untouched) == 3
    assert [after[name] for name in untouched] == [before[name] for name in untouched]
    assert lake.state(ACCOUNT) == LakeState([LANDING], {"2026-07": 2, "2026-08": 1})


def test_adopt_replaces_only_what_differs(lake: Lake, built: Lake) -> None:
    fill(lake, july=lake_rows("R1", "R2", price=Decimal(1)))
    before = stamps(lake)
    lake.adopt(ACCOUNT, built)
    changed = {
        name for name, stamp in stamps(lake).items() if before.get(name) != stamp and ".rebuild" not in name
    }
    folder = f"recordings/account_sid={ACCOUNT}"
    names = ("created_month=2026-07/recordings.parquet", "_landings.json", "_files.json")
    assert changed == {f"{folder}/{name}" for name in names}
    assert lake.read(ACCOUNT, "2026-07").equals(lake_rows("R1", "R2"))


def test_adopt_removes_and_adds_months(lake: Lake, built: Lake) -> None:
    lake.replace(ACCOUNT, "2026-06", lake_rows("R0"))
    lake.replace(OTHER_ACCOUNT, "2026-06", lake_rows("R0"))
    lake.rejects.write(ACCOUNT, rejects(2))
    lake.adopt(ACCOUNT, built)
    assert lake.months(ACCOUNT) == ["2026-07", "2026-08"]
    assert lake.state(ACCOUNT) == LakeState([LANDING], {"2026-07": 2, "2026-08": 1})
    assert lake.rejects.read(ACCOUNT).num_rows == 0
    assert lake.months(OTHER_ACCOUNT) == ["2026-06"]


@pytest.mark.parametrize("change", [tear_a_month, empty_a_month, remove_a_month])
def test_adopt_repairs_a_damaged_month(lake: Lake, built: Lake, change: Callable[[Lake], None]) -> None:
    fill(lake)
    change(lake)
    lake.adopt(ACCOUNT, built)
    assert lake.read(ACCOUNT, "2026-07").equals(lake_rows("R1", "R2"))
    assert lake.state(ACCOUNT) == LakeState([LANDING], {"2026-07": 2, "2026-08": 1})


def test_interrupted_adopt_leaves_no_state(lake: Lake, built: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(lake, july=lake_rows("R8", "R9"))

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lake.rejects, "write", fail)
    with pytest.raises(KeyboardInterrupt):
        lake.adopt(ACCOUNT, built)
    assert lake.state(ACCOUNT) is None


# Recordings in several months


def test_in_several_months_finds_recordings(lake: Lake) -> None:
    lake.replace(ACCOUNT, "2026-06", lake_rows("R1", "R2", "R'4"))
    lake.replace(ACCOUNT, "2026-07", lake_rows("R2", "R3"))
    lake.replace(ACCOUNT, "2026-08", lake_rows("R2", "R'4", "R5"))
    lake.replace(OTHER_ACCOUNT, "2026-08", lake_rows("R5", "R1"))
    assert dict(lake.in_several_months(ACCOUNT)) == {
        "R2": ["2026-06", "2026-07", "2026-08"],
        "R'4": ["2026-06", "2026-08"],
    }


@pytest.mark.parametrize("months", [[], ["2026-06"], ["2026-06", "2026-07"]])
def test_in_several_months_is_empty_without_duplicates(lake: Lake, months: list[str]) -> None:
    for month in months:
        lake.replace(ACCOUNT, month, lake_rows(f"R {month}", f"S {month}"))
    assert list(lake.in_several_months(ACCOUNT)) == []


# Rejects


def rejects(count: int) -> pa.Table:
    rows = [
        {
            "account_sid": ACCOUNT,
            "recording_sid": f"R{number}" if number else None,
            "created_at": utc(2026, 7, 5) if number else None,
            "record_key": f"R{number}",
            "window_first": utc(2026, 7, 1).date(),
            "window_last": utc(2026, 7, 31).date(),
            "raw_page": "raw/page",
            "position": number,
            "field": "price",
            "reason": "is not a number",
        }
        for number in range(count)
    ]
    return pa.Table.from_pylist(rows, REJECT_SCHEMA)


def test_rejects_round_trip_exactly(lake: Lake, tmp_path: Path) -> None:
    lake.rejects.write(ACCOUNT, rejects(3))
    assert lake.rejects.read(ACCOUNT).equals(rejects(3))
    assert lake.rejects.read(OTHER_ACCOUNT).equals(REJECT_SCHEMA.empty_table())
    assert [path.name for path in (tmp_path / "rejects").iterdir()] == [f"account_sid={ACCOUNT}"]


def test_unchanged_rejects_are_not_rewritten(lake: Lake) -> None:
    lake.rejects.write(ACCOUNT, rejects(3))
    before = stamps(lake)
    lake.rejects.write(ACCOUNT, rejects(3))
    assert stamps(lake) == before
    lake.rejects.write(ACCOUNT, rejects(2))
    assert stamps(lake) != before
    assert lake.rejects.read(ACCOUNT).equals(rejects(2))


def test_rejects_have_no_file_if_empty(lake: Lake) -> None:
    lake.rejects.write(ACCOUNT, rejects(0))
    assert stamps(lake) == {}
    lake.rejects.write(ACCOUNT, rejects(1))
    lake.rejects.write(ACCOUNT, rejects(0))
    assert stamps(lake) == {}
    assert lake.rejects.read(ACCOUNT).schema == REJECT_SCHEMA


# Damage that its readers do not notice


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [flip, Path.unlink, Path.touch], ids=["flipped", "removed", "touched"])
def test_damaged_rejects_are_noticed(damage: Callable[[Path], None], lake: Lake) -> None:
    lake.rejects.write(ACCOUNT, rejects(2))
    fill(lake)
    os.utime(lake.rejects.path(ACCOUNT), ns=(1, 1))
    damage(lake.rejects.path(ACCOUNT))
    is_changed = damage is not Path.touch
    assert lake.is_damaged(ACCOUNT) is is_changed
    assert (lake.state(ACCOUNT) is None) is is_changed


def rot(path: Path) -> None:
    """Flip a bit as a failing disk does: the file looks as it did. A new process has not read it yet."""
    found = path.stat()
    flip(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    sha256_of.cache_clear()


def test_month_that_looks_alike_is_noticed_when_it_is_read(lake: Lake) -> None:
    fill(lake)
    rot(month_file(lake))
    assert lake.state(ACCOUNT) is not None
    assert lake.state(ACCOUNT, thoroughly=True) is None


def test_table_that_looks_alike_is_noticed_and_replaced(lake: Lake, built: Lake) -> None:
    for each in (lake, built):
        each.rejects.write(ACCOUNT, rejects(2))
        fill(each)
    before = lake.rejects.path(ACCOUNT).read_bytes()
    rot(lake.rejects.path(ACCOUNT))
    assert lake.state(ACCOUNT) is None
    lake.adopt(ACCOUNT, built)
    assert lake.rejects.path(ACCOUNT).read_bytes() == before
    assert lake.state(ACCOUNT, thoroughly=True) is not None


def test_table_that_was_not_there_is_noticed(lake: Lake) -> None:
    fill(lake)
    assert not lake.is_damaged(ACCOUNT)
    lake.corrections.path(ACCOUNT).parent.mkdir(parents=True)
    lake.corrections.path(ACCOUNT).write_bytes(b"what is this?")
    assert lake.is_damaged(ACCOUNT)


def test_tables_count_only_once_they_are_recorded(lake: Lake) -> None:
    fill(lake)
    recorded = lake.folder / f"account_sid={ACCOUNT}" / "_files.json"
    of_older = {name: each for name, each in json.loads(recorded.read_bytes()).items() if name[0] == "2"}
    recorded.write_text(json.dumps(of_older))
    lake.rejects.write(ACCOUNT, rejects(2))
    assert not lake.is_damaged(ACCOUNT)
    recorded.write_bytes(recorded.read_bytes()[:40])
    assert lake.is_damaged(ACCOUNT)


def test_adopt_replaces_a_file_damaged_where_we_do_not_read(lake: Lake, built: Lake) -> None:
    fill(lake)
    path = month_file(lake)
    other = pq.ParquetFile(path).read()
    pq.write_table(other, path, compression="none")  # the same rows, in other bytes
    lake.adopt(ACCOUNT, built)
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


def test_state_with_another_digest_is_unknown(lake: Lake) -> None:
    fill(lake)
    state_file(lake).write_bytes(state_file(lake).read_bytes().replace(b'"rows":', b'"rowz":'))
    assert lake.recorded_state(ACCOUNT) is None
