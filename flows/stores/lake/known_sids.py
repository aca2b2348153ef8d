"""Which recordings a file of the lake may have, without reading their sids: a number of 4 bytes for each, in order.

`<file>.sids` is next to the file: the sha256 of the rest, and the upper halves of the sids' fingerprints. It is made
when it is first needed, and again if it is damaged or was removed.
"""

import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from flows.stores.lake.commit import LakeFile
from flows.stores.lake.lake_files import read_columns, refuse_damaged
from flows.stores.whole_files import write_whole
from transforms.values.fingerprints import Fingerprints, fingerprints, is_among

ENDING = ".sids"

_Halves = npt.NDArray[np.uint32]
_DIGEST = 32


def may_have(folder: Path, file: LakeFile, wanted: Fingerprints) -> bool:
    """Check whether a file may have recordings with one of these fingerprints (in order): never false if it has.

    Raises:
        DamagedLakeError: The file is missing or damaged.
    """
    path = folder / f"{file.name}{ENDING}"
    known = _read(path, file.rows)
    if known is None:
        known = _made(folder, file)
        content = known.tobytes()
        write_whole(path, _sha256(content) + content, is_flushed_later=True)
    return bool(is_among(_halves(wanted), known).any())


def _halves(values: Fingerprints) -> _Halves:
    return (values >> np.uint64(32)).astype(np.uint32)


def _made(folder: Path, file: LakeFile) -> _Halves:
    refuse_damaged(folder, file)
    sids = read_columns(folder, file, ["recording_sid"])["recording_sid"].combine_chunks()
    return np.sort(_halves(fingerprints(sids)))


def _read(path: Path, rows: int) -> _Halves | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    is_right = len(content) == _DIGEST + 4 * rows and _sha256(content[_DIGEST:]) == content[:_DIGEST]
    return np.frombuffer(content, np.uint32, offset=_DIGEST) if is_right else None


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
