"""What a set of reports is made of: while that is the same, so is the set, and it need not be made again."""

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
"""Queries of what the reports show of tables that no model reads."""


def basis(warehouse: Warehouse, sql: Path, asked: Iterable[str]) -> str | None:
    """Return a digest of everything a set depends on; None when it is not known what the warehouse was made of.

    sql: the folder of the models. asked: which files are wanted, by any names.
    """
    inputs = Fingerprint(warehouse.path).inputs()
    if inputs is None:
        return None
    parts = [inputs, *sorted(asked), *_program(sql)]
    parts += [repr(rows.to_pydict()) for rows in warehouse.tables(queries("report", *NOT_IN_MODELS)).values()]
    return _digest("\0".join(parts).encode())


class Basis(msgspec.Struct, frozen=True):
    """What the set in place was made of, and the digest of its manifest."""

    made_of: str
    manifest: str


def is_in_place(folder: ReportFolder, made_of: str | None) -> bool:
    """Return whether the folder holds the set that was made of this, each file as it was written."""
    try:
        kept = msgspec.json.decode(_path(folder).read_bytes(), type=Basis)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    content = folder.read(MANIFEST)
    if content is None or kept != Basis(str(made_of), _digest(content)):
        return False
    files = ((folder.read(each["file"]), each["sha256"]) for each in json.loads(content)["files"])
    return all(content is not None and _digest(content) == digest for content, digest in files)


def remember(folder: ReportFolder, made_of: str | None, manifest: bytes) -> None:
    """Keep beside the folder what its set was made of."""
    if made_of is not None:
        write_whole(_path(folder), msgspec.json.encode(Basis(made_of, _digest(manifest))))


def _path(folder: ReportFolder) -> Path:
    return folder.folder.with_suffix(".json")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _program(sql: Path) -> Iterator[str]:
    """Yield the program's own files: another program makes other reports of the same tables."""
    for top in (Path(__file__).parents[1], Path(transforms.__file__).parent, sql):
        for path in sorted(top.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                found = path.stat()
                yield f"{path} {found.st_size} {found.st_mtime_ns}"
