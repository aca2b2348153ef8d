"""Folders of two machines have the same files after a push and a pull, and nothing of a push that did not end."""

from pathlib import Path

import pytest

from flows.stores.bucket.heads import RUNS, Head, account_scope
from flows.stores.bucket.mirror import Mirror
from flows.stores.bucket.objects import Bucket
from tests.support.runs.mirrored import contents, put
from tests.support.servers.bucket_server import BucketServer
from transforms.errors import BucketError, LostTurnError

SCOPE = account_scope("AC1")
LAKE, STATE = f"lake/{SCOPE}", f"state/{SCOPE}.json"


@pytest.fixture
def one(tmp_path: Path) -> Path:
    data_dir = tmp_path / "one"
    put(data_dir, f"{LAKE}/commit.json", "first")
    put(data_dir, STATE, "state")
    return data_dir


def test_pull_brings_what_was_pushed(one: Path, tmp_path: Path, bucket: Bucket) -> None:
    other = tmp_path / "other"
    assert not Mirror(other, bucket).pull(SCOPE)
    assert Mirror(one, bucket).push(SCOPE)
    assert Mirror(other, bucket).newer() == ["AC1"]
    assert Mirror(other, bucket).pull(SCOPE)
    assert contents(other) == contents(one)
    assert Mirror(other, bucket).newer() == []
    times = [(folder / STATE).stat().st_mtime_ns for folder in (one, other)]
    assert times[0] == times[1]


def test_nothing_new_is_not_written(one: Path, bucket: Bucket, server: BucketServer) -> None:
    Mirror(one, bucket).push(SCOPE)
    server.requests.clear()
    assert not Mirror(one, bucket).push(SCOPE)
    assert server.requests == []


def test_changed_and_removed_files_are_followed(one: Path, tmp_path: Path, bucket: Bucket) -> None:
    other = tmp_path / "other"
    put(one, f"{LAKE}/old", "old")
    Mirror(one, bucket).push(SCOPE)
    Mirror(other, bucket).pull(SCOPE)
    (one / LAKE / "old").unlink()
    put(one, f"{LAKE}/commit.json", "second")
    Mirror(one, bucket).push(SCOPE)
    Mirror(other, bucket).pull(SCOPE)
    assert contents(other) == {f"{LAKE}/commit.json": "second", STATE: "state"}


def test_second_of_two_writers_loses_its_turn(one: Path, tmp_path: Path, bucket: Bucket) -> None:
    other = tmp_path / "other"
    Mirror(one, bucket).push(SCOPE)
    Mirror(other, bucket).pull(SCOPE)
    put(one, f"{LAKE}/commit.json", "of one")
    put(other, f"{LAKE}/commit.json", "of the other")
    Mirror(one, bucket).push(SCOPE)
    with pytest.raises(LostTurnError, match="Another machine"):
        Mirror(other, bucket).push(SCOPE)
    Mirror(other, bucket).pull(SCOPE)
    assert contents(other) == contents(one)


def test_push_that_was_killed_is_not_seen(one: Path, tmp_path: Path, bucket: Bucket) -> None:
    Mirror(one, bucket).push(SCOPE)
    put(one, f"{LAKE}/commit.json", "second")

    def killed(*given: object) -> tuple[Head, str]:
        raise KeyboardInterrupt

    mirror = Mirror(one, bucket)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("flows.stores.bucket.heads.Heads.swap", killed)
        mirror.push(SCOPE)
    other = tmp_path / "other"
    Mirror(other, bucket).pull(SCOPE)
    assert contents(other)[f"{LAKE}/commit.json"] == "first"
    assert not Mirror(one, bucket).pull(SCOPE)
    assert Mirror(one, bucket).push(SCOPE)
    Mirror(other, bucket).pull(SCOPE)
    assert contents(other)[f"{LAKE}/commit.json"] == "second"


def test_damaged_object_is_refused(one: Path, tmp_path: Path, bucket: Bucket) -> None:
    Mirror(one, bucket).push(SCOPE)
    name = next(name for name, _ in bucket.listed("lake"))
    bucket.remove([name])
    bucket.create(name, b"other")
    with pytest.raises(BucketError, match="missing or damaged"):
        Mirror(tmp_path / "other", bucket).pull(SCOPE)
    assert "commit.json" not in str(contents(tmp_path / "other"))


def test_records_of_runs_of_both_machines_are_kept(tmp_path: Path, bucket: Bucket) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    put(one, "runs/2026-11.jsonl", "a\nb\n")
    put(other, "runs/2026-11.jsonl", "c\n")
    put(other, "runs/2026-10.jsonl", "older\n")
    Mirror(one, bucket).push(RUNS)
    Mirror(other, bucket).pull(RUNS)
    assert contents(other) == {"runs/2026-10.jsonl": "older\n", "runs/2026-11.jsonl": "a\nb\nc\n"}
    Mirror(other, bucket).push(RUNS)
    Mirror(one, bucket).pull(RUNS)
    assert contents(one) == contents(other)


def test_fetches_under_way_stay_where_they_are(one: Path, bucket: Bucket) -> None:
    put(one, f"raw/{SCOPE}/under_way/page", "page")
    put(one, f"{LAKE}/file.partial", "half")
    Mirror(one, bucket).push(SCOPE)
    assert not [name for name, _ in bucket.listed() if "page" in name or "partial" in name]
