"""The Containerfile, parsed as far as tests need it: its stages, and its build done without a container."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import TOP

Instruction = tuple[str, str]


def stages() -> list[list[Instruction]]:
    """Return the instructions of each stage, with names in capitals and continued lines joined."""
    text = (TOP / "Containerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    found: list[list[Instruction]] = []
    for name, rest in lines:
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found


def of(stage: list[Instruction], name: str) -> list[str]:
    """Return the arguments of each instruction with this name."""
    return [rest for each, rest in stage if each == name]


def copied(stage: list[Instruction]) -> list[tuple[list[str], str]]:
    """Return what is copied from the checkout, and where to."""
    words = [rest.split() for rest in of(stage, "COPY") if not rest.startswith("--from")]
    return [(each[:-1], each[-1]) for each in words]


def build(folder: Path) -> tuple[Path, Path]:
    """Do what the first stage does, in a folder, with tracked files only. Return the wheel and the stage's `bin`.

    The stage's Python is a new virtual environment. If a command fails, the test fails with its output.
    """
    (stage, _) = stages()
    places = {"/wheels": str(folder / "wheels"), "/opt/recspend": str(folder / "recspend")}
    work = folder / "build"
    work.mkdir()
    _run([sys.executable, "-m", "venv", str(folder / "python")], folder)
    path = f"{folder / 'python' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    for name, rest in stage:
        if name == "COPY":
            *sources, _ = rest.split()
            for source in sources:
                _copy_tracked(source, work)
        elif name == "RUN":
            for inside, outside in places.items():
                rest = rest.replace(inside, outside)
            _run(["sh", "-c", rest], work, {"PATH": path})
    (wheel,) = (folder / "wheels").glob("recspend-*.whl")
    return wheel, folder / "recspend" / "bin"


def tracked(source: str) -> list[str]:
    """Return the tracked files at a path of the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", source], cwd=TOP, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name and (TOP / name).is_file()]


def _copy_tracked(source: str, work: Path) -> None:
    for name in tracked(source):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(TOP / name, work / name)


def _run(command: list[str], cwd: Path, environment: dict[str, str] | None = None) -> None:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | (environment or {})
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
