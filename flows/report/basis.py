"""Digest everything a set of reports is built from: while it stays the same, the set need not be rebuilt.

When something did change, a file whose rows are the same is taken over from the set that is there: after a run with
nothing new, only the instants of the last readings differ.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pyarrow as pa

import transforms
from flows.stores.folder.report_folder import ReportFolder
from flows.stores.warehouse.inputs import Fingerprint, bytes_of
from flows.stores.warehouse.sql_files import queries
from flows.stores.warehouse.warehouse import Warehouse
from flows.stores.whole_files import write_whole

MANIFEST = "manifest.json"

NOT_IN_MODELS = ("checks", "coverage", "rejects")
"""Queries for the parts of the reports from tables that no model reads."""


def basis(warehouse: Warehouse, sql: Path, requested: Iterable[str]) -> str | None:
    """Return a digest of everything a set depends on; None if it is unknown what the warehouse was built from.

    sql: the folder of the models. requested: names of the requested formats and presets.
    """
    inputs = Fingerprint(warehouse.path).inputs()
    if inputs is None:
        return None
    parts = [inputs, *sorted(requested), *_program(sql)]
    parts += [repr(rows.to_pydict()) for rows in warehouse.tables(queries("report", *NOT_IN_MODELS)).values()]
    return _digest("\0".join(parts).encode())


class Basis(msgspec.Struct, frozen=True):
    """What the current set was built from, the digest of its manifest, of the program, and of the rows of each file."""

    made_of: str
    manifest: str
    program: str = ""
    rows: dict[str, str] = {}


class FormerSet:
    """The set in the folder. Its files are taken over if the same program would make them of the same rows."""

    def __init__(self, folder: ReportFolder, sql: Path) -> None:
        self._folder = folder
        self._program = _digest("\0".join(_program(sql)).encode())
        self._rows: dict[str, str] = {}
        kept, manifest = _kept(folder), folder.read(MANIFEST)
        if (
            kept
            and manifest is not None
            and (kept.program, kept.manifest) == (self._program, _digest(manifest))
        ):
            self._digests = {each["file"]: each["sha256"] for each in json.loads(manifest)["files"]}
            self._former = kept.rows
        else:
            self._digests, self._former = {}, {}

    def content(self, name: str, rows: pa.Table, make: Callable[[], bytes]) -> bytes:
        """Return the content of a file, and remember its rows: as it is there, or else made."""
        self._rows[name] = _digest(bytes_of(rows))
        if self._former.get(name) == self._rows[name]:
            content = self._folder.read(name)
            if content is not None and _digest(content) == self._digests.get(name):
                return content
        return make()

    def replaced_by(self, built_from: str | None, manifest: bytes) -> None:
        """Save what the new set was built from, in a file next to the folder."""
        # What cannot be known is never what a set was built from.
        basis = Basis(built_from or "", _digest(manifest), self._program, self._rows)
        write_whole(_path(self._folder), msgspec.json.encode(basis))


def is_current(folder: ReportFolder, built_from: str | None) -> bool:
    """Return whether the folder has the set that was built from this, with every file unchanged."""
    kept, content = _kept(folder), folder.read(MANIFEST)
    if kept is None or content is None or (kept.made_of, kept.manifest) != (built_from, _digest(content)):
        return False
    files = ((folder.read(each["file"]), each["sha256"]) for each in json.loads(content)["files"])
    return all(content is not None and _digest(content) == digest for content, digest in files)


def _kept(folder: ReportFolder) -> Basis | None:
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.json.decode(_path(folder).read_bytes(), type=Basis)
    return None


def _path(folder: ReportFolder) -> Path:
    return folder.folder.with_suffix(".json")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _program(sql: Path) -> Iterator[str]:
    """Yield the program's own files: another version may write different reports from the same tables."""
    for top in (Path(__file__).parents[1], Path(transforms.__file__).parent, sql):
        for path in sorted(top.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                found = path.stat()
                yield f"{path} {found.st_size} {found.st_mtime_ns}"
