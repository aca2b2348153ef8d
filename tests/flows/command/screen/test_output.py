"""Nothing from outside acts on a terminal: whatever is printed, logged or shown as progress."""

import io
import logging
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

import pyarrow as pa
import pytest
from rich.table import Table
from rich.text import Text

from flows.command.screen.bars import fitted
from flows.command.screen.logs import VisibleFormatter
from flows.command.screen.output import put, say, show
from flows.command.screen.tables import table

HOSTILE = "\x1b[2J\x1b]0;title\x07a\x00b\x9b1Ac\u202ed\u2028e\x7f[red]f[/red]"
SHOWN = r"\u001b[2J\u001b]0;title\u0007a\u0000b\u009b1Ac\u202ed\u2028e\u007f[red]f[/red]"
STYLE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(params=[Terminal, io.StringIO], ids=["terminal", "pipe"])
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("TERM", "xterm-256color")
    screen: io.StringIO = request.param()
    return screen


def harmless(screen: io.StringIO, output: Callable[..., None], *given: object) -> str:
    """Return what the output puts on the screen, without styles; check that nothing else there acts on it."""
    with redirect_stdout(screen), redirect_stderr(screen):
        output(*given)
    text = STYLE.sub("", screen.getvalue())
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]", text)
    return text


ROWS = pa.table(
    {"source": [HOSTILE], "currency": ["USD"], "cost": pa.array(["1.5"]).cast(pa.decimal128(18, 9))}
)


@pytest.mark.parametrize(
    "shown",
    [
        Text(HOSTILE),
        Text.assemble((HOSTILE, "red")),
        table(pa.table({"a": [HOSTILE]}), title=HOSTILE),
        table(pa.table({HOSTILE: ["a"]})),
        fitted(ROWS, [HOSTILE], 300)[0],
    ],
    ids=["text", "styled", "cell", "column", "bars"],
)
def test_shown_results_do_not_act(shown: Text | Table, screen: io.StringIO) -> None:
    # Cells and titles wrap, and rich leaves out a bell.
    assert r"\u001b[2J\u001b]0;title" in harmless(screen, show, shown).replace("\n", "")


def test_table_that_forgot_does_not_act(screen: io.StringIO) -> None:
    careless = Table()
    careless.add_row(HOSTILE)
    assert r"\u001b[2J" in harmless(screen, show, careless, HOSTILE)


def test_messages_do_not_act(screen: io.StringIO) -> None:
    assert harmless(screen, say, HOSTILE) == f"{SHOWN}\n"


def test_results_for_programs_are_exact_in_a_pipe(screen: io.StringIO) -> None:
    if screen.isatty():
        assert harmless(screen, put, HOSTILE) == f"{SHOWN}\n"
    else:
        with redirect_stdout(screen):
            put(HOSTILE)
        assert screen.getvalue() == f"{HOSTILE}\n"


def test_columns_stay_in_line(screen: io.StringIO) -> None:
    rows = table(pa.table({"a": ["x", HOSTILE], "b": ["end", "end"]}))
    lines = [line for line in harmless(screen, show, rows).splitlines() if line.rstrip().endswith("end")]
    assert len({line.rindex("end") for line in lines}) == 1 < len(lines)


def test_log_lines_do_not_act() -> None:
    formatter = VisibleFormatter("%(levelname)s %(message)s")
    error = ValueError(HOSTILE)
    given = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("flows", logging.INFO, "", 0, "%s\nnext", (HOSTILE,), given)
    first, *trace = formatter.format(record).splitlines()
    assert first == rf"INFO {SHOWN}\u000anext"
    assert trace[-1] == f"ValueError: {SHOWN}"
