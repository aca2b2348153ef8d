"""The lake as people open it: by a folder's path, with pandas, Polars, PySpark or DuckDB.

`recordings/account_sid=<sid>/created_month=<YYYY-MM>/recordings.parquet` (and `recordings-02.parquet` … of a month with
many), `rejects/account_sid=<sid>/rejects.parquet`, and the same for `corrections` and `changes` (again with further
files of many). Each is a second name of a file of the lake, which takes no space. A name is replaced at once, so only
current files are seen; while a commit is being shown, some months may still be as they were before it.
"""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from flows.stores.lake.commit import Commit, LakeFile
from flows.stores.whole_files import make_folder, put_in_place, written_beside

_CANNOT_LINK = {errno.EPERM, errno.EXDEV, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS}
"""How file systems say that a file cannot have a second name there."""

TABLES = ("rejects", "corrections", "changes")


class Shown:
    """The names that people use, in one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def is_current(self, account_sid: str, folder: Path, commit: Commit) -> bool:
        """Check whether exactly the files of a commit are shown. folder: where they are."""
        names = dict(self._names(account_sid, folder, commit))
        return set(self._present(account_sid)) == set(names) and all(map(_is_same, names, names.values()))

    def show(self, account_sid: str, folder: Path, commit: Commit) -> None:
        """Show exactly the files of a commit. folder: where they are."""
        names = dict(self._names(account_sid, folder, commit))
        for name, file in names.items():
            if not _is_same(name, file):
                _give(name, file)
        for name in set(self._present(account_sid)) - names.keys():
            name.unlink()
            with suppress(OSError):  # the month has others
                name.parent.rmdir()

    def _names(self, account_sid: str, folder: Path, commit: Commit) -> Iterator[tuple[Path, Path]]:
        account = f"account_sid={account_sid}"
        for month, files in commit.months.items():
            of_month = self._data_dir / "recordings" / account / f"created_month={month}"
            yield from _numbered(of_month, "recordings", folder, files)
        for table, files in commit.tables.items():
            yield from _numbered(self._data_dir / table / account, table, folder, files)

    def _present(self, account_sid: str) -> Iterator[Path]:
        account = f"account_sid={account_sid}"
        yield from (self._data_dir / "recordings" / account).glob("created_month=*/*.parquet")
        for table in TABLES:
            yield from (self._data_dir / table / account).glob("*.parquet")


def _numbered(shown: Path, name: str, folder: Path, files: Iterable[LakeFile]) -> Iterator[tuple[Path, Path]]:
    for number, file in enumerate(files, 1):
        ending = "" if number == 1 else f"-{number:02d}"
        yield shown / f"{name}{ending}.parquet", folder / file.name


def _is_same(name: Path, file: Path) -> bool:
    try:
        seen, there = name.stat(), file.stat()
    except OSError:
        return False
    # Where files have one name only, it is a copy.
    return os.path.samestat(seen, there) or (seen.st_size, seen.st_mtime_ns) == (
        there.st_size,
        there.st_mtime_ns,
    )


def _give(name: Path, file: Path) -> None:
    make_folder(name.parent)
    with written_beside(name) as beside:
        beside.unlink(missing_ok=True)
        try:
            os.link(file, beside)
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            shutil.copy2(file, beside)
        if name.is_dir():
            shutil.rmtree(name)
        put_in_place(beside, name)
