"""Files in the working folder never replace installed modules."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import TOP
from tests.support.shadows import BIN, OTHERS, OURS, bare_environment, shadow

(DEPLOYED,) = yaml.safe_load((TOP / "prefect.yaml").read_text("utf-8"))["deployments"]
LOAD = """
import json, sys
from prefect.flows import load_flow_from_entrypoint
flow = load_flow_from_entrypoint(sys.argv[1], use_placeholder_flow=False)
import pandas, xlsxwriter  # what a run loads later
print(json.dumps([flow.name, flow.fn.__module__, sys.modules["transforms"].__file__]))
"""


def said(folder: Path, *command: str | Path, **variables: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env=bare_environment(**variables), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("ours", OURS)
def test_command_starts_whatever_the_folder_holds(ours: str, tmp_path: Path) -> None:
    shadow(tmp_path, *OURS[ours], *OTHERS)
    assert said(tmp_path, BIN / "recspend", "--version").startswith("recspend ")


@pytest.mark.parametrize("ours", OURS)
@pytest.mark.parametrize("path", [".", "{folder}"])
def test_command_starts_with_the_folder_on_pythonpath(ours: str, path: str, tmp_path: Path) -> None:
    shadow(tmp_path, *OURS[ours])
    given = path.format(folder=tmp_path)
    assert said(tmp_path, BIN / "recspend", "--version", PYTHONPATH=given).startswith("recspend ")


@pytest.mark.slow
@pytest.mark.parametrize("ours", OURS)
def test_flow_loads_as_a_served_run_loads_it(ours: str, tmp_path: Path) -> None:
    shadow(tmp_path, *OURS[ours], *OTHERS)
    assert str(TOP) in said(
        tmp_path, sys.executable, "-c", LOAD, DEPLOYED["entrypoint"], PYTHONSAFEPATH="recspend"
    )


def test_flow_loads_when_a_worker_runs_in_the_checkout() -> None:
    """Python leaves a folder that is on PYTHONPATH out of the path of an editable install."""
    assert str(TOP) in said(TOP, sys.executable, "-c", LOAD, DEPLOYED["entrypoint"], PYTHONPATH=str(TOP))


@pytest.mark.slow
def test_flow_loads_as_a_worker_loads_it(tmp_path: Path) -> None:
    """A worker puts the working folder first on the path of a run."""
    shadow(tmp_path, *OURS["packages"])
    assert str(TOP) in said(
        tmp_path, sys.executable, "-c", LOAD, DEPLOYED["entrypoint"], PYTHONPATH=str(tmp_path)
    )
