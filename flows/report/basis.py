"""Digest everything a set of reports is built from: while it stays the same, the set need not be rebuilt."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

import transforms
from flows.stores.folder.report_folder import ReportFolder
from flows.stores.warehouse.inputs import Fingerprint
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
    """What the current set was built from, and the digest of its manifest."""

    made_of: str
    manifest: str


def is_current(folder: ReportFolder, built_from: str | None) -> bool:
    """Return whether the folder has the set that was built from this, with every file unchanged."""
    try:
        kept = msgspec.json.decode(_path(folder).read_bytes(), type=Basis)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    content = folder.read(MANIFEST)
    if content is None or kept != Basis(str(built_from), _digest(content)):
        return False
    files = ((folder.read(each["file"]), each["sha256"]) for each in json.loads(content)["files"])
    return all(content is not None and _digest(content) == digest for content, digest in files)


def save_basis(folder: ReportFolder, built_from: str | None, manifest: bytes) -> None:
    """Save what the set was built from, in a file next to the folder."""
    if built_from is not None:
        write_whole(_path(folder), msgspec.json.encode(Basis(built_from, _digest(manifest))))


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
