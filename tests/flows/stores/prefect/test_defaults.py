"""How a process that uses Prefect ends: DuckDB has nothing left to complain about, and no trouble is hidden."""

import subprocess
import sys

from tests.support import TOP

_LATE = """
import os, duckdb
from flows.stores.prefect import defaults
class Late:
    def __del__(self, write=os.write, left=vars(duckdb)):
        write(2, f"{len(left)} names left, late trouble".encode())
late = Late()
"""


def ended(script: str) -> str:
    """Return what a process writes to standard error."""
    done = subprocess.run([sys.executable, "-c", script], cwd=TOP, capture_output=True, text=True, check=True)
    return done.stderr


def test_defaults_release_duckdb_and_hide_no_late_trouble() -> None:
    assert ended(_LATE) == "0 names left, late trouble"


def test_defaults_load_no_duckdb() -> None:
    script = "import sys; from flows.stores.prefect import defaults; sys.exit('duckdb' in sys.modules)"
    assert ended(script) == ""
