"""The wheel works like the checkout; it is built and installed as in the container, away from any checkout."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest

from flows.stores.warehouse.sql_files import read_report_twins
from tests.support.containerfile import build
from tests.support.shadows import OTHERS, OURS, shadow

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
DEMO_FLAGS = (
    "--recordings",
    "6000",
    "--accounts",
    "3",
    "--seed",
    "1",
)  # the arguments that `demo` uses by default
CELL_KEYS = ("account_sid", "source", "channels", "currency")
SPEND = ("daily_spend", "daily_spend_detail", *(f"spend_by_{of}" for of in ("account", "channels", "source")))


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Return what a command prints; if it fails, the test fails with its output."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(command), cwd=cwd, env=env or environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the wheel and the `bin` folder it is installed in, made as in the container."""
    return build(tmp_path_factory.mktemp("container"))


@pytest.fixture(scope="module")
def wheel(built: tuple[Path, Path]) -> Path:
    """Build a wheel from tracked files only, so that it holds nothing generated."""
    return built[0]


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path]) -> Path:
    """Return the `bin` folder of a new virtual environment with the locked dependencies and the wheel."""
    return built[1]


def test_wheel_contains_both_packages_and_their_data_files(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    top_level = {name.partition("/")[0] for name in names}
    dist_info = {name for name in top_level if name.endswith(".dist-info")}
    assert len(dist_info) == 1
    assert top_level - dist_info == {"flows", "transforms", "recspend_installed.py"}
    for folder, tracked in (("sql", ROOT / "sql"), ("reference", ROOT / "data" / "reference")):
        within = f"flows/_shipped/{folder}/"
        shipped = {name.removeprefix(within) for name in names if name.startswith(within)}
        listed = run("git", "ls-files", "-z", str(tracked), cwd=tracked).split("\0")
        assert shipped == {name for name in listed if name and (tracked / name).is_file()}
        assert shipped


def test_wheel_is_typed_and_carries_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as files:
        names = set(files.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        licence = metadata.replace("METADATA", "licenses/LICENSE")
        said = Parser().parsestr(files.read(metadata).decode())
        assert files.read(licence) == (ROOT / "LICENSE").read_bytes()
    assert {"flows/py.typed", "transforms/py.typed"} <= names
    assert (said["Author"], said["License-Expression"]) == ("the recspend authors", "Apache-2.0")
    assert "Typing :: Typed" in said.get_all("Classifier", [])
    assert (said.get_all("Project-URL"), said["Home-page"]) == (None, None)


def test_installed_packages_match_the_lock_without_dev_tools(installed: Path) -> None:
    program = (
        "from importlib.metadata import distributions as d; print(*(f'{i.name}=={i.version}' for i in d()))"
    )
    listed = run(installed / "python", "-c", program, cwd=ROOT).split()
    versions = {re.sub(r"[-_.]+(?=.*==)", "-", each.lower()) for each in listed}
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    locked = set(re.findall(r"^([\w.-]+==[^ \\\n]+)", lock, re.MULTILINE))
    assert [each for each in versions - locked if not each.startswith("recspend==")] == []
    names = {each.partition("==")[0] for each in versions}
    assert names >= {"recspend", "duckdb", "prefect", "pyarrow"}
    assert names.isdisjoint({"pip", "pytest", "mypy", "ruff", "selenium"})


def test_installed_demo_gives_the_totals_of_the_emulator(installed: Path, tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "empty"
    home.mkdir()
    folder.mkdir()
    clean = {"HOME": str(home), "PATH": f"{installed}{os.pathsep}{os.defpath}"}

    package = run(installed / "python", "-c", "import flows; print(flows.__file__)", cwd=folder, env=clean)
    summary = json.loads(run(installed / "recspend", "demo", "--json", cwd=folder, env=clean))
    totals = json.loads(run(installed / "recspend", "emulator", "totals", *DEMO_FLAGS, cwd=folder, env=clean))

    assert installed.parent in Path(package.strip()).parents
    assert [path.name for path in folder.iterdir()] == ["data"]
    cells = totals["cells"]
    assert sum(cell["recordings"] for cell in cells) == summary["new"] == 6000
    costs = {currency: Decimal(cost) for currency, cost in summary["cost"].items()}
    assert costs == {
        currency: cost for (currency,), (_, _, _, cost) in added_up(cells, ["currency"]).items() if cost
    }
    reports = folder / "data" / "demo" / "reports"
    twins = read_report_twins(ROOT / "sql")
    models = {path.stem for folder in ("marts", "reports") for path in (ROOT / "sql" / folder).rglob("*.sql")}
    assert {path.stem for path in reports.glob("*.csv")} == {name for name in models if twins[name].is_report}
    for name in SPEND:
        with (reports / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        keys = [key for key in CELL_KEYS if key in rows[0]]
        assert added_up(rows, keys) == added_up(cells, keys), name


@pytest.mark.parametrize("tool", ["pip", "pipx", "uv"])
def test_demo_runs_from_any_folder_however_it_was_installed(
    tool: str, wheel: Path, installed: Path, tmp_path: Path
) -> None:
    command = installed / "recspend" if tool == "pip" else installed_by(tool, wheel, tmp_path / "home")
    hostile = shadow(tmp_path / "hostile", *OURS["packages"], *OTHERS)
    shadow(tmp_path / "ours", *OURS["modules"])
    (plain := tmp_path / "plain").mkdir()

    environment = {"HOME": str(tmp_path), "PATH": os.defpath}
    demo: list[str | Path] = [command, "demo", "--recordings", "400", "--json"]
    found = [json.loads(run(*demo, cwd=folder, env=environment)) for folder in (plain, hostile)]
    found += [json.loads(run(*demo, cwd=plain, env=environment | {"PYTHONPATH": str(tmp_path / "ours")}))]
    assert [each["new"] for each in found] == [400] * 3


def installed_by(tool: str, wheel: Path, home: Path) -> Path:
    """Return the command installed by pipx or uv from the locked wheels; skip if the tool is missing."""
    if not (program := shutil.which(tool)):
        pytest.skip(f"{tool} is not installed here")
    locked = ["--no-index", "--find-links", str(wheel.parent)]
    commands = {
        "pipx": [
            program,
            "install",
            "--python",
            sys.executable,
            f"--pip-args={' '.join(locked)}",
            str(wheel),
        ],
        "uv": [program, "tool", "install", "--python", sys.executable, *locked, str(wheel)],
    }
    places = {
        **{"HOME": str(home), "PIPX_HOME": str(home / "pipx"), "PIPX_BIN_DIR": str(home / "bin")},
        **{"UV_TOOL_DIR": str(home / "uv"), "UV_TOOL_BIN_DIR": str(home / "bin")},
    }
    run(*commands[tool], cwd=wheel.parent, env=os.environ | places)
    return home / "bin" / "recspend"


def added_up(
    rows: Iterable[Mapping[str, Any]], keys: Sequence[str]
) -> dict[tuple[str, ...], tuple[int, int, int, Decimal]]:
    """Return recordings, unpriced ones, seconds and cost by key; unknown costs and durations add nothing."""
    sums: defaultdict[tuple[str, ...], tuple[int, int, int, Decimal]] = defaultdict(
        lambda: (0, 0, 0, Decimal(0))
    )
    for row in rows:
        key = tuple(str(row[name]) for name in keys)
        recordings, unpriced, seconds, cost = sums[key]
        sums[key] = (
            recordings + int(row["recordings"]),
            unpriced + int(row["unpriced_recordings"]),
            seconds + int(row["duration_seconds"] or 0),
            cost + Decimal(row["cost"] or 0),
        )
    return dict(sums)
