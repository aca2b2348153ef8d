"""An analyst in a separate process who keeps a warehouse open and queries it repeatedly."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ASK = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    for _ in sys.stdin:
        print(connection.execute("select count(*), sum(cost) from marts.fct_recordings").fetchall(), flush=True)
"""


class Analyst:
    """Queries the warehouse it keeps open."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self) -> str:
        """Return the number of recordings and their cost, as text, from the open file."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@contextmanager
def analyst_with_open(warehouse: Path) -> Iterator[Analyst]:
    """Start an analyst who keeps the file open for the block."""
    command = [sys.executable, "-c", _ASK, str(warehouse)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Analyst(process)
        assert process.stdin
        process.stdin.close()
        assert process.wait() == 0
