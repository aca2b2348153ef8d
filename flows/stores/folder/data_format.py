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

_FILE = "format.json"


class DataFormat(msgspec.Struct, frozen=True, omit_defaults=True):
    """The number of a folder's format, and the version of the recspend that made or upgraded the folder.

    upgraded_from: the format the folder had before, while it is being upgraded; an older recspend refuses it then.
    """

    format: Annotated[int, msgspec.Meta(ge=1)]
    recspend: str
    upgraded_from: int | None = None


def read_format(data_dir: Path) -> DataFormat | None:
    """Return the format of a folder; None if there is no `format.json`. Raises DataError when it is not valid."""
    path = data_dir / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=DataFormat)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise DataError(
            f"{path} does not say which format the folder has. Restore it from a backup, or delete it if you are sure "
            "that no newer recspend has ever written to the folder."
        ) from None


def refuse_newer(data_dir: Path) -> None:
    """Raise ConfigError when a newer recspend gave the folder a format that this one does not know."""
    found = read_format(data_dir)
    if found is not None and found.format > FORMAT:
        raise ConfigError(
            f"{data_dir} has format {found.format}, written by recspend {found.recspend}, but this recspend "
            f"{version('recspend')} only knows formats up to {FORMAT}. Install recspend {found.recspend} or newer, or "
            "use another folder with RECSPEND_DATA_DIR."
        )


def is_current(data_dir: Path) -> bool:
    """Check whether a folder has the current format. Raises as `refuse_newer`, and DataError as `read_format`."""
    refuse_newer(data_dir)
    found = read_format(data_dir)
    return found is not None and (found.format, found.upgraded_from) == (FORMAT, None)


def write_format(data_dir: Path, upgraded_from: int | None = None) -> None:
    """Record that the folder now has the current format, or is being upgraded to it from another one."""
    found = DataFormat(FORMAT, version("recspend"), upgraded_from)
    write_whole(data_dir / _FILE, msgspec.json.encode(found) + b"\n")
