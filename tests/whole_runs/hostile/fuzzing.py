"""Run a command as a person would, in this process, and see what reaches them."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from unittest.mock import patch

from flows.command.main import main


class Said(NamedTuple):
    """How a command ended, and what it printed."""

    exit_code: int
    out: str
    err: str


def run_command(*arguments: str) -> Said:
    """Run `recspend` with these arguments."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        patch.object(sys, "argv", ["recspend", *arguments]),
        patch.object(sys, "stdin", io.StringIO()),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return Said(code, out.getvalue(), err.getvalue())


def assert_in_words(said: Said, arguments: object = ()) -> None:
    """Check that the command worked, or ended with a sentence and not with the error of a library."""
    words, arguments = said.err + said.out, repr(arguments)[:300]
    assert "something unexpected happened" not in words, (arguments, words[-500:])
    assert "Traceback" not in words, (arguments, words[-500:])
    assert said.exit_code in range(4), (arguments, words[-500:])
    assert said.exit_code == 0 or words.strip(), arguments
