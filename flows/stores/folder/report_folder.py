"""The folder of the reports. All its files are replaced at once, so that nobody reads half of a set."""

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from flows.stores.whole_files import BESIDE, flush_file, flush_folder, make_folder

_BEFORE = ".before"


class ReportFolder:
    """The files of one set, in their own folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._temporary = folder.with_name(f"{folder.name}{BESIDE}")
        self._before = folder.with_name(f"{folder.name}{_BEFORE}")

    def read(self, name: str) -> bytes | None:
        """Return the content of a file of the set, None if there is no such file."""
        self._restore_interrupted()
        with suppress(FileNotFoundError):
            return (self.folder / name).read_bytes()
        return None

    def replace(self, files: Mapping[str, bytes], obsolete: Iterable[str] = ()) -> int:
        """Replace the set of files. Returns how many files changed.

        files: name → content. obsolete: names of files to remove. Other files in the folder stay. Nothing is written if
        the set is the same already. The folder is replaced by two renames: between them there is no folder, but never
        half of one.
        """
        self._restore_interrupted()
        obsolete = [name for name in obsolete if name not in files and (self.folder / name).exists()]
        changed = {name for name, content in files.items() if self.read(name) != content}
        if not changed and not obsolete:
            return 0
        shutil.rmtree(self._temporary, ignore_errors=True)
        make_folder(self._temporary)
        for name, content in files.items():
            if name in changed or not _linked(self.folder / name, self._temporary / name):
                _write(self._temporary / name, content)
        if self.folder.exists():
            for other in self.folder.iterdir():
                if other.name not in files and other.name not in obsolete:
                    _copy(other, self._temporary / other.name)
        flush_folder(self._temporary)
        if self.folder.exists():
            self.folder.rename(self._before)
        self._temporary.rename(self.folder)
        flush_folder(self.folder.parent)  # before the only other copy of files that are not ours is removed
        shutil.rmtree(self._before, ignore_errors=True)
        return len(changed)

    def _restore_interrupted(self) -> None:
        """Bring back the set that was there when a run was killed between the two renames."""
        if self._before.exists():
            if self.folder.exists():
                shutil.rmtree(self._before)
            else:
                self._before.rename(self.folder)


def _linked(source: Path, target: Path) -> bool:
    """Give a file a second name. Returns False where the file system has none."""
    with suppress(OSError):
        target.hardlink_to(source)
        return True
    return False


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
    flush_file(path)


def _copy(source: Path, target: Path) -> None:
    # A file or folder that is not ours: keep its modification time, too.
    if source.is_dir() and not source.is_symlink():
        target.mkdir()
        for inner in source.iterdir():
            _copy(inner, target / inner.name)
        shutil.copystat(source, target)
        flush_folder(target)
        return
    shutil.copy2(source, target, follow_symlinks=False)
    if not target.is_symlink():
        flush_file(target)
