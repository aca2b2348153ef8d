"""The virtual environment of dlt, created below `build` when first needed. This project does not depend on dlt."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from tests.benchmarks.measure.progress import Say

_REQUIREMENTS = Path(__file__).with_name("dlt.txt")
_TIMEOUT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class DltEnvironment:
    """The Python that has dlt, the version of dlt, and a folder for dlt's own files."""

    python: Path
    version: str
    folder: Path


def installed(build: Path) -> DltEnvironment | None:
    """Return the environment, None if there is none with the current requirements."""
    folder = build / "dlt"
    stamp = folder / ".installed"
    if not stamp.is_file() or stamp.read_text() != _digest():
        return None
    python = folder / ".venv" / "bin" / "python"
    (version,) = (
        line.split()[0].partition("==")[2]
        for line in _REQUIREMENTS.read_text().splitlines()
        if line.startswith("dlt==")
    )
    return DltEnvironment(python, version, folder)


def install(build: Path, say: Say) -> DltEnvironment | str:
    """Return the environment, and install it if needed. Returns the reason if that fails (no network)."""
    found = installed(build)
    if found is not None:
        return found
    folder = build / "dlt"
    shutil.rmtree(folder, ignore_errors=True)
    say(f"installing dlt into {folder}")
    python = str(folder / ".venv" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"]
    commands = (
        [sys.executable, "-m", "venv", str(folder / ".venv")],
        [*pip, "--require-hashes", "-r", str(_REQUIREMENTS)],
    )
    try:
        for command in commands:
            subprocess.run(command, check=True, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.CalledProcessError as error:
        return _reason(str(error.stderr))
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"it could not be installed ({type(error).__name__})"
    (folder / ".installed").write_text(_digest())
    found = installed(build)
    assert found is not None
    return found


def _reason(errors: str) -> str:
    lines = errors.strip().splitlines()
    return f"it could not be installed ({lines[-1].rstrip('.') if lines else 'pip failed'})"


def _digest() -> str:
    return blake2b(_REQUIREMENTS.read_bytes(), digest_size=16).hexdigest()
