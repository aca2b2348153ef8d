"""The folder of the reports. Its files take their places together, so that nobody picks up half of a set."""

import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from flows.stores.whole_files import BESIDE

_BEFORE = ".before"


class ReportFolder:
    """The files of one set, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._beside = folder.with_name(f"{folder.name}{BESIDE}")
        self._before = folder.with_name(f"{folder.name}{_BEFORE}")

    def read(self, name: str) -> bytes | None:
        """What a file of the set holds, None when there is no such file."""
        self._mend()
        with suppress(FileNotFoundError):
            return (self.folder / name).read_bytes()
        return None

    def replace(self, files: Mapping[str, bytes], obsolete: Iterable[str] = ()) -> int:
        """Put a set of files in place, by name; how many of them are other than before.

        A set that is there already is left alone. Files of the folder that are not of the set stay, unless they are
        named obsolete. A folder is exchanged by two renames: between them there is none, but never half of one.
        """
        self._mend()
        obsolete = [name for name in obsolete if name not in files and (self.folder / name).exists()]
        changed = sum(self.read(name) != content for name, content in files.items())
        if not changed and not obsolete:
            return 0
        shutil.rmtree(self._beside, ignore_errors=True)
        self._beside.mkdir(parents=True)
        for name, content in files.items():
            _write(self._beside / name, content)
        if self.folder.exists():
            for other in self.folder.iterdir():
                if other.name not in files and other.name not in obsolete:
                    _copy(other, self._beside / other.name)
            self.folder.rename(self._before)
        self._beside.rename(self.folder)
        shutil.rmtree(self._before, ignore_errors=True)
        return changed

    def _mend(self) -> None:
        """Bring back the set that was there when a run was killed between the two renames."""
        if self._before.exists():
            if self.folder.exists():
                shutil.rmtree(self._before)
            else:
                self._before.rename(self.folder)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _copy(source: Path, target: Path) -> None:
    # What somebody else keeps here, a folder perhaps; times stay as they were.
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)
