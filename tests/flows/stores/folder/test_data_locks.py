import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from flows.stores.folder.data_locks import DataLocks
from transforms.errors import BusyError

AT_WORK = """
import sys
from pathlib import Path
from flows.stores.folder.data_locks import DataLocks
locks = DataLocks(Path(sys.argv[1]))
with locks.shared(), locks.at_work_here() as began, locks.account("A", "sales", ""), locks.warehouse():
    print(began.isoformat(), flush=True)
    sys.stdin.readline()
"""


@contextmanager
def at_work(data_dir: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that is at work in the folder until it is killed, with account A and the tables."""
    process = subprocess.Popen(
        [sys.executable, "-c", AT_WORK, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


def message(lock: AbstractContextManager[None]) -> str:
    """Return why a lock cannot be taken."""
    with pytest.raises(BusyError) as raised, lock:
        pytest.fail("two at once")
    return re.sub(r"since \S+?(?=[.,]? )", "since then", str(raised.value))


def test_different_accounts_and_the_tables_go_together(tmp_path: Path) -> None:
    one, other = DataLocks(tmp_path), DataLocks(tmp_path)
    with (
        one.shared(),
        other.shared(),
        one.account("A", "sales", ""),
        other.account("B", "support", ""),
        one.warehouse(),
    ):
        assert [*one.accounts_at_work()] == ["A", "B"]
        assert one.account_holder("A") is not None
        assert one.account_holder("C") is None
        assert other.warehouse_holder() is not None
    assert (one.accounts_at_work(), one.account_holder("A"), one.warehouse_holder()) == ({}, None, None)


def test_refusals_name_what_is_held_and_the_holder(tmp_path: Path) -> None:
    locks = DataLocks(tmp_path)
    elsewhere = "Wait until it ends, or use another folder with RECSPEND_DATA_DIR."
    with at_work(tmp_path) as first, at_work_too(tmp_path) as second:
        assert message(locks.account("A", "sales", "Later.")) == (
            f"Account sales: another run is working on it: process {first.pid}, since then. Later."
        )
        assert message(locks.warehouse()) == (
            f"Another run is building the tables in {tmp_path}: process {first.pid}, since then. {elsewhere}"
        )
        said = message(locks.alone())
        assert {int(process) for process in re.findall(r"process (\d+), since then", said)} == {
            first.pid,
            second,
        }
        assert said.startswith(f"Another run is writing to {tmp_path}: process ")
        assert said.endswith(f", since then. {elsewhere}")
        assert locks.has_others()
    with locks.alone():
        assert message(locks.shared()) == (
            f"Another run is writing to {tmp_path}: process {os.getpid()}, since then. {elsewhere}"
        )
        assert [each.process for each in locks.at_work()] == [os.getpid()]
        assert not locks.has_others()


@contextmanager
def at_work_too(data_dir: Path) -> Iterator[int]:
    """Be at work in this process, too."""
    locks = DataLocks(data_dir)
    with locks.shared(), locks.at_work_here():
        yield os.getpid()


def test_killed_process_is_not_at_work_and_its_trace_goes(tmp_path: Path) -> None:
    locks = DataLocks(tmp_path)
    with at_work(tmp_path) as killed:
        (held,) = locks.at_work()
        assert held.process == killed.pid
        os.kill(killed.pid, signal.SIGKILL)
        assert killed.wait(30) == -signal.SIGKILL
    (left,) = (tmp_path / ".locks").glob("run=*.lock")
    assert (locks.at_work(), locks.accounts_at_work(), locks.warehouse_holder()) == ([], {}, None)
    with locks.alone(), locks.account("A", "sales", ""), locks.warehouse(), locks.at_work_here():
        assert not left.exists()
    assert not [*left.parent.glob("run=*.lock")]


def test_processes_at_work_have_different_instants(tmp_path: Path) -> None:
    locks = DataLocks(tmp_path)
    with ExitStack() as stack:
        began = [stack.enter_context(locks.at_work_here()) for _ in range(20)]
        assert len({*began}) == 20
        assert all(map(locks.is_at_work, began))
    assert not any(map(locks.is_at_work, began))


def test_asking_creates_nothing(tmp_path: Path) -> None:
    locks = DataLocks(tmp_path / "data")
    assert (locks.at_work(), locks.accounts_at_work(), locks.warehouse_holder()) == ([], {}, None)
    assert not (tmp_path / "data").exists()
