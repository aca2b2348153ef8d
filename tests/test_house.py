"""The layout agrees with CONTRIBUTING; test_docs.py compares the rooms with their pages."""

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parent.parent


def test_imports_flow_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=TOP, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_modules_and_models_stay_small() -> None:
    modules = [*(TOP / "flows").rglob("*.py"), *(TOP / "transforms").rglob("*.py")]
    long_modules = [path.name for path in modules if len(path.read_text().splitlines()) > 250]
    long_models = [
        path.name for path in (TOP / "sql").rglob("*.sql") if len(path.read_text().splitlines()) > 120
    ]
    assert modules
    assert (long_modules, long_models) == ([], [])


def test_no_level_has_more_than_fifteen_entries() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=TOP, capture_output=True, text=True, check=True)
    levels: dict[Path, set[str]] = {}
    for name in tracked.stdout.splitlines():
        path = Path(name)
        if path.parts[:2] != ("tests", "golden"):
            for parent in [*path.parents][:-1]:
                levels.setdefault(parent, set()).add(path.parts[len(parent.parts)])
    assert Path("flows/stores") in levels
    assert {str(level): len(names) for level, names in levels.items() if len(names) > 15} == {}
