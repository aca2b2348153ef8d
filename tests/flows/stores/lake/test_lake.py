import os
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from flows.stores.lake.commit import Commit
from flows.stores.lake.lake import Lake
from flows.stores.lake.lake_files import sha256_of
from tests.support.samples.stores import ACCOUNT, OTHER_ACCOUNT, fill, lake_rows, utc
from transforms.errors import DataError
from transforms.schema import LAKE_SCHEMA, REJECT_SCHEMA


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def two_months(lake: Lake, july: pa.Table | None = None, **tables: pa.Table) -> Commit:
    august = lake_rows("R3", created_at=utc(2026, 8, 2))
    return fill(lake, {"2026-07": july or lake_rows("R1", "R2"), "2026-08": august}, **tables)


def july_file(lake: Lake) -> Path:
    return lake.files(ACCOUNT)["2026-07"][0]


def shown(lake: Lake) -> Path:
    """Return the name by which people open July."""
    return (
        lake.folder.parent
        / "recordings"
        / f"account_sid={ACCOUNT}"
        / "created_month=2026-07"
        / "recordings.parquet"
    )


def stamps(lake: Lake) -> dict[str, tuple[int, int]]:
    """Map every Parquet file to its inode and modification time, to detect whether it was touched."""
    found = {path: path.stat() for path in sorted(lake.folder.parent.rglob("*.parquet"))}
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
    fill(lake, {"2026-07": SURPRISES})
    found = lake.read(ACCOUNT, "2026-07")
    assert found.to_pylist() == SURPRISES.to_pylist()
    assert found.schema.equals(LAKE_SCHEMA)
    assert found.equals(SURPRISES)


def test_missing_month_is_empty(lake: Lake) -> None:
    found = lake.read(ACCOUNT, "2026-07")
    assert (found.num_rows, found.schema) == (0, LAKE_SCHEMA)
    assert (lake.accounts(), lake.months(ACCOUNT), lake.rows(ACCOUNT)) == ([], [], 0)
    assert (lake.files(ACCOUNT), lake.control_totals(ACCOUNT)) == ({}, [])


def test_accounts_and_months_are_listed_in_order(lake: Lake) -> None:
    fill(lake, {"2025-01": lake_rows("R1")}, OTHER_ACCOUNT)
    fill(lake, {"2026-08": lake_rows("R1"), "2026-07": lake_rows("R2")})
    assert lake.accounts() == [OTHER_ACCOUNT, ACCOUNT]
    assert lake.months(ACCOUNT) == [*lake.files(ACCOUNT)] == ["2026-07", "2026-08"]
    assert lake.rows(ACCOUNT) == 2


def test_only_what_is_committed_counts(lake: Lake) -> None:
    two_months(lake)
    before = lake.read(ACCOUNT, "2026-07")
    lake.write(ACCOUNT, "2026-07", lake_rows("R7"))
    lake.write_table(ACCOUNT, "rejects", rejects(1))
    assert lake.read(ACCOUNT, "2026-07").equals(before)
    assert lake.rejects(ACCOUNT).num_rows == 0
    assert ds.dataset(lake.folder.parent / "recordings").count_rows() == 3


def test_same_rows_are_the_same_file(lake: Lake) -> None:
    two_months(lake, rejects=rejects(2))
    before = stamps(lake)
    two_months(lake, rejects=rejects(2))
    assert stamps(lake) == before


def test_other_rows_are_another_file_until_tidied(lake: Lake) -> None:
    first = two_months(lake)
    second = two_months(lake, lake_rows("R1", "R2", price=Decimal(1)))
    lake.tidy(ACCOUNT, [first, second])
    assert len(list(lake.account(ACCOUNT).glob("*.parquet"))) == 3
    stray = lake.account(ACCOUNT) / "2026-07.parquet.partial"
    stray.write_bytes(b"half")
    lake.tidy(ACCOUNT, [second, None])
    assert not stray.exists()
    assert {path.name for path in lake.account(ACCOUNT).glob("*.parquet")} == {
        each.name for each in second.files
    }
    assert lake.state(ACCOUNT) == lake.commit(ACCOUNT)


def test_readers_never_see_a_torn_month(lake: Lake) -> None:
    versions = {
        name: lake_rows(*(f"R{n:05d}" for n in range(2000)), raw_page=name) for name in ("one", "other")
    }
    commits = [fill(lake, {"2026-07": rows}) for rows in versions.values()]
    seen: list[tuple[int, frozenset[str]]] = []
    troubles: list[BaseException] = []
    stop = threading.Event()

    def read() -> None:
        try:
            while not stop.is_set():
                for found in (lake.read(ACCOUNT, "2026-07"), pq.ParquetFile(shown(lake)).read()):
                    seen.append((found.num_rows, frozenset(found["raw_page"].to_pylist())))
        except BaseException as trouble:
            troubles.append(trouble)

    reader = threading.Thread(target=read)
    reader.start()
    whole = {(2000, frozenset({name})) for name in versions}
    replaced = 0
    while not troubles and replaced < 2000 and (replaced < 60 or not whole <= {*seen}):
        replaced += 1
        lake.replace(ACCOUNT, commits[replaced % 2])
    stop.set()
    reader.join()
    assert troubles == []
    assert {*seen} == whole


