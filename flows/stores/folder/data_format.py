"""The format of a data folder: `format.json` in it says its number, and which recspend gave it that.

A folder without the file is of format 1, which is how recspend left it before there was one.
"""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import msgspec

from flows.stores.whole_files import write_whole
from transforms.errors import ConfigError, DataError

FORMAT = 2
"""The format this recspend reads and writes; CONTRIBUTING.md says when it is raised."""

_FILE = "format.json"


class DataFormat(msgspec.Struct, frozen=True):
    """The number of a folder's format, and the version of the recspend that made or upgraded the folder."""

    format: Annotated[int, msgspec.Meta(ge=1)]
    recspend: str


def read_format(data_dir: Path) -> DataFormat | None:
    """The format that a folder says it has, None without the file. Raises DataError when the file says nothing."""
    path = data_dir / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=DataFormat)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise DataError(
            f"{path} does not say which format the folder has. Restore it from a copy; or delete it, if you are sure "
            "that no newer recspend ever wrote to the folder."
        ) from None


def refuse_newer(data_dir: Path) -> None:
    """Raises ConfigError when a newer recspend gave the folder a format that this one does not know."""
    found = read_format(data_dir)
    if found is not None and found.format > FORMAT:
        raise ConfigError(
            f"{data_dir} is in format {found.format}, written by recspend {found.recspend}, and this recspend "
            f"{version('recspend')} knows formats up to {FORMAT} only. Install recspend {found.recspend} or newer, or "
            "name another folder with RECSPEND_DATA_DIR."
        )


def write_format(data_dir: Path, number: int) -> None:
    """Record that the folder is in this format now."""
    write_whole(data_dir / _FILE, msgspec.json.encode(DataFormat(number, version("recspend"))) + b"\n")
