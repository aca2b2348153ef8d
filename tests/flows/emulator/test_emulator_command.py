"""The command, its help and the page know the same faults and dialects as the emulator."""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from typer.testing import CliRunner

from flows.command import options as cli_options
from flows.command.emulator import app
from flows.emulator import DIALECTS, FAULTS, Parameters, open_living, serve, totals_at_start
from flows.emulator.ledger.generator import END
from tests.support import page
from transforms.errors import ConfigError

FEW = ["--recordings", "90", "--accounts", "1"]


def totals(*arguments: str) -> Any:
    done = CliRunner().invoke(app, ["totals", *FEW, *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.mark.parametrize("names", [FAULTS, DIALECTS], ids=["fault", "dialect"])
def test_help_and_page_name_every_fault_and_dialect(
    names: dict[str, object], request: pytest.FixtureRequest
) -> None:
    is_faults = names is FAULTS
    listed = cli_options.FAULTS if is_faults else cli_options.DIALECTS
    assert listed.split(", ") == sorted(names)
    title = "| fault | what happens |" if is_faults else "| dialect | `DateCreated<` and `DateCreated>` |"
    table = page("flows/emulator").split(title)[1].split("\n\n")[0]
    assert sorted(re.findall(r"^\| `([a-z0-9-]+)` \|", table, re.MULTILINE)) == sorted(names)


def test_totals_command_prints_totals_at_start() -> None:
    faults = ["late-prices", "corrections", "flaky"]
    printed = totals(*(word for name in faults for word in ("--fault", name)), "--seed", "3")
    living = Parameters(seed=3, recordings=90, accounts=1)
    with serve(open_living(living), faults=faults, seed=3) as running:
        assert printed == json.loads(json.dumps(running.totals()))
    assert printed == json.loads(json.dumps(totals_at_start(open_living(living), faults=faults, seed=3)))
    assert printed != totals("--seed", "3")
    assert totals("--seed", "3", "--dialect", "day-inclusive", "--fault", "flaky") == totals("--seed", "3")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fault", "gremlins"], "'gremlins' is not a fault"),
        (["--dialect", "klingon"], "'klingon' is not a dialect"),
        (["--dialect", "iso-only", "--dialect", "date-only"], "contradict each other"),
        (["--replay", ".", "--fault", "inserts"], "Captured pages do not change: leave out --fault inserts"),
    ],
)
@pytest.mark.parametrize("command", [["totals"], []])
def test_command_reports_what_it_cannot_serve(command: list[str], arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as raised:
        CliRunner().invoke(app, [*command, *FEW, *arguments], catch_exceptions=False)
    assert ".." not in str(raised.value)


def test_command_advances_its_clock_over_http(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from flows.command.main import main; main()", "emulator", *FEW]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*command, "--fault", "late-prices"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            lines = [process.stdout.readline() for _ in range(4)]
            urls = re.findall(r"http://127\.0\.0\.1:\d+/emulator/[a-z]+(?:\?days=1)?", "".join(lines))
            with urlopen(urls[1], timeout=10) as reply:
                before = json.load(reply)
            with urlopen(Request(urls[0] + "00", method="POST"), timeout=10) as reply:
                moved = json.load(reply)
            with urlopen(urls[1], timeout=10) as reply:
                after = json.load(reply)
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    assert moved["now"] == END + 100 * 86_400
    assert moved["now_utc"] == f"{datetime.fromtimestamp(moved['now'], UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert before == totals("--fault", "late-prices")
    assert after == totals()