# By its path, as people open it


def test_month_file_has_every_column_with_its_type(lake: Lake, tmp_path: Path) -> None:
    fill(lake, {"2026-07": SURPRISES})
    alone = tmp_path / "alone.parquet"
    alone.write_bytes(shown(lake).read_bytes())
    parquet = pq.ParquetFile(alone)
    assert parquet.schema_arrow.names == LAKE_SCHEMA.names
    assert parquet.schema_arrow.types == LAKE_SCHEMA.types
    assert [field.nullable for field in parquet.schema_arrow] == [field.nullable for field in LAKE_SCHEMA]
    assert parquet.metadata.row_group(0).column(0).compression == "ZSTD"
    assert parquet.read().to_pylist() == SURPRISES.to_pylist()


def test_duckdb_reads_exact_decimals_and_instants_from_a_month(lake: Lake) -> None:
    fill(lake, {"2026-07": SURPRISES})
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        found = connection.execute(
            "select recording_sid, price, price::varchar, created_at::varchar, channels, typeof(price), "
            "typeof(created_at), typeof(channels), typeof(duration_seconds) "
            "from read_parquet(?, hive_partitioning = false)",
            [str(shown(lake))],
        ).fetchall()
        columns = connection.execute("select * from read_parquet(?)", [str(shown(lake))]).description
        total = connection.execute("select sum(price) from read_parquet(?)", [str(shown(lake))]).fetchone()
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


def test_libraries_open_the_folder_and_see_current_rows_only(lake: Lake) -> None:
    two_months(lake, lake_rows("R8"))
    two_months(lake)
    folder, sids = str(lake.folder.parent / "recordings"), ["R1", "R2", "R3"]
    assert sorted(pd.read_parquet(folder, partitioning=None)["recording_sid"]) == sids
    assert sorted(ds.dataset(folder, partitioning=None).to_table()["recording_sid"].to_pylist()) == sids
    everything = f"from read_parquet('{folder}/**/*.parquet', hive_partitioning = false)"
    with duckdb.connect() as connection:
        found = connection.execute(f"select recording_sid {everything} order by 1").fetchall()
    assert [sid for (sid,) in found] == sids


def test_names_that_people_use_take_no_space(lake: Lake) -> None:
    two_months(lake, rejects=rejects(1))
    assert shown(lake).samefile(july_file(lake))
    assert (
        lake.folder.parent / "rejects" / f"account_sid={ACCOUNT}" / "rejects.parquet"
    ).stat().st_nlink == 2


def test_month_of_several_files_is_shown_whole(lake: Lake) -> None:
    files = [lake.write(ACCOUNT, "2026-07", lake_rows(f"R{number}")) for number in range(3)]
    lake.replace(ACCOUNT, Commit(months={"2026-07": files}))
    folder = shown(lake).parent
    names = ["recordings-02.parquet", "recordings-03.parquet", "recordings.parquet"]
    assert sorted(path.name for path in folder.iterdir()) == names
    lake.replace(ACCOUNT, Commit(months={"2026-07": files[1:2]}))
    assert pq.read_table(folder, partitioning=None)["recording_sid"].to_pylist() == ["R1"]


@pytest.mark.parametrize("damage", [Path.unlink, lambda name: name.write_bytes(b"")])
def test_names_that_were_lost_are_shown_again(damage: Callable[[Path], object], lake: Lake) -> None:
    commit = two_months(lake)
    if damage is not Path.unlink:
        shown(lake).unlink()  # a write goes to the file of the lake otherwise
    damage(shown(lake))
    (shown(lake).parents[1] / "created_month=2026-06").mkdir()
    stray = shown(lake).parents[1] / "created_month=2026-06" / "recordings.parquet"
    stray.write_bytes(july_file(lake).read_bytes())
    lake.show(ACCOUNT, commit)
    assert shown(lake).samefile(july_file(lake))
    assert not stray.parent.exists()


def test_file_system_without_second_names_gets_copies(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    commit = two_months(lake)
    before = stamps(lake)
    lake.show(ACCOUNT, commit)
    assert stamps(lake) == before
    assert shown(lake).read_bytes() == july_file(lake).read_bytes()
    assert not shown(lake).samefile(july_file(lake))


# Damage


@pytest.mark.parametrize("content", [b"", b"PAR1", b"torn" * 100])
def test_unreadable_month_is_an_error_that_names_the_file(lake: Lake, content: bytes) -> None:
    two_months(lake)
    path = july_file(lake)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is damaged\. Run `recspend normalize --rebuild`") as raised:
        lake.read(ACCOUNT, "2026-07")
    assert str(raised.value).startswith(f"{path} ")
    path.unlink()
    with pytest.raises(DataError, match=r"is missing\. Run `recspend normalize --rebuild`"):
        lake.read(ACCOUNT, "2026-07")


def test_commit_of_a_new_account_is_unknown(lake: Lake) -> None:
    assert (lake.commit(ACCOUNT), lake.state(ACCOUNT), lake.is_damaged(ACCOUNT)) == (None, None, False)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"landings": "7"}', b'{"columns": "\xff"}', b"{}"])
