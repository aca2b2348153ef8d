"""Who may read what recspend writes: its user alone, or also the group of the folder.

The files hold who called whom, when and for how long, and what it cost.
"""

import os
from pathlib import Path
from typing import Literal

Readers = Literal["owner", "group"]

_TAKEN_AWAY: dict[Readers, int] = {"owner": 0o077, "group": 0o027}


def keep_private(readers: Readers) -> None:
    """Create all further files and folders of this process, and of those it starts, for these readers only.

    A process has one such mask, so this also covers what libraries write: DuckDB, Arrow and Prefect.
    """
    os.umask(_TAKEN_AWAY[readers])


def is_open_to_others(folder: Path, readers: Readers) -> bool:
    """Check whether anyone but these readers may enter a folder or list it."""
    return bool(folder.stat().st_mode & _TAKEN_AWAY[readers])


def for_everyone(path: Path) -> None:
    """Let everyone who may enter its folder read a file."""
    path.chmod(0o644)
