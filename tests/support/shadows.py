"""Working folders with files named like our packages, and like others that we need."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

BIN = Path(sys.executable).parent
"""The folder of this environment's commands, `recspend` and `prefect`."""

OURS: Mapping[str, tuple[str, ...]] = {
    "packages": ("flows/__init__.py", "transforms/__init__.py"),
    "modules": ("flows.py", "transforms.py"),
    "folders": ("flows/etl.py", "transforms/names.py"),
}
"""The ways to have files named like our two packages; the first is what a Prefect repository usually has."""

OTHERS = (
    *("logging.py", "typing.py", "json/__init__.py", "multiprocessing.py"),
    *("prefect/__init__.py", "requests.py", "typer.py", "duckdb.py", "pandas.py", "xlsxwriter/__init__.py"),
)
"""Files named like Python modules, and like libraries that we import at once or only when needed."""


def shadow(folder: Path, *files: str) -> Path:
    """Write files that report when they are imported, except for empty packages, which are the usual case."""
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        is_ours = name.startswith(("flows/", "transforms/"))
        path.write_text("" if is_ours else f"raise ImportError({f'{name} of the working folder'!r})\n")
    return folder


def bare_environment(**variables: str) -> dict[str, str]:
    """Return an environment with this one's commands and these variables only."""
    return {"PATH": f"{BIN}{os.pathsep}{os.defpath}", **variables}