def test_commit_that_is_not_what_was_written_is_unknown(lake: Lake, content: bytes) -> None:
    two_months(lake)
    path = lake.account(ACCOUNT) / "commit.json"
    for damaged in (content, path.read_bytes().replace(b'"rows":', b'"rowz":'), path.read_bytes()[:-1]):
        path.write_bytes(damaged)
        assert (lake.commit(ACCOUNT), lake.state(ACCOUNT), lake.is_damaged(ACCOUNT)) == (None, None, True)


def test_files_with_other_columns_are_not_current(lake: Lake) -> None:
    two_months(lake)
    assert not lake.is_damaged(ACCOUNT)
    fill(lake, {"2026-07": lake_rows("R1")}, commit=Commit(columns="of an older recspend"))
    assert lake.is_damaged(ACCOUNT)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)


def rot(path: Path) -> None:
    """Flip a bit as a failing disk does: the file looks as it did. A new process has not read it yet."""
    found = path.stat()
    flip(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    sha256_of.cache_clear()


@pytest.mark.parametrize("damage", [flip, Path.unlink, lambda path: path.write_bytes(b""), Path.touch])
@pytest.mark.parametrize("is_table", [True, False])
def test_damaged_file_is_noticed(is_table: bool, damage: Callable[[Path], object], lake: Lake) -> None:
    commit = two_months(lake, rejects=rejects(2))
    path = lake.account(ACCOUNT) / commit.tables["rejects"][0].name if is_table else july_file(lake)
    os.utime(path, ns=(1, 1))
    damage(path)
    is_changed = damage is not Path.touch  # another time alone is not damage
    assert lake.is_damaged(ACCOUNT) is is_changed
    assert (lake.state(ACCOUNT) is None) is is_changed


def test_month_that_looks_alike_is_noticed_when_it_is_read(lake: Lake) -> None:
    two_months(lake)
    rot(july_file(lake))
    assert lake.state(ACCOUNT) is not None
    with pytest.raises(DataError, match="is damaged"):
        lake.read(ACCOUNT, "2026-07")


def test_table_that_looks_alike_is_noticed(lake: Lake) -> None:
    commit = two_months(lake, rejects=rejects(2))
    rot(lake.account(ACCOUNT) / commit.tables["rejects"][0].name)
    assert lake.state(ACCOUNT) is None


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


def test_rejects_round_trip_exactly(lake: Lake) -> None:
    two_months(lake, rejects=rejects(3))
    assert lake.rejects(ACCOUNT).equals(rejects(3))
    assert lake.rejects(OTHER_ACCOUNT).equals(REJECT_SCHEMA.empty_table())
    assert lake.corrections(ACCOUNT).num_rows == lake.changes(ACCOUNT).num_rows == 0


def test_rejects_have_no_file_if_empty(lake: Lake) -> None:
    commit = two_months(lake, rejects=rejects(0))
    assert commit.tables == {}
    assert lake.rejects(ACCOUNT).schema == REJECT_SCHEMA
    two_months(lake, rejects=rejects(1))
    two_months(lake)
    assert not list((lake.folder.parent / "rejects").rglob("*.parquet"))


# What is known without reading


def test_counts_are_those_of_the_rows(lake: Lake) -> None:
    july = pa.concat_tables(
        [lake_rows("R1", "R2"), lake_rows("R3", price=None), lake_rows("R4", deleted_at=utc(2026, 9, 1))]
    )
    two_months(lake, july)
    day, other = utc(2026, 7, 5).date(), utc(2026, 8, 2).date()
    found = lake.count_by_day(ACCOUNT, utc(2026, 9, 2).date())
    assert {each: (count.recordings, count.unsettled, count.kept) for each, count in found.items()} == {
        day: (4, 1, 3),
        other: (1, 0, 1),
    }
    totals = {(row["created_month"], row["measure"]): row["value"] for row in lake.control_totals(ACCOUNT)}
    assert totals["2026-07", "rows"] == "4"
    assert totals["2026-07", "price USD"] == "-0.015000000"


def test_totals_of_a_month_add_up_its_files(lake: Lake) -> None:
    july = SURPRISES.sort_by("created_at")
    whole = fill(lake, {"2026-07": july})
    files = [lake.write(ACCOUNT, "2026-07", july.slice(begin, 2)) for begin in (0, 2, 4)]
    one = lake.control_totals(ACCOUNT)
    lake.replace(ACCOUNT, Commit(months={"2026-07": files}))
    assert sorted(lake.control_totals(ACCOUNT), key=str) == sorted(one, key=str)
    assert whole.rows == 6
