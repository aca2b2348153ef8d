import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.stores.folder.lock import holder, one_writer
from transforms.errors import ConfigError

HOLD = """
import sys
from pathlib import Path
from flows.stores.folder.lock import one_writer
with one_writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held_by_another_process(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds the folder until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_lock_creates_the_folder_and_runs_the_block(tmp_path: Path) -> None:
    with one_writer(tmp_path / "a" / "data"):
        assert (tmp_path / "a" / "data").is_dir()


def test_second_process_is_refused_with_the_holder_and_its_start(tmp_path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    with held_by_another_process(tmp_path) as other:
        with pytest.raises(ConfigError) as raised, one_writer(tmp_path):
            pytest.fail("two writers at once")
        words = re.fullmatch(
            rf"Another run is writing to {re.escape(str(tmp_path))}: process (\d+), since (\S+)\. "
            r"Wait until it ends, or use another folder with RECSPEND_DATA_DIR\.",
            str(raised.value),
        )
        assert words is not None
        assert int(words[1]) == other.pid
        assert before <= datetime.fromisoformat(words[2]) <= before + timedelta(minutes=5)
        found = holder(tmp_path)
        assert found is not None
        assert (found.process, found.since) == (other.pid, words[2])


def test_second_lock_in_the_same_process_is_refused(tmp_path: Path) -> None:
    with (
        one_writer(tmp_path),
        pytest.raises(ConfigError, match=f"process {os.getpid()}, since "),
        one_writer(tmp_path),
    ):
        pytest.fail("two writers at once")


def test_refused_process_does_not_release_the_lock(tmp_path: Path) -> None:
    with one_writer(tmp_path):
        for _ in range(3):
            with pytest.raises(ConfigError, match=f"process {os.getpid()}"), one_writer(tmp_path):
                pytest.fail("two writers at once")


def test_different_folders_have_different_locks(tmp_path: Path) -> None:
    with one_writer(tmp_path / "a"), one_writer(tmp_path / "b"):
        assert holder(tmp_path / "a") == holder(tmp_path / "b")


def test_lock_is_released_even_if_the_block_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="trouble"), one_writer(tmp_path):
        raise ValueError("trouble")
    assert holder(tmp_path) is None
    with one_writer(tmp_path):
        assert holder(tmp_path) is not None
    assert holder(tmp_path) is None


def test_lock_is_released_when_its_holder_is_killed(tmp_path: Path) -> None:
    with held_by_another_process(tmp_path) as other:
        assert holder(tmp_path) is not None
        os.kill(other.pid, signal.SIGKILL)
        assert other.wait(30) == -signal.SIGKILL
        assert holder(tmp_path) is None
        with one_writer(tmp_path):
            found = holder(tmp_path)
            assert found is not None
            assert found.process == os.getpid()


def test_untouched_folder_has_no_holder(tmp_path: Path) -> None:
    assert holder(tmp_path) is None
    assert holder(tmp_path / "nowhere") is None
    assert list(tmp_path.iterdir()) == []


def test_holder_does_not_take_the_lock(tmp_path: Path) -> None:
    with one_writer(tmp_path):
        pass
    assert holder(tmp_path) is None
    with one_writer(tmp_path):
        assert holder(tmp_path) == holder(tmp_path) != None  # noqa: E711


def test_holder_that_has_just_started_is_described(tmp_path: Path) -> None:
    with one_writer(tmp_path):
        (tmp_path / ".lock").write_text("")
        assert holder(tmp_path) is None
        with pytest.raises(ConfigError, match="it has just started"), one_writer(tmp_path):
            pytest.fail("two writers at once")
