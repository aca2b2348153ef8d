"""Run a command to its end and measure the whole process, from its start to its exit."""

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
    """Wall seconds of a command; CPU seconds and peak memory as the system counted them; what it printed."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    printed: str


def run(command: Sequence[str], settings: Mapping[str, str] | None = None, cwd: Path = ROOT) -> Finished:
    """Run a command with these settings in its environment. Raises RuntimeError when it fails."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        os.sync()  # what earlier commands wrote is not to be written now
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
    """The least that the command can be asked, and how long that takes."""
    try:
        return "recspend --version", run([RECSPEND, "--version"])
    except RuntimeError:
        return "recspend --help", run([RECSPEND, "--help"])


def nothing_to_do(folder: Path) -> Finished:
    """A command that loads all it needs and finds nothing to do: `recspend normalize` without any page."""
    return run([RECSPEND, "normalize"], {"RECSPEND_DATA_DIR": str(folder / "nothing")}, folder)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings of the one who measures, without proxies, and without phoning home."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("RECSPEND_", "PREFECT_"))
    }
    return kept | {"DO_NOT_TRACK": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"} | dict(settings)
