"""Run a command and measure the whole process, from start to exit."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure.child import ROOT

RECSPEND = str(Path(sys.executable).with_name("recspend"))
PREFECT = str(Path(sys.executable).with_name("prefect"))


@dataclass(frozen=True, slots=True)
class Finished:
    """Wall seconds of a command, CPU seconds and peak memory as counted by the system, and what it printed."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    printed: str


def run(command: Sequence[str], settings: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Finished:
    """Run a command with these settings in its environment. Raises RuntimeError if it fails."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        os.sync()  # so that writes of earlier commands don't slow down this one
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env=environment(settings or {}), stdout=out, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}:\n{errors.read()}")
        unit = 1 if sys.platform == "darwin" else 1024
        return Finished(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, out.read())


def bare_start() -> tuple[str, Finished]:
    """Run the cheapest possible command. Returns the command and how long it took."""
    try:
        return "recspend --version", run([RECSPEND, "--version"])
    except RuntimeError:
        return "recspend --help", run([RECSPEND, "--help"])


def nothing_to_do(folder: Path) -> Finished:
    """Run a command that imports everything and has nothing to do: `recspend normalize` without pages."""
    return run([RECSPEND, "normalize"], {"RECSPEND_DATA_DIR": str(folder / "nothing")}, folder)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with these settings, without the caller's own settings, proxies and telemetry."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("RECSPEND_", "PREFECT_"))
    }
    return kept | {"DO_NOT_TRACK": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"} | dict(settings)
