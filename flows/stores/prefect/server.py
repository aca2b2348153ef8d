"""Run our own Prefect server with its UI: a separate process, reachable from this machine only."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import requests

from flows.stores.folder.lock import one_process
from flows.stores.prefect.login import LOCK, announced, home_of
from flows.stores.prefect.server_environment import server_environment
from flows.stores.waiting import retried
from transforms.errors import ConfigError

_HOST = "127.0.0.1"
_PROCESS = Path(__file__).with_name("server_process.py")
_START_SECONDS = 120
_STOP_SECONDS = 20
_SECONDS_BETWEEN_TRIES = 0.2
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
            raise _in_use(port) from None
        return f"http://{_HOST}:{probe.getsockname()[1]}"


def _in_use(port: int) -> ConfigError:
    return ConfigError(
        f"Port {port} is in use. If a Prefect server listens there, use it: "
        f"PREFECT_API_URL=http://{_HOST}:{port}/api, and --name if it serves another data folder. Otherwise "
        "choose another --port."
    )


@contextmanager
def own_server(
    address: str, login: str, environment: Mapping[str, str], secrets: frozenset[str] = frozenset()
) -> Iterator[Callable[[], bool]]:
    """Run a server at this address for the block; yield a function that checks whether it has ended by itself.

    It asks for the login, uses the database in the PREFECT_HOME of the given environment, and gets only those of its
    variables that a server needs. secrets: variables that it never gets. Raises BusyError if that home already has a
    server of ours, since two would start each other's runs, and ConfigError if the server does not start.
    """
    home = home_of(environment)
    of_server = (
        _place_of_ui(home, environment)
        | server_environment(environment, address, login, secrets)
        | {
            "PREFECT_SERVER_UI_API_URL": f"{address}/api",
            # On disk, so that the slot of a run is not lost forever if the machine loses power.
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        }
    )
    busy = f"Another `recspend serve` has its Prefect server in {home}"
    with one_process(home / LOCK, busy, _CURE), announced(home, address, login), taken(address) as port:
        # Ctrl-C in a terminal reaches all its processes, but the server must end after the runs that report to it.
        process = started(port, of_server, start_new_session=True)
        try:
            _wait_until_ready(process, address)
            yield lambda: process.poll() is not None
        finally:
            _stop(process)


def taken(address: str) -> socket.socket:
    """Take the port of an address without listening on it. Raises ConfigError if it is in use.

    Keep the socket open as long as clients may send the login there: until it is closed, no program of another user can
    listen on this port, whether the server has not started yet or has ended.
    """
    port = int(address.rpartition(":")[2])
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((_HOST, port))
    except OSError:
        bound.close()
        raise _in_use(port) from None
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # or others could take it as well
    return bound


def started(
    port: socket.socket, environment: Mapping[str, str], *, start_new_session: bool
) -> "subprocess.Popen[bytes]":
    """Start the process of a server on this port, with exactly this environment. Its files are for its owner only."""
    # Its folder is not on Python's path (-P), nor is the working folder.
    command = [sys.executable, "-P", str(_PROCESS), str(port.fileno())]
    process = subprocess.Popen(  # noqa: S603 (our own words only)
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[port.fileno()],
        umask=0o077,
        start_new_session=start_new_session,
    )
    Thread(target=_refuse_after, args=(process, port), daemon=True).start()
    return process


def _refuse_after(process: "subprocess.Popen[bytes]", port: socket.socket) -> None:
    """Refuse connections as soon as the server has ended, instead of letting them wait. The port stays taken."""
    process.wait()
    with suppress(OSError):
        port.shutdown(socket.SHUT_RDWR)


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
