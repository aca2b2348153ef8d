"""Runs that are denied something: memory, open files, large files, a folder of their own, or to be the only writer."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from flows.stores.folder.data_locks import DataLocks
from tests.support import TOP
from tests.support.faults.console import Said, recspend
from tests.support.faults.kills import started
from tests.support.faults.scene import FIRST, NEXT_TO_CLOSE, Scene
from tests.support.runs.living_runs import clock_of, instant

_COMMAND = [sys.executable, "-c", "from flows.command.main import main; main()"]
# Root may read and write everything; without these, what belongs to another user is closed to it too.
NOT_ALL_POWERFUL = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]
_NOBODY = 65534
_MB = 1024 * 1024

AGAIN = ("run", "--from", str(FIRST), "--to", "2026-10-02", "--again")
"""A run that fetches and builds everything again."""

LIMITS: Mapping[str, tuple[int, int]] = {
    "64 open files": (resource.RLIMIT_NOFILE, 64),
    "files of 200 KB": (resource.RLIMIT_FSIZE, 200_000),
    "files of 2 MB": (resource.RLIMIT_FSIZE, 2 * _MB),
    "900 MB of addresses": (resource.RLIMIT_AS, 900 * _MB),
    "1,500 MB of addresses": (resource.RLIMIT_AS, 1_500 * _MB),
    "2,500 MB of addresses": (resource.RLIMIT_AS, 2_500 * _MB),
}

WRITING = (("run",), ("close", NEXT_TO_CLOSE), ("normalize", "--rebuild"), ("report",), ("model",))
READING = (("status",), ("query", "from marts.daily_spend"), ("explain", "daily_spend"), ("check",))


def limited(made_up: Scene, data_dir: Path, limit: tuple[int, int]) -> Said:
    """Do a run that fetches and builds everything again, in a process with a limit."""
    kind, number = limit
    (data_dir / "warehouse.json").unlink()
    return _in_a_process(made_up, data_dir, AGAIN, before=lambda: resource.setrlimit(kind, (number, number)))


def is_foreign_possible() -> bool:
    """Whether this user can give a folder away and then be denied it."""
    return os.getuid() == 0 and shutil.which("setpriv") is not None


def foreign(
    made_up: Scene, data_dir: Path, mode: int, commands: Sequence[tuple[str, ...]]
) -> Iterator[tuple[str, Said]]:
    """Run commands in a folder that belongs to another user, with this mode of its folders, and give it back."""
    paths = [data_dir, *data_dir.rglob("*")]
    _give(paths, _NOBODY, mode)
    try:
        for command in commands:
            yield " ".join(command), _in_a_process(made_up, data_dir, command, wrapper=NOT_ALL_POWERFUL)
    finally:
        _give(paths, os.getuid(), 0o700)


def is_all_powerful() -> bool:
    """Whether this process may read what nobody may."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).chmod(0)
        return os.access(file.name, os.R_OK)


def _give(paths: Sequence[Path], user: int, mode: int) -> None:
    """Give files to a user. Their folders are taken back before them, and given away after them."""
    for path in paths if user == os.getuid() else reversed(paths):
        modes = mode if path.is_dir() else mode & 0o666
        os.chown(path, user, user)
        path.chmod(modes)


def while_written(
    made_up: Scene, data_dir: Path, commands: Sequence[tuple[str, ...]]
) -> Iterator[tuple[str, Said, bool]]:
    """Run each command while a run writes to the folder.

    Yields the command, what it says, and whether the process that writes is the one it names.
    """
    clock = clock_of(made_up.source.ledger)
    for command in commands:
        process = started("run", made_up, data_dir, instant(made_up.source.ledger.now))
        try:
            while not DataLocks(data_dir).at_work() and process.is_alive():
                time.sleep(0.005)
            said = recspend(*command, environment=made_up.environment(data_dir), clock=clock)
        finally:
            process.join()
        yield " ".join(command), said, f"process {process.pid}, since" in said.error


def _in_a_process(
    made_up: Scene,
    data_dir: Path,
    command: Sequence[str],
    *,
    wrapper: Sequence[str] = (),
    before: Callable[[], None] | None = None,
) -> Said:
    done = subprocess.run(
        [*wrapper, *_COMMAND, *command],
        cwd=TOP,
        env=made_up.environment(data_dir) | {"PYTHONPATH": str(TOP)},
        preexec_fn=before,
        capture_output=True,
        text=True,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)
