import errno
import os
import stat
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest

from flows.stores.whole_files import (
    BESIDE,
    flush_folder,
    make_folder,
    replaced_whole,
    write_if_changed,
    write_whole,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_write_whole_creates_parent_folders(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b" / "c.txt", b"content")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"content"
    assert names(tmp_path / "a" / "b") == ["c.txt"]


def test_write_whole_replaces_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    write_whole(path, b"old and longer")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["c.txt"]


def test_replaced_whole_keeps_the_old_file_within_the_block(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(b"old")
    with replaced_whole(path) as partial:
        partial.write_bytes(b"new")
        assert partial.name == f"c.txt{BESIDE}"
        assert partial.parent == path.parent
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit])
def test_replaced_whole_keeps_the_old_file_after_an_error(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(b"old")
    with pytest.raises(error), replaced_whole(path) as partial:
        partial.write_bytes(b"half of the ne")
        raise error
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["c.txt"]


def test_replaced_whole_leaves_no_new_file_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no"), replaced_whole(tmp_path / "c.txt") as partial:
        partial.write_bytes(b"half")
        raise ValueError("no")
    assert names(tmp_path) == []


def test_replaced_whole_raises_if_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(b"old")
    with pytest.raises(FileNotFoundError), replaced_whole(path):
        pass
    assert path.read_bytes() == b"old"


def test_write_whole_overwrites_a_leftover_partial_file(tmp_path: Path) -> None:
    (tmp_path / f"c.txt{BESIDE}").write_bytes(b"much longer than what comes now")
    write_whole(tmp_path / "c.txt", b"new")
    assert (tmp_path / "c.txt").read_bytes() == b"new"
    assert names(tmp_path) == ["c.txt"]


def test_write_whole_flushes_before_it_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(b"old")
    flushed = []

    def fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        flushed.append(("folder" if is_folder else os.pread(descriptor, 100, 0), path.read_bytes()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(path, b"new")
    assert flushed == [(b"new", b"old"), ("folder", b"new")]
    assert path.read_bytes() == b"new"


def test_write_whole_never_shows_a_part(tmp_path: Path) -> None:
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


def test_write_if_changed_leaves_equal_content_untouched(tmp_path: Path) -> None:
    path = tmp_path / "c.txt"
    assert write_if_changed(path, b"same")
    os.utime(path, ns=(1, 1))
    before = path.stat()
    assert not write_if_changed(path, b"same")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, 1)


@pytest.mark.parametrize("content", [b"", b"sam", b"same\n", b"Same"])
def test_write_if_changed_writes_other_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.txt"
    path.write_bytes(b"same")
    assert write_if_changed(path, content)
    assert path.read_bytes() == content


def test_make_folder_flushes_each_parent_it_adds_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert flushed == [tmp_path.stat().st_ino, (tmp_path / "a").stat().st_ino]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_flush_folder_lets_file_systems_that_cannot(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with nullcontext() if number == errno.EINVAL else pytest.raises(OSError, match="Input/output"):
        flush_folder(tmp_path)
