"""A data folder under `recspend serve`, killed with all its processes while a scheduled run is at work."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flows.stores.folder.data_locks import DataLocks
from flows.stores.prefect.login import kept_login
from tests.support import TOP
from tests.support.faults.scene import Scene
from tests.support.runs.prefect_processes import Server, kill, wait_for

_SERVE = [sys.executable, "-c", "from flows.command.main import main; main()", "serve", "--port", "0"]
_AGAIN = {"first": "2026-08-01", "again": True}


@contextmanager
def _serving(made_up: Scene, data_dir: Path, home: Path) -> Iterator[Server]:
    """Serve a folder for the block, then kill every process of it."""
    environment = made_up.environment(data_dir) | {"PREFECT_HOME": str(home), "PYTHONPATH": str(TOP)}
    with subprocess.Popen(
        _SERVE, env=environment, cwd=TOP, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            (address,) = re.findall(r"Prefect UI: (http://127\.0\.0\.1:\d+) ", said)
            with closing(Server(address, environment, kept_login(home))) as server:
                yield server
        finally:
            kill(process)


def kill_served(made_up: Scene, data_dir: Path, home: Path, seconds: float) -> bool:
    """Serve a folder, start a run that reads everything again, and kill it this long after it has taken the folder.

    home: Prefect's folder. Returns whether the run was still at work.
    """
    locks = DataLocks(data_dir)
    with _serving(made_up, data_dir, home) as server:
        wait_for("the deployment", lambda: server.ask("deployments/filter"))
        server.start("recspend/all-accounts", **_AGAIN).raise_for_status()
        wait_for("the run", locks.at_work)
        time.sleep(seconds)
        is_at_work = bool(locks.at_work())
    # A process that was being started while the others were killed continues alone.
    wait_for("the end of what is left", lambda: not locks.at_work())
    return is_at_work
