"""The folder of a set of files: all of it is replaced, or nothing is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest

from flows.stores.folder.report_folder import ReportFolder

OLD = {"spend.csv": b"old spend", "waste.csv": b"old waste"}
NEW = {"spend.csv": b"new spend", "waste.csv": b"new waste"}


class KilledError(Exception):
    """The process was killed."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ReportFolder(tmp_path / "reports").replace(OLD)
    return tmp_path / "reports"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def killed_before_rename(number: int) -> Iterator[None]:
    """Kill the process before the nth rename (from 1)."""
    rename, renames = Path.rename, list[Path]()

    def renamed(self: Path, target: Path) -> Path:
        renames.append(target)
        if len(renames) >= number:
            raise KilledError
        return rename(self, target)

    with patch.object(Path, "rename", renamed), pytest.raises(KilledError):
        yield


def test_set_is_written_with_its_parent_folders(tmp_path: Path) -> None:
    folder = tmp_path / "one" / "two" / "reports"
    assert ReportFolder(folder).replace(OLD) == 2
    assert contents(folder) == OLD


def test_same_set_is_left_alone(path: Path) -> None:
    before = {file: file.stat() for file in [path, *path.iterdir()]}
    assert ReportFolder(path).replace(OLD) == 0
    assert {file: file.stat() for file in [path, *path.iterdir()]} == before


def test_replace_returns_the_number_of_changed_files(path: Path) -> None:
    assert ReportFolder(path).replace({**OLD, "waste.csv": b"new", "more.csv": b""}) == 2


def test_other_files_stay_and_obsolete_ones_are_removed(path: Path) -> None:
    (path / "notes.txt").write_text("mine")
    (path / "folder").mkdir()
    (path / "folder" / "deep.txt").write_text("mine too")
    (path / "link").symlink_to("notes.txt")
    os.utime(path / "notes.txt", (1_000_000_000, 1_000_000_000))
    assert ReportFolder(path).replace({"spend.csv": b"new spend"}, obsolete=["waste.csv", "never.csv"]) == 1
    assert (path / "link").readlink() == Path("notes.txt")
    (path / "link").unlink()
    assert contents(path) == {
        "spend.csv": b"new spend",
        "notes.txt": b"mine",
        "folder/deep.txt": b"mine too",
    }
    assert (path / "notes.txt").stat().st_mtime == 1_000_000_000
    assert [each.name for each in path.parent.iterdir()] == ["reports"]


def test_obsolete_file_alone_causes_a_replacement(path: Path) -> None:
    assert ReportFolder(path).replace({"spend.csv": b"old spend"}, obsolete=["waste.csv"]) == 0
    assert contents(path) == {"spend.csv": b"old spend"}


def test_file_of_the_set_is_never_obsolete(path: Path) -> None:
    ReportFolder(path).replace(NEW, obsolete=["spend.csv", "waste.csv"])
    assert contents(path) == NEW


@pytest.mark.parametrize("number", [1, 2])
def test_kill_between_renames_keeps_the_old_set_whole(path: Path, number: int) -> None:
    (path / "notes.txt").write_text("mine")
    with killed_before_rename(number):
        ReportFolder(path).replace(NEW)
    # Between the two renames there is no folder; the first read restores the old one.
    assert path.exists() == (number == 1)
    assert ReportFolder(path).read("spend.csv") == b"old spend"
    assert contents(path) == {**OLD, "notes.txt": b"mine"}
    assert ReportFolder(path).replace(NEW) == 2
    assert contents(path) == {**NEW, "notes.txt": b"mine"}
    assert [each.name for each in path.parent.iterdir()] == ["reports"]


def test_kill_after_the_renames_keeps_the_new_set(path: Path) -> None:
    removal = patch("flows.stores.folder.report_folder.shutil.rmtree", side_effect=[None, KilledError])
    with removal, pytest.raises(KilledError):
        ReportFolder(path).replace(NEW)
    assert contents(path) == NEW
    assert ReportFolder(path).read("spend.csv") == b"new spend"
    assert [each.name for each in path.parent.iterdir()] == ["reports"]


def test_kill_while_writing_keeps_the_old_set(path: Path) -> None:
    with (
        patch("flows.stores.whole_files.os.fsync", side_effect=KilledError),
        pytest.raises(KilledError),
    ):
        ReportFolder(path).replace(NEW)
    assert contents(path) == OLD
    assert ReportFolder(path).replace({"spend.csv": b"newer"}, obsolete=["waste.csv"]) == 1
    assert contents(path) == {"spend.csv": b"newer"}


def test_reader_never_sees_files_of_two_sets(path: Path) -> None:
    seen: list[dict[str, bytes]] = []
    rename = Path.rename

    def watched(self: Path, target: Path) -> Path:
        seen.extend(contents(path) for _ in (0,) if path.exists())
        result = rename(self, target)
        seen.extend(contents(path) for _ in (0,) if path.exists())
        return result

    with patch.object(Path, "rename", watched):
        ReportFolder(path).replace(NEW)
    assert seen == [OLD, NEW]


def test_missing_file_reads_as_none(path: Path, tmp_path: Path) -> None:
    assert ReportFolder(path).read("never.csv") is None
    assert ReportFolder(tmp_path / "nowhere").read("spend.csv") is None
