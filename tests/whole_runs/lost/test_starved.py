"""A run that is denied something: it says so in a sentence, and the next one that is not is right."""

import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from flows.run.request import RunRequest
from flows.run.stages import perform
from tests.support import TOP
from tests.support.faults.console import UNEXPECTED, recspend
from tests.support.faults.full_disk import ROOM_KB, small_disk
from tests.support.faults.scene import FIRST, Scene, quick_builds, scene
from tests.support.runs.living_runs import clock_of, instant, ledger_facts, warehouse_facts

_COMMAND = [sys.executable, "-c", "from flows.command.main import main; main()"]
LIMITS: Mapping[str, tuple[int, int]] = {
    "files": (resource.RLIMIT_NOFILE, 64),
    "size of a file": (resource.RLIMIT_FSIZE, 200_000),
    "memory": (resource.RLIMIT_AS, 900 * 1024 * 1024),
}


def limited(made_up: Scene, data_dir: Path, limit: tuple[int, int]) -> "subprocess.CompletedProcess[str]":
    """Do a run that fetches and builds everything again, in a process with a limit."""
    kind, number = limit
    return subprocess.run(
        [*_COMMAND, "run", "--from", str(FIRST), "--to", "2026-10-02", "--again"],
        cwd=TOP,
        env=made_up.environment(data_dir),
        preexec_fn=lambda: resource.setrlimit(kind, (number, number)),
        capture_output=True,
        text=True,
        check=False,
    )


def assert_next_is_right(made_up: Scene, data_dir: Path) -> None:
    ledger = made_up.source.ledger
    said = recspend("run", environment=made_up.environment(data_dir), clock=clock_of(ledger))
    assert (said.code, said.error) == (0, "")
    assert warehouse_facts(data_dir) == ledger_facts(ledger)


@pytest.mark.slow
def test_limited_run_says_so_and_the_next_is_right(tmp_path: Path) -> None:
    with quick_builds(), scene(tmp_path / "scene") as made_up:
        for name, limit in LIMITS.items():
            data_dir = made_up.copied(tmp_path / "data")
            (data_dir / "warehouse.json").unlink()
            done = limited(made_up, data_dir, limit)
            # Where there is no memory, a library may end the process.
            assert done.returncode >= 0 or name == "memory", done.stderr
            assert done.returncode <= 0 or "Error: " in done.stderr, (name, done.stderr)
            assert not any(words in done.stderr for words in UNEXPECTED), (name, done.stderr)
            assert_next_is_right(made_up, data_dir)


@pytest.mark.slow
def test_read_only_folder_is_reported_and_still_read(tmp_path: Path) -> None:
    with (
        quick_builds(),
        scene(tmp_path / "scene") as made_up,
        small_disk(tmp_path / "disk", ROOM_KB) as is_mounted,
    ):
        if not is_mounted:
            pytest.skip("this user may not mount a file system")
        data_dir, clock = made_up.copied(tmp_path / "disk" / "data"), clock_of(made_up.source.ledger)
        environment = made_up.environment(data_dir)
        subprocess.run(["mount", "-o", "remount,ro", tmp_path / "disk"], check=True)
        for command in (("run",), ("close", "2026-09"), ("normalize", "--rebuild"), ("report",), ("model",)):
            said = recspend(*command, environment=environment, clock=clock)
            assert (said.code, said.is_unexpected) == (2, False), said
            assert "Read-only file system" in said.error, said
        for command in (
            ("status",),
            ("query", "from marts.daily_spend"),
            ("explain", "daily_spend"),
            ("check",),
        ):
            said = recspend(*command, environment=environment, clock=clock)
            assert (said.code, said.error) == (0, ""), said
        subprocess.run(["mount", "-o", "remount,rw", tmp_path / "disk"], check=True)
        assert_next_is_right(made_up, data_dir)


def _same(moment: datetime) -> datetime:
    return moment


@pytest.mark.slow
@pytest.mark.builds("marts.fct_recordings", "marts.daily_spend")
def test_clock_that_jumps_loses_nothing(tmp_path: Path) -> None:
    with quick_builds(), scene(tmp_path / "scene") as made_up:
        data_dir, ledger = made_up.copied(tmp_path / "data"), made_up.source.ledger
        context = made_up.context(data_dir)
        for days in (5, -40, 1, -1, 400, 0):
            moment = instant(ledger.now) + timedelta(days=days)
            perform(replace(context, clock=partial(_same, moment)), RunRequest())
        assert warehouse_facts(data_dir) == ledger_facts(ledger)
