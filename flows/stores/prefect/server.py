"""A Prefect server of our own: a process beside ours, on this machine only, with its UI."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import requests

from flows.stores.folder.lock import one_process
from flows.stores.waiting import retried
from transforms.errors import ConfigError

_HOST = "127.0.0.1"
_START_SECONDS = 120
_STOP_SECONDS = 20
_SECONDS_BETWEEN_TRIES = 0.2
_LOCK = "recspend-serve.lock"
_NOT_STARTED = (
    "The Prefect server did not start. Try `prefect server start`, which says why, and set PREFECT_API_URL."
)
_CURE = (
    "Set PREFECT_HOME to a folder of its own for this one. Or let both use that server: set PREFECT_API_URL to its "
    "address, and give another --name."
)


def free_address(port: int) -> str:
    """The address that a server on this port would have; 0 takes a free one. Raises ConfigError when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            raise ConfigError(
                f"Port {port} is taken. If a Prefect server listens there, use it: "
                f"PREFECT_API_URL=http://{_HOST}:{port}/api, and --name when it serves another data folder. Else give "
                "another --port."
            ) from None
        return f"http://{_HOST}:{probe.getsockname()[1]}"


@contextmanager
def own_server(address: str, environment: Mapping[str, str]) -> Iterator[Callable[[], bool]]:
    """Run a server at this address for the block, which can ask whether it has ended by itself.

    It runs in this environment, and its database is the one of the PREFECT_HOME there. Raises BusyError when that home
    already has a server of ours, since two would take each other's runs, and ConfigError when it does not start.
    """
    home = Path(environment.get("PREFECT_HOME") or "~/.prefect").expanduser()
    busy = f"Another `recspend serve` has its Prefect server in {home}"
    with one_process(home / _LOCK, busy, _CURE), _running(address, home, environment) as process:
        yield lambda: process.poll() is not None


@contextmanager
def _running(address: str, home: Path, environment: Mapping[str, str]) -> "Iterator[subprocess.Popen[bytes]]":
    of_server = (
        _place_of_ui(home, environment)
        | dict(environment)
        | {
            "PREFECT_SERVER_UI_API_URL": f"{address}/api",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            # On disk, so that the slot of a run is not lost for ever when the machine loses power.
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        }
    )
    command = [sys.executable, "-m", "prefect", "server", "start", "--log-level", "ERROR"]
    process = subprocess.Popen(  # noqa: S603 (our own words only)
        [*command, "--host", _HOST, "--port", address.rpartition(":")[2]],
        env=of_server,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # Ctrl-C at a terminal reaches all processes there; the server ends after the runs that report to it.
        start_new_session=True,
    )
    try:
        _wait_until_it_answers(process, address)
        yield process
    finally:
        _stop(process)


def _place_of_ui(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Where the server puts the files of its UI together: beside its code, unless another user installed that."""
    installed = find_spec("prefect")
    if installed is None or installed.origin is None or "PREFECT_UI_STATIC_DIRECTORY" in environment:
        return {}
    if os.access(Path(installed.origin).parent / "server", os.W_OK):
        return {}
    return {"PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui")}


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", address: str) -> None:
    with requests.Session() as session:
        session.trust_env = False  # neither a proxy nor a .netrc has anything to do with it

        def ask() -> None:
            if process.poll() is not None:
                raise ConfigError(_NOT_STARTED)
            session.get(f"{address}/api/health", timeout=5).raise_for_status()

        try:
            retried(ask, requests.RequestException, _START_SECONDS, _SECONDS_BETWEEN_TRIES)
        except requests.RequestException:
            raise ConfigError(_NOT_STARTED) from None


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
