import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.stores.folder.lock import holder_of, in_turn, is_held, one_process, together
from transforms.errors import BusyError

HOLD = """
import sys
from pathlib import Path
from flows.stores.folder.lock import one_process, together
lock = one_process if sys.argv[2] == "alone" else together
with lock(Path(sys.argv[1]), "", ""):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held_by_another_process(path: Path, kind: str = "alone") -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds a lock until it reads a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A lock that nobody has taken yet, in a folder that is not there."""
    return tmp_path / "a" / "b.lock"


def alone(path: Path) -> AbstractContextManager[None]:
    """Take the lock at once or not at all."""
    return one_process(path, "Busy", "Wait.")


def refused(path: Path) -> str:
    """Return why the lock cannot be taken."""
    with pytest.raises(BusyError) as raised, alone(path):
        pytest.fail("two at once")
    return str(raised.value)


def test_second_process_is_refused_with_the_holder_and_its_start(path: Path) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    with held_by_another_process(path) as other:
        words = re.fullmatch(r"Busy: process (\d+), since (\S+)\. Wait\.", refused(path))
        assert words is not None
        assert int(words[1]) == other.pid
        assert before <= datetime.fromisoformat(words[2]) <= before + timedelta(minutes=5)
        found = holder_of(path)
        assert found is not None
        assert (found.process, found.since) == (other.pid, words[2])


def test_refused_process_does_not_release_the_lock(path: Path) -> None:
    with alone(path):
        for _ in range(3):
            assert f"process {os.getpid()}" in refused(path)


def test_lock_is_released_even_if_the_block_fails(path: Path) -> None:
    with pytest.raises(ValueError, match="trouble"), alone(path):
        raise ValueError("trouble")
    assert (holder_of(path), path.read_text()) == (None, "")
    with alone(path):
        assert holder_of(path) is not None
    assert holder_of(path) is None


def test_lock_is_released_when_its_holder_is_killed(path: Path) -> None:
    with held_by_another_process(path) as other:
        assert holder_of(path) is not None
        os.kill(other.pid, signal.SIGKILL)
        assert other.wait(30) == -signal.SIGKILL
        assert path.read_text().startswith(f"{other.pid} ")
        assert holder_of(path) is None
        with alone(path):
            found = holder_of(path)
            assert found is not None
            assert found.process == os.getpid()


def test_untouched_lock_is_not_created_by_asking(path: Path, tmp_path: Path) -> None:
    assert holder_of(path) is None
    assert not is_held(path)
    assert list(tmp_path.iterdir()) == []


def test_holder_that_has_just_started_is_described(path: Path) -> None:
    with alone(path):
        path.write_text("")
        assert holder_of(path) is None
        assert refused(path) == "Busy: it has just started. Wait."


def test_holders_together_keep_others_out(path: Path) -> None:
    with held_by_another_process(path, "together"), together(path, "Busy", "Wait."):
        assert not is_held(path)
        refused(path)
    with held_by_another_process(path) as other:
        with (
            pytest.raises(BusyError, match=f"^Busy: process {other.pid}, since "),
            together(path, "Busy", ""),
        ):
            pytest.fail("together with one who wants to be alone")
        assert is_held(path)


def test_wait_ends_when_what_is_called_before_a_try_raises(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def stop() -> None:
        tries.append(1)
        if len(tries) == 3:
            raise KeyError

    monkeypatch.setattr("flows.stores.waiting.time.sleep", lambda _: None)
    with (
        alone(path),
        pytest.raises(KeyError),
        one_process(path, "Busy", "", 3600, before_try=stop),
    ):
        pytest.fail("two at once")


def test_turn_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with held_by_another_process(path) as other:

        def sleep(_: float) -> None:
            other.kill()
            other.wait()

        monkeypatch.setattr("flows.stores.waiting.time.sleep", sleep)
        with in_turn(path, 60):
            assert other.returncode is not None
