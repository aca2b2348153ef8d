"""Checks of the container without building it; tests/test_wheel.py does what its first stage does."""

import json
import re
import subprocess
import tomllib

import pytest
from typer.main import get_command

from flows.command.main import app
from tests.support import TOP
from tests.support.containerfile import copied, of, stages, tracked

BUILD, IMAGE = stages()
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))
ENVIRONMENT = dict(word.split("=", 1) for rest in of(IMAGE, "ENV") for word in rest.split())


def test_both_stages_use_the_same_slim_python() -> None:
    (build,), (image,) = of(BUILD, "FROM"), of(IMAGE, "FROM")
    assert build.removesuffix(" AS build") == image == "docker.io/library/python:3.11-slim"


@pytest.mark.parametrize("command", [*of(BUILD, "RUN"), *of(IMAGE, "RUN")])
def test_shell_accepts_each_command(command: str) -> None:
    done = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_copied_files_are_tracked_and_all_the_wheel_needs() -> None:
    sources = [source for names, _ in copied(BUILD) for source in names]
    assert all(tracked(source) for source in sources)
    for names, target in copied(BUILD):
        assert target == "./" or target.removeprefix("./") == names[0]
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    project = PROJECT["project"]
    texts = {project["readme"], *project["license-files"]}
    needed = {*texts, "pyproject.toml", *wheel["only-include"], *wheel["force-include"]}
    assert set(sources) == needed | {"requirements.lock"}
    assert copied(IMAGE) == []


def test_build_context_holds_only_what_is_copied() -> None:
    lines = (TOP / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {line.removeprefix("!") for line in rules if line.startswith("!")}
    assert let_in == {source for names, _ in copied(BUILD) for source in names}


def test_everything_is_installed_from_hash_checked_files() -> None:
    fetching, *others = [command for command in of(BUILD, "RUN") if " pip " in command]
    assert "--require-hashes --requirement requirements.lock" in fetching
    assert others
    assert all("--no-index --find-links /wheels" in command for command in others)


def test_image_runs_the_command_as_an_unprivileged_user() -> None:
    (user,) = of(IMAGE, "USER")
    made = re.search(r"useradd --uid (\d+) --create-home (\w+)", " ".join(of(IMAGE, "RUN")))
    assert made is not None
    assert user == made[1] != "0"
    names = [name for name, _ in IMAGE]
    assert names.index("RUN") < names.index("USER") < names.index("ENTRYPOINT")
    (entry,), (command,) = of(IMAGE, "ENTRYPOINT"), of(IMAGE, "CMD")
    assert json.loads(entry) == [*PROJECT["project"]["scripts"]]
    assert json.loads(command)[0] in get_command(app).commands  # type: ignore[attr-defined]


def test_data_is_kept_in_a_volume_the_user_may_write_to() -> None:
    (volume,) = of(IMAGE, "VOLUME")
    assert ENVIRONMENT["RECSPEND_DATA_DIR"] == volume
    assert ENVIRONMENT["PREFECT_HOME"].startswith(f"{volume}/")
    (command,) = of(IMAGE, "RUN")
    owned = command.partition("install --directory --owner=recspend --group=recspend ")[2].split()
    assert {volume, *of(IMAGE, "WORKDIR")} == set(owned)


def test_image_disables_telemetry_of_libraries() -> None:
    makefile = (TOP / "Makefile").read_text("utf-8")
    quiet = dict(re.findall(r"^export (\w+) = (\S+)$", makefile, re.MULTILINE))
    quiet.pop("PIP_DISABLE_PIP_VERSION_CHECK")
    assert quiet
    assert quiet.items() <= ENVIRONMENT.items()


def test_command_is_found_where_the_first_stage_installs_it() -> None:
    (taken,) = of(IMAGE, "COPY")
    _, source, target = taken.split()
    assert source == target
    assert any(f"venv --without-pip {source}" in command for command in of(BUILD, "RUN"))
    assert ENVIRONMENT["PATH"].split(":")[0] == f"{target}/bin"
