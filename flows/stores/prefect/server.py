"""Run our own Prefect server with its UI: a separate process, reachable from this machine only."""

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
    "The Prefect server did not start. Run `prefect server start` to see why, and set PREFECT_API_URL."
)
_CURE = (
    "Set PREFECT_HOME to a different folder for this one. Or let both use that server: set PREFECT_API_URL to its "
    "address, and choose another --name."
)


def free_address(port: int) -> str:
    """Return the address of a server on this port; 0 picks a free one. Raises ConfigError if it is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            raise ConfigError(
                f"Port {port} is in use. If a Prefect server listens there, use it: "
                f"PREFECT_API_URL=http://{_HOST}:{port}/api, and --name if it serves another data folder. Otherwise "
                "choose another --port."
            ) from None
        return f"http://{_HOST}:{probe.getsockname()[1]}"


@contextmanager
def own_server(address: str, environment: Mapping[str, str]) -> Iterator[Callable[[], bool]]:
    """Run a server at this address for the block; yield a function that checks whether it has ended by itself.

    It runs with the given environment and uses the database in its PREFECT_HOME. Raises BusyError if that home already
    has a server of ours, since two would start each other's runs, and ConfigError if the server does not start.
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
            # On disk, so that the slot of a run is not lost forever if the machine loses power.
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        }
    )
    command = [sys.executable, "-m", "prefect", "server", "start", "--log-level", "ERROR"]
    process = subprocess.Popen(  # noqa: S603 (our own words only)
        [*command, "--host", _HOST, "--port", address.rpartition(":")[2]],
        env=of_server,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # Ctrl-C in a terminal reaches all its processes, but the server must end after the runs that report to it.
        start_new_session=True,
    )
    try:
        _wait_until_ready(process, address)
        yield process
    finally:
        _stop(process)


def _place_of_ui(home: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return where the server builds its UI files: next to its code, or in `home` if that is read-only."""
    installed = find_spec("prefect")
    if installed is None or installed.origin is None or "PREFECT_UI_STATIC_DIRECTORY" in environment:
        return {}
    if os.access(Path(installed.origin).parent / "server", os.W_OK):
        return {}
    return {"PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "ui")}


def _wait_until_ready(process: "subprocess.Popen[bytes]", address: str) -> None:
    with requests.Session() as session:
        session.trust_env = False  # ignore proxies and .netrc

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
