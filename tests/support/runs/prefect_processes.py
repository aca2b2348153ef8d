"""A real Prefect server and a worker, as separate processes on this machine, for tests that need them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from flows.stores.prefect.login import kept_login
from flows.stores.prefect.server import free_address, own_server

PREFECT = [sys.executable, "-m", "prefect"]


class Server:
    """A running Prefect server, queried as its UI does."""

    def __init__(self, address: str, environment: dict[str, str], login: str) -> None:
        self.address = address
        self.login = login
        self.environment = environment | {
            "PREFECT_API_URL": f"{address}/api",
            "PREFECT_API_AUTH_STRING": login,
        }
        # It answers 503 while its database is locked; its own clients retry.
        patient = HTTPAdapter(
            max_retries=Retry(10, status_forcelist=[503], allowed_methods=None, backoff_factor=0.2)
        )
        self._session = requests.Session()
        self._session.mount("http://", patient)
        user, _, password = login.partition(":")
        self._session.auth = (user, password)
        client = {"client": str(uuid4())}
        asked = self._session.get(f"{address}/api/csrf-token", params=client, timeout=30)
        asked.raise_for_status()
        self._session.headers.update(
            {
                "Prefect-Csrf-Client": client["client"],
                "Prefect-Csrf-Token": asked.json()["token"],
            }
        )

    def ask(self, path: str, **body: Any) -> Any:
        answer = self._session.post(f"{self.address}/api/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def change(self, path: str, /, **body: Any) -> None:
        self._session.patch(f"{self.address}/api/{path}", json=body, timeout=30).raise_for_status()

    def close(self) -> None:
        self._session.close()

    def runs(self) -> list[dict[str, Any]]:
        """Return flow runs that have started or ended, earliest first."""
        found = self.ask("flow_runs/filter", limit=200, sort="EXPECTED_START_TIME_ASC")
        return [run for run in found if run["state_type"] not in ("SCHEDULED", "PENDING")]

    def state_of(self, run_id: str) -> str:
        found = self._session.get(f"{self.address}/api/flow_runs/{run_id}", timeout=30).json()
        return str(found["state_name"])

    def start(self, deployment: str, **parameters: Any) -> requests.Response:
        """Request a run of a deployment, as *Custom run* does."""
        found = self._session.get(f"{self.address}/api/deployments/name/{deployment}", timeout=30).json()
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return self._session.post(
            f"{self.address}/api/deployments/{found['id']}/create_flow_run", json=body, timeout=30
        )

    def retry(self, run_id: str) -> None:
        """Do what the button in the UI does."""
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
        assert self.ask(f"flow_runs/{run_id}/set_state", state=state)["status"] == "ACCEPT"

    def command(self, *command: str, folder: Path) -> str:
        """Return the output of a command that uses the server; it must succeed."""
        done = subprocess.run(
            command, env=self.environment, cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def prefect_server(folder: Path, environment: dict[str, str]) -> Iterator[Server]:
    """Start a server on a free port, with its own home in the folder."""
    home = {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # the shortest that Prefect accepts
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "DO_NOT_TRACK": "1",
    }
    before = {name: os.environ.get(name) for name in home}
    os.environ.update(home)
    try:
        address, login = free_address(0), kept_login(folder / "prefect")
        with (
            own_server(address, login, os.environ),
            closing(Server(address, environment | home, login)) as server,
        ):
            yield server
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def worker(server: Server, pool: str, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a worker in its own session, together with the processes of its runs."""
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [*PREFECT, "worker", "start", "--pool", pool],
            env=server.environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: "subprocess.Popen[Any]") -> None:
    """Kill a worker and its runs, as a power failure does."""
    for pid in _processes_of_session(process.pid):
        os.kill(pid, signal.SIGKILL)
    process.wait()


def _processes_of_session(session: int) -> list[int]:
    """Return all descendants of the worker. A run may have its own group or session, so it is found by its parent."""
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = path.read_text().partition(" ")
        except OSError:
            continue
        _, parent, _, its_session, *_ = rest.rpartition(")")[2].split()
        stats[int(pid)] = (int(parent), int(its_session))
    found = {session}
    while more := {pid for pid, parents in stats.items() if found & set(parents)} - found:
        found |= more
    return [pid for pid in found if pid in stats]


def wait_for(what: str, is_so: Callable[[], Any], seconds: float = 300) -> Any:
    """Wait until a condition is true, and return its value."""
    latest = time.monotonic() + seconds
    while time.monotonic() < latest:
        if found := is_so():
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} did not come within {seconds} seconds")
