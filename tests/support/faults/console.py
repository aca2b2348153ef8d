"""The command, run in this process: what it says and how it ends."""

import io
import logging
import os
import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from unittest.mock import patch

from flows.command.main import main
from flows.run import request
from flows.stage import Clock
from flows.stores.lake.lake_files import sha256_of

UNEXPECTED = ("something unexpected happened", "Traceback (most recent call last)")
_OF_A_LIBRARY = re.compile(
    r"(IO|Internal|Serialization|Invalid Input|FATAL|Catalog|Binder) Error|TProtocol|Arrow\w+|cannot be (run|built):"
    r"|Correct the query|duckdb\.\w+Exception|checksum"
)


@dataclass(frozen=True)
class Said:
    """How a command ended: its exit code, and its lines of output and of errors."""

    code: int
    output: str
    errors: str

    @property
    def is_unexpected(self) -> bool:
        """Whether it said only that something unexpected happened, showed a traceback, or the words of a library."""
        said = self.output + self.errors
        return any(words in said for words in UNEXPECTED) or bool(_OF_A_LIBRARY.search(self.error))

    @property
    def error(self) -> str:
        """The sentence of an error; empty if there is none."""
        lines = [line for line in self.errors.splitlines() if line.startswith("Error: ")]
        return lines[-1] if lines else ""


def recspend(*arguments: str, environment: Mapping[str, str], clock: Clock) -> Said:
    """Run the command with an environment and by a clock."""
    output, errors, code = io.StringIO(), io.StringIO(), 0
    context_of = request.context_of
    log = logging.getLogger("flows")
    before = log.handlers[:], log.propagate, log.level, os.umask(0o022)
    sha256_of.cache_clear()  # a new process knows no file
    try:
        with (
            patch.object(sys, "argv", ["recspend", *arguments]),
            patch.dict(os.environ, environment, clear=True),
            patch.object(request, "context_of", lambda given: replace(context_of(given), clock=clock)),
            redirect_stdout(output),
            redirect_stderr(errors),
        ):
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
    finally:
        log.handlers, log.propagate, log.level = before[:3]
        os.umask(before[3])
    return Said(code, output.getvalue(), errors.getvalue())
