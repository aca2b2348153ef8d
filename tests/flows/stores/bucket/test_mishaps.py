"""Whatever happens to a data folder, nothing is lost that it or the bucket has."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from flows.stores.bucket import leases, objects
from flows.stores.bucket.heads import RUNS, SHARED, account_scope
from flows.stores.bucket.leases import Leases
from flows.stores.bucket.mirror import Mirror
from flows.stores.bucket.objects import Bucket
from flows.stores.bucket.turns import account_turn, bind, pulled_all, shared_turn
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.runs import RunRecord, Runs
from flows.stores.raw.raw_pages import RawPages
from tests.support.faults.full_disk import resize, small_disk
from tests.support.runs.mirrored import contents, put
from tests.support.servers.bucket_server import Answer, BucketServer
from transforms.errors import BucketError, ConfigError, LostTurnError
from transforms.values.windows import Window

SCOPE = account_scope("AC1")
LAKE, STATE = f"lake/{SCOPE}", f"state/{SCOPE}.json"
STATEMENT = "statements/2026-08/statement.json"


def land(data_dir: Path, *days: int) -> None:
    """Land a page for each of these days of August."""
    raw = RawPages(data_dir)
    for day in days:
        landing = raw.begin("AC1", Window(date(2026, 8, day), date(2026, 8, day)), datetime.now(UTC))
        writer = raw.writer(landing)
        writer.add("https://example.com", b'{"recordings":[],"day":%d}' % day, 0)
        writer.complete(datetime.now(UTC))


@pytest.fixture
def one(tmp_path: Path, server: BucketServer) -> Path:
    data_dir = tmp_path / "one"
    bind(data_dir, server.url)
    land(data_dir, 1)
    put(data_dir, f"{LAKE}/commit.json", "first")
    put(data_dir, STATE, "state")
    put(data_dir, STATEMENT, "closed")
    for scope in (SCOPE, SHARED):
        Mirror(data_dir, Bucket(server.url)).push(scope)
    return data_dir


def fresh(tmp_path: Path, server: BucketServer, name: str = "fresh") -> Path:
    data_dir = tmp_path / name
    bind(data_dir, server.url)
    return data_dir


def test_removed_files_come_back_and_stay_in_the_bucket(
    one: Path, tmp_path: Path, server: BucketServer
) -> None:
    whole = contents(one)
    for name in ("lake", "raw", "state", "statements"):
        shutil.rmtree(one / name)
    with shared_turn(one), account_turn(one, "AC1", "one", ""):
        assert contents(one) == whole
    other = fresh(tmp_path, server)
    pulled_all(other)
    assert contents(other) == whole


@pytest.mark.parametrize("kept", ["url", "everything else", "damaged", "nothing"])
def test_lost_notes_on_the_bucket_are_made_again(
    kept: str, one: Path, tmp_path: Path, server: BucketServer
) -> None:
    whole, notes = contents(one), one / ".bucket"
    for path in notes.iterdir():
        if kept == "damaged" and path.name != "url":
            path.write_text('{"tag": "x"')
        elif kept == "nothing" or (path.name == "url") == (kept == "everything else"):
            path.unlink()
    bind(one, server.url)
    with shared_turn(one), account_turn(one, "AC1", "one", ""):
        land(one, 2)
    other = fresh(tmp_path, server)
    pulled_all(other)
    assert contents(other) == contents(one)
    assert contents(other).keys() > whole.keys()


def test_older_copy_of_a_folder_follows_the_bucket(one: Path, tmp_path: Path, server: BucketServer) -> None:
    older = tmp_path / "older"
    shutil.copytree(one, older)
    with account_turn(one, "AC1", "one", ""):
        land(one, 2)
    shutil.rmtree(older / ".bucket")
    bind(older, server.url)
    pulled_all(older)
    assert contents(older) == contents(one)


def test_folder_of_before_gets_into_the_bucket(one: Path, tmp_path: Path, server: BucketServer) -> None:
    before = tmp_path / "before"
    put(before, "lake/account_sid=AC2/commit.json", "of another account")
    put(before, "statements/2026-07/statement.json", "closed before")
    Runs(before).write(RunRecord("before", datetime(2026, 8, 1, tzinfo=UTC)))
    bind(before, server.url)
    with shared_turn(before), account_turn(before, "AC2", "two", ""):
        pass
    for folder in (one, other := fresh(tmp_path, server)):
        pulled_all(folder)
        assert contents(folder) == contents(before)
    assert {STATEMENT, "statements/2026-07/statement.json", "runs/2026-08.jsonl"} <= contents(other).keys()


def test_account_with_another_past_in_the_bucket_is_refused(
    one: Path, tmp_path: Path, server: BucketServer
) -> None:
    before = tmp_path / "before"
    land(before, 1, 2)
    kept = contents(before)
    bind(before, server.url)
    for _ in range(2):
        with (
            pytest.raises(ConfigError, match=r"AC1 is in .*before and in s3://.*2 fetches that only"),
            account_turn(before, "AC1", "one", ""),
        ):
            raise AssertionError
        assert contents(before) == kept


def test_month_that_was_closed_otherwise_is_refused(one: Path, tmp_path: Path, server: BucketServer) -> None:
    before = tmp_path / "before"
    put(before, STATEMENT, "closed otherwise")
    bind(before, server.url)
    with pytest.raises(ConfigError, match=r"2026-08 was closed in .* and in s3"), shared_turn(before):
        raise AssertionError
    assert contents(before) == {STATEMENT: "closed otherwise"}


def test_damaged_page_and_statement_are_taken_from_the_bucket(
    one: Path, tmp_path: Path, server: BucketServer
) -> None:
    whole = contents(one)
    (page,) = one.glob("raw/*/pages/*")
    page.write_bytes(b"damaged")
    put(one, STATEMENT, "damaged")
    with shared_turn(one), account_turn(one, "AC1", "one", ""):
        assert contents(one) == whole


def test_head_that_is_gone_is_named(one: Path, server: BucketServer) -> None:
    bucket = Bucket(server.url)
    land(one, 2)
    bucket.remove(name for name, _ in bucket.listed("heads"))
    with pytest.raises(LostTurnError):
        Mirror(one, bucket).push(SCOPE)
    with pytest.raises(BucketError, match=r"heads/account_sid=AC1\.json is gone"):
        Mirror(one, bucket).pull(SCOPE)


def test_damaged_lease_is_nobodys(one: Path, server: BucketServer) -> None:
    bucket = Bucket(server.url)
    bucket.create(f"leases/{SCOPE}.json", b"{")
    assert Leases(bucket).holder(SCOPE) is None
    with account_turn(one, "AC1", "one", ""):
        assert Leases(bucket).holder(SCOPE) is not None


def test_writer_that_is_always_refused_gives_up(
    server: BucketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "_CONFLICT_SECONDS", 0.01)
    bucket = Bucket(server.url, patience=0.05)
    server.fault = lambda method, path: "conflict" if method == "PUT" else "as asked"
    for write in (lambda: bucket.create("a", b"one"), lambda: bucket.swap("a", b"one", None)):
        with pytest.raises(BucketError, match="refuses"):
            write()


def test_folder_below_one_named_like_a_fetch_is_pushed(tmp_path: Path, server: BucketServer) -> None:
    data_dir = tmp_path / "under_way" / "data"
    put(data_dir, STATE, "state")
    assert Mirror(data_dir, Bucket(server.url)).push(SCOPE)


# Other processes of the same machine


def test_record_written_while_pulling_is_kept(
    one: Path, tmp_path: Path, server: BucketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = datetime(2026, 8, 3, tzinfo=UTC)
    Runs(one).write(RunRecord("one", began))
    Mirror(one, Bucket(server.url)).push(RUNS)
    other = fresh(tmp_path, server)
    Runs(other).write(RunRecord("other", began))
    write_one_more = once(lambda: Runs(other).write(RunRecord("one more", began)))
    server.fault = lambda method, path: write_one_more("/runs/" in path)
    with shared_turn(other):
        pass
    assert {each.run_id for each in Runs(other).all()} == {"one", "other", "one more"}


def test_record_written_while_pushing_damages_nothing(
    one: Path, tmp_path: Path, server: BucketServer
) -> None:
    began = datetime(2026, 8, 3, tzinfo=UTC)
    Runs(one).write(RunRecord("one", began))
    bucket = Bucket(server.url)
    create = bucket.create

    def create_later(name: str, content: Any) -> bool:
        if "/runs/" in f"/{name}":
            Runs(one).write(RunRecord("meanwhile", began))
        return create(name, content)

    bucket.create = create_later  # type: ignore[method-assign]
    Mirror(one, bucket).push(RUNS)
    other = fresh(tmp_path, server)
    pulled_all(other)
    assert {each.run_id for each in Runs(other).all()} == {"one"}
    Mirror(one, Bucket(server.url)).push(RUNS)
    pulled_all(other)
    assert {each.run_id for each in Runs(other).all()} == {"one", "meanwhile"}


def once(act: Callable[[], None]) -> Callable[[bool], Answer]:
    """Return a fault that acts the first time it is to, and answers as asked."""
    left = [act]

    def fault(is_it: bool) -> Answer:
        if is_it and left:
            left.pop()()
        return "as asked"

    return fault


def test_pull_leaves_what_a_build_reads(one: Path, tmp_path: Path, server: BucketServer) -> None:
    other = fresh(tmp_path, server)
    old = put(one, f"{LAKE}/old.parquet", "old")
    Mirror(one, Bucket(server.url)).push(SCOPE)
    pulled_all(other)
    with DataLocks(other).warehouse():
        old.unlink()
        put(one, f"{LAKE}/new.parquet", "new")
        Mirror(one, Bucket(server.url)).push(SCOPE)
        with account_turn(other, "AC1", "one", ""):
            assert {path.name for path in (other / LAKE).glob("*.parquet")} == {"old.parquet", "new.parquet"}


# A machine that stops for longer than its lease


def test_machine_that_wakes_up_late_loses_its_turn(
    one: Path, tmp_path: Path, server: BucketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, taken, done = fresh(tmp_path, server), Event(), Event()
    monkeypatch.setattr(leases, "LEASE", leases.LEASE * 0)
    said: list[str] = []

    def sleep_in_between() -> None:
        try:
            with account_turn(one, "AC1", "one", ""):
                land(one, 2)
                taken.set()
                done.wait(10)
        except LostTurnError as error:
            said.append(str(error))

    sleeper = Thread(target=sleep_in_between)
    sleeper.start()
    taken.wait(10)
    with account_turn(other, "AC1", "one", ""):
        land(other, 3)
    done.set()
    sleeper.join()
    assert [text.startswith("Another machine wrote account_sid=AC1 in s3://") for text in said] == [True]
    with account_turn(one, "AC1", "one", ""):
        pass
    assert [each.window.first.day for each in RawPages(one).complete("AC1")] == [1, 3]
    assert contents(one)[f"{LAKE}/commit.json"] == "first"


def test_fetch_under_way_gives_way_if_another_machine_wrote(
    one: Path, tmp_path: Path, server: BucketServer
) -> None:
    window = Window(date(2026, 8, 4), date(2026, 8, 4))
    raw = RawPages(one)
    raw.writer(raw.begin("AC1", window, datetime.now(UTC))).add("https://example.com", b"{}", 0)
    with account_turn(one, "AC1", "one", ""):
        assert len(RawPages(one).unfinished("AC1")) == 1
    other = fresh(tmp_path, server)
    with account_turn(other, "AC1", "one", ""):
        land(other, 3)
    with account_turn(one, "AC1", "one", ""):
        assert RawPages(one).unfinished("AC1") == []
        assert contents(one) == contents(other) | {STATEMENT: "closed"}


# Little room


def test_full_disk_while_pulling_is_made_up_for(one: Path, tmp_path: Path, server: BucketServer) -> None:
    put(one, f"raw/{SCOPE}/pages/large", "x" * 2_000_000)
    Mirror(one, Bucket(server.url)).push(SCOPE)
    disk = tmp_path / "disk"
    with small_disk(disk, 1024) as is_mounted:
        if not is_mounted:
            pytest.skip("no file system can be mounted")
        other = fresh(disk, server)
        with pytest.raises(OSError, match="No space left"):
            pulled_all(other)
        assert not (other / STATE).exists() or contents(other).items() <= contents(one).items()
        assert Mirror(other, Bucket(server.url)).newer() == ["AC1"]
        resize(disk, 16 * 1024)
        pulled_all(other)
        assert contents(other) == contents(one)
        assert not [*other.rglob("*.partial")]
