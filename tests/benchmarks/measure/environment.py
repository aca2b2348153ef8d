"""A virtual environment for a program that is compared with ours, created below `build` when first needed.

This project does not depend on such programs; their requirements are locked in a file next to the benchmark.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from tests.benchmarks.measure.progress import Say

_TIMEOUT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Environment:
    """The Python that has the program, the program's version, and a folder for its own files."""

    python: Path
    version: str
    folder: Path


def installed(name: str, requirements: Path, build: Path) -> Environment | None:
    """Return the environment of the program `name`, None if there is none with these requirements."""
    folder = build / name
    stamp = folder / ".installed"
    if not stamp.is_file() or stamp.read_text() != _digest(requirements):
        return None
    python = folder / ".venv" / "bin" / "python"
    (version,) = (
        line.split()[0].partition("==")[2]
        for line in requirements.read_text().splitlines()
        if line.startswith(f"{name}==")
    )
    return Environment(python, version, folder)


def install(name: str, requirements: Path, build: Path, say: Say) -> Environment | str:
    """Return the environment, and install it if needed. Returns the reason if that fails (no network)."""
    found = installed(name, requirements, build)
    if found is not None:
        return found
    folder = build / name
    shutil.rmtree(folder, ignore_errors=True)
    say(f"installing {name} into {folder}")
    python = str(folder / ".venv" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"]
    commands = (
        [sys.executable, "-m", "venv", str(folder / ".venv")],
        [*pip, "--require-hashes", "-r", str(requirements)],
    )
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.CalledProcessError as error:
        return _reason(str(error.stderr))
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it could not be installed ({type(error).__name__})"
    (folder / ".installed").write_text(_digest(requirements))
    found = installed(name, requirements, build)
    assert found is not None
    return found


def _reason(errors: str) -> str:
    lines = errors.strip().splitlines()
    return f"it could not be installed ({lines[-1].rstrip('.') if lines else 'pip failed'})"


def _digest(requirements: Path) -> str:
    return blake2b(requirements.read_bytes(), digest_size=16).hexdigest()
