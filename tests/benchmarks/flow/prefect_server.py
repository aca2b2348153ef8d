"""Run a Prefect server in its own process, as an operator would: on a free port, with its database in a folder."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.benchmarks.measure.command import PREFECT, environment

_TIMEOUT_SECONDS = 180


@contextmanager
def prefect_server(home: Path) -> Iterator[str]:
    """Run a server for the block. Yields the URL of its API. Raises RuntimeError if it does not start."""
    home.mkdir()
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    settings = {"PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    command = [PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=environment(settings), stdout=log, stderr=log)
        try:
            _wait(server, api)
            yield api
        finally:
            server.terminate()
            server.wait()


def _wait(server: "subprocess.Popen[bytes]", api: str) -> None:
    until = time.monotonic() + _TIMEOUT_SECONDS
    with requests.Session() as session:
        session.trust_env = False  # never use a proxy for this machine
        while server.poll() is None and time.monotonic() < until:
            try:
                if session.get(f"{api}/health", timeout=5).ok:
                    return
            except requests.RequestException:
                time.sleep(0.2)
    raise RuntimeError("The Prefect server did not start.")
