"""The format of a data folder. Its `format.json` holds the number, and the version of recspend that wrote it.

A folder without that file has format 1: it was written before the file was introduced.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import msgspec

from flows.stores.whole_files import write_whole
from transforms.errors import ConfigError, DataError

FORMAT = 4
"""The format this recspend reads and writes. CONTRIBUTING.md says when to raise it."""

FILE = "format.json"
"""The file in a data folder or a bucket that says which format it has."""


class DataFormat(msgspec.Struct, frozen=True, omit_defaults=True):
    """The number of a folder's format, and the version of the recspend that made or upgraded the folder.

    upgraded_from: the format the folder had before, while it is being upgraded; an older recspend refuses it then.
    """

    format: Annotated[int, msgspec.Meta(ge=1)]
    recspend: str
    upgraded_from: int | None = None


def read_format(data_dir: Path) -> DataFormat | None:
    """Return the format of a folder; None if there is no `format.json`. Raises DataError when it is not valid."""
    path = data_dir / FILE
    try:
        return _decoded(path.read_bytes(), str(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def refuse_newer(data_dir: Path) -> None:
    """Raise ConfigError when a newer recspend gave the folder a format that this one does not know."""
    found = read_format(data_dir)
    if found is not None:
        _refuse_newer(found, str(data_dir), "use another folder with RECSPEND_DATA_DIR")


def refuse_format(content: bytes, place: str) -> None:
    """Raise ConfigError when the content of FILE in a bucket says that a newer recspend wrote there."""
    _refuse_newer(_decoded(content, f"{place}/{FILE}"), place, "use another lake_url")


def _decoded(content: bytes, place: str) -> DataFormat:
    try:
        return msgspec.json.decode(content, type=DataFormat)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise DataError(
            f"{place} does not say which format the folder has. Restore it from a backup, or delete it if you are sure "
            "that no newer recspend has ever written there."
        ) from None


def _refuse_newer(found: DataFormat, place: str, otherwise: str) -> None:
    if found.format > FORMAT:
        raise ConfigError(
            f"{place} has format {found.format}, written by recspend {found.recspend}, but this recspend "
            f"{version('recspend')} only knows formats up to {FORMAT}. Install recspend {found.recspend} or newer, or "
            f"{otherwise}."
        )


def is_current(data_dir: Path) -> bool:
    """Check whether a folder has the current format. Raises as `refuse_newer`, and DataError as `read_format`."""
    refuse_newer(data_dir)
    found = read_format(data_dir)
    return found is not None and (found.format, found.upgraded_from) == (FORMAT, None)


def write_format(data_dir: Path, upgraded_from: int | None = None) -> None:
    """Record that the folder now has the current format, or is being upgraded to it from another one."""
    write_whole(data_dir / FILE, current_format(upgraded_from))


def current_format(upgraded_from: int | None = None) -> bytes:
    """Return the content of FILE for the current format."""
    return msgspec.json.encode(DataFormat(FORMAT, version("recspend"), upgraded_from)) + b"\n"
