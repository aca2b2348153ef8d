"""Working folders that hold files called as our packages are, and as others that we need."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

BIN = Path(sys.executable).parent
"""Where this environment has its commands, `recspend` and `prefect`."""

OURS: Mapping[str, tuple[str, ...]] = {
    "packages": ("flows/__init__.py", "transforms/__init__.py"),
    "modules": ("flows.py", "transforms.py"),
    "folders": ("flows/etl.py", "transforms/names.py"),
}
"""The ways to hold files called as our two packages; the first is what a Prefect repository usually has."""

OTHERS = (
    *("logging.py", "typing.py", "json/__init__.py", "multiprocessing.py"),
    *("prefect/__init__.py", "requests.py", "typer.py", "duckdb.py", "pandas.py", "xlsxwriter/__init__.py"),
)
"""Files called as modules of Python, and as libraries that we load at once or only when they are needed."""


def shadow(folder: Path, *files: str) -> Path:
    """Put files into a folder that say so when they are loaded, but for empty packages, as most are."""
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        is_ours = name.startswith(("flows/", "transforms/"))
        path.write_text("" if is_ours else f"raise ImportError({f'{name} of the working folder'!r})\n")
    return folder


def bare_environment(**variables: str) -> dict[str, str]:
    """An environment with the commands of this one and nothing else but these variables."""
    return {"PATH": f"{BIN}{os.pathsep}{os.defpath}", **variables}
