"""Texts of the API and names that act on a terminal or a reader: no command and no report shows them as they are."""

import json
import os
import re
import zipfile
from datetime import date
from pathlib import Path

import pytest

from flows.emulator import open_living, serve
from tests.support.faults.console import recspend
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import ACCOUNTS, clock_of, epoch_of, made
from tests.support.samples.attacks import ATTACK, acting

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.slow
def test_control_characters_reach_no_output(tmp_path: Path) -> None:
    made_up = made(ACCOUNTS[0], 1, epoch_of(date(2026, 9, 1)), source=ATTACK, status=ATTACK)
    source = open_living([made_up], now=epoch_of(date(2026, 9, 3)))
    with serve(source, faults=["control-characters"]) as emulator:
        (access,) = accesses_of(emulator)
        settings = tmp_path / "recspend.toml"
        settings.write_text(
            f'[[accounts]]\nname = {json.dumps(ATTACK)}\naccount_sid = "{access.account_sid}"\n'
            f'base_url = "{access.base_url}"\ntoken_env = "OF_A_TEST"\n'
        )
        environment = {
            "PATH": os.environ["PATH"],
            "RECSPEND_DATA_DIR": str(tmp_path / "data"),
            "RECSPEND_CONFIG": str(settings),
            "OF_A_TEST": access.token,
        }
        for command in (
            *(("run",), ("status",), ("doctor",), ("notify",), ("check",), ("explain", "daily_spend")),
            *(("report", "--format", "xlsx"), ("ingest", "--dry-run")),
            *(("query", "from ops.rejects"), ("query", "from marts.fct_recordings")),
        ):
            said = recspend(*command, environment=environment, clock=clock_of(source.ledger))
            assert said.code == 0, (command, said.errors)
            assert acting([_STYLE.sub("", said.output), said.errors]) == set(), command
    book = zipfile.ZipFile(tmp_path / "data" / "reports" / "recspend.xlsx")
    texts = [book.read(name).decode() for name in book.namelist()]
    assert not re.search("_x00[0-9A-F]{2}_", "".join(texts))
    for path in (tmp_path / "data" / "reports").iterdir():
        if path.suffix in (".html", ".json"):
            texts.append(path.read_text())
    assert acting([*texts, (tmp_path / "data" / "metrics.prom").read_text()]) <= {"\r"}
