"""A run that is denied something: it says so in a sentence, and the next one that is not is right."""

import subprocess
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from flows.run.request import RunRequest
from flows.run.stages import perform
from tests.support.faults.console import Said, recspend
from tests.support.faults.denied import (
    LIMITS,
    READING,
    WRITING,
    foreign,
    is_foreign_possible,
    limited,
    while_written,
)
from tests.support.faults.full_disk import ROOM_KB, small_disk
from tests.support.faults.scene import Scene, quick_builds, quick_runs, scene
from tests.support.runs.living_runs import clock_of, instant, ledger_facts, warehouse_facts


def assert_next_is_right(made_up: Scene, data_dir: Path) -> None:
    ledger = made_up.source.ledger
    said = recspend("run", environment=made_up.environment(data_dir), clock=clock_of(ledger))
    assert (said.code, said.error) == (0, "")
    assert warehouse_facts(data_dir) == ledger_facts(ledger)


def is_said(said: Said) -> bool:
    return (said.code, said.is_unexpected) == (2, False) and bool(said.error)


@pytest.mark.slow
def test_limited_run_says_so_and_the_next_is_right(tmp_path: Path) -> None:
    with quick_runs(), scene(tmp_path / "scene") as made_up:
        for name, limit in LIMITS.items():
            data_dir = made_up.copied(tmp_path / "data")
            said = limited(made_up, data_dir, limit)
            assert said.code == 0 or is_said(said), (name, said)
            assert_next_is_right(made_up, data_dir)


@pytest.mark.slow
def test_folder_of_another_user_is_reported(tmp_path: Path) -> None:
    if not is_foreign_possible():
        pytest.skip("this user cannot give a folder away")
    with quick_builds(), scene(tmp_path / "scene") as made_up:
        for mode, readable in ((0o700, ()), (0o755, READING)):
            data_dir = made_up.copied(tmp_path / "data")
            found = dict(foreign(made_up, data_dir, mode, [*WRITING, *READING]))
            right = {" ".join(command) for command in readable}
            assert {command for command, said in found.items() if (said.code, said.error) == (0, "")} == right
            for command in found.keys() - right:
                assert is_said(found[command]), found[command]
                assert f"{data_dir}/" in found[command].error
                assert "Permission denied" in found[command].error
            assert_next_is_right(made_up, data_dir)


@pytest.mark.slow
def test_second_writer_works_or_learns_who_is_at_work(tmp_path: Path) -> None:
    commands = [*WRITING, ("check", "--full"), *READING]
    with quick_builds(), scene(tmp_path / "scene") as made_up:
        data_dir = made_up.copied(tmp_path / "data")
        for command, said, is_named in while_written(made_up, data_dir, commands):
            if said.error:
                assert command in {"run", "check --full"} or command.startswith(("close", "normalize")), said
                assert is_named, said.error
                assert is_said(said) or (said.code, command) == (0, "normalize --rebuild"), said
            else:
                assert said.code == 0, said
                assert not command.startswith("close")
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
        for command in WRITING:
            said = recspend(*command, environment=environment, clock=clock)
            assert (said.code, said.is_unexpected) == (2, False), said
            assert "Read-only file system" in said.error, said
        for command in READING:
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
