import os
import threading
from pathlib import Path

import pytest

from flows.stores.whole_files import BESIDE, replaced_whole, write_if_changed, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_with_the_folders_above_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b" / "c.txt", b"content")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"content"
    assert names(tmp_path / "a" / "b") == ["c.txt"]


def test_a_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    write_whole(path, b"old and longer")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["c.txt"]


def test_until_the_block_ends_the_old_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(b"old")
    with replaced_whole(path) as beside:
        beside.write_bytes(b"new")
        assert beside.name == f"c.txt{BESIDE}"
        assert beside.parent == path.parent
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit])
def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(b"old")
    with pytest.raises(error), replaced_whole(path) as beside:
        beside.write_bytes(b"half of the ne")
        raise error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["c.txt"]


def test_a_block_that_fails_where_there_was_no_file_leaves_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), replaced_whole(tmp_path / "c.txt") as beside:
        beside.write_bytes(b"half")
        raise ValueError("no")
    assert names(tmp_path) == []


def test_a_block_that_writes_nothing_is_an_error_and_the_old_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(b"old")
    with pytest.raises(FileNotFoundError), replaced_whole(path):
        pass
    assert path.read_bytes() == b"old"


def test_what_a_killed_process_left_beside_is_written_over(tmp_path: Path) -> None:
    (tmp_path / f"c.txt{BESIDE}").write_bytes(b"much longer than what comes now")
    write_whole(tmp_path / "c.txt", b"new")
    assert (tmp_path / "c.txt").read_bytes() == b"new"
    assert names(tmp_path) == ["c.txt"]


def test_the_content_is_on_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(b"old")
    flushed = []

    def fsync(descriptor: int) -> None:
        flushed.append((os.pread(descriptor, 100, 0), path.read_bytes()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(path, b"new")
    assert flushed == [(b"new", b"old")]
    assert path.read_bytes() == b"new"


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    contents = [bytes([letter]) * 200_000 for letter in b"ab"]
    write_whole(path, contents[0])
    seen: list[bytes] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.append(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    writes = 0
    while writes < 5000 and (writes < 100 or not {*contents} <= {*seen}):
        writes += 1
        write_whole(path, contents[writes % 2])
    stop.set()
    reader.join()
    assert {*seen} == {*contents}


def test_a_file_that_holds_just_that_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    assert write_if_changed(path, b"same")
    os.utime(path, ns=(1, 1))
    before = path.stat()
    assert not write_if_changed(path, b"same")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, 1)


@pytest.mark.parametrize("content", [b"", b"sam", b"same\n", b"Same"])
def test_a_file_that_holds_something_else_is_written(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(b"same")
    assert write_if_changed(path, content)
    assert path.read_bytes() == content
