"""A Prefect server of our own: a process beside ours, on this machine only, with its UI."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from transforms.errors import ConfigError

_HOST = "127.0.0.1"
_START_SECONDS = 120
_STOP_SECONDS = 20


@contextmanager
def own_server(port: int) -> Iterator[str]:
    """Run a server for the block; gives its address. Its database is the one of PREFECT_HOME.

    Raises ConfigError when the port is taken or the server does not start.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            raise ConfigError(
                f"Port {port} is taken. If a Prefect server listens there, use it: "
                f"PREFECT_API_URL=http://{_HOST}:{port}/api. Else give another --port."
            ) from None
        port = probe.getsockname()[1]
    address = f"http://{_HOST}:{port}"
    environment = os.environ | {
        "PREFECT_SERVER_UI_API_URL": f"{address}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # On disk, so that the slot of a run is not lost for ever when the machine loses power.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", _HOST, "--port", str(port)]
    process = subprocess.Popen(  # noqa: S603 (our own words only)
        [*command, "--log-level", "ERROR"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # Ctrl-C at a terminal reaches all processes there; the server ends after the runs that report to it.
        start_new_session=True,
    )
    try:
        _wait_until_it_answers(process, address)
        yield address
    finally:
        _stop(process)


def _wait_until_it_answers(process: "subprocess.Popen[bytes]", address: str) -> None:
    latest = time.monotonic() + _START_SECONDS
    while time.monotonic() < latest and process.poll() is None:
        try:
            if requests.get(f"{address}/api/health", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise ConfigError(
        "The Prefect server did not start. Try `prefect server start`, which says why, and set PREFECT_API_URL."
    )


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
