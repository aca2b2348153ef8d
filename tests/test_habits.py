"""What surrounds the code: licence, metadata, CI, hooks and dependency updates."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import TOP

PROJECT: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
TOOLS: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["tool"]
WORKFLOW = (TOP / ".github" / "workflows" / "checks.yml").read_text("utf-8")
TEMPLATES = sorted((TOP / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def of_yaml(path: str) -> Any:
    """Read a YAML file of the checkout."""
    return yaml.safe_load((TOP / path).read_text("utf-8"))


def make_targets(commands: str) -> set[str]:
    """Return the `make` targets, without the set-up."""
    called = re.findall(r"\bmake ([a-z][a-z -]*)$", commands, re.MULTILINE)
    return {target for targets in called for target in targets.split()} - {"install"}


def test_licence_is_apache_2_and_names_the_authors() -> None:
    licence = (TOP / "LICENSE").read_text("utf-8")
    assert "Apache License\n" in licence
    assert "Version 2.0, January 2004" in licence
    assert "\n   Copyright 2026 the recspend authors\n" in licence
    assert "[yyyy]" not in licence
    assert PROJECT["license"] == "Apache-2.0"
    assert not [each for each in PROJECT["classifiers"] if each.startswith("License ::")]


def test_ci_and_workflow_run_the_same_make_targets() -> None:
    targets = make_targets((TOP / ".ci" / "run").read_text("utf-8"))
    assert make_targets(WORKFLOW) == targets
    assert targets == {"lint", "audit", "test", "coverage", "test-slow"}
    makefile = (TOP / "Makefile").read_text("utf-8")
    assert targets <= set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def test_workflow_tests_every_python_of_the_classifiers() -> None:
    tested = of_yaml(".github/workflows/checks.yml")["jobs"]["checks"]["strategy"]["matrix"]["python"]
    said = re.findall(r"Programming Language :: Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert tested == said
    assert PROJECT["requires-python"] == f">={said[0]}"


def test_workflow_reads_only_and_pins_its_actions() -> None:
    assert of_yaml(".github/workflows/checks.yml")["permissions"] == {"contents": "read"}
    used = re.findall(r"uses: (\S+)", WORKFLOW)
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action)] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_issue_form_asks_questions_with_unique_ids(template: Path) -> None:
    form = yaml.safe_load(template.read_text("utf-8"))
    if template.stem == "config":
        assert form == {"blank_issues_enabled": False}
        return
    assert {"name", "description", "body"} <= set(form)
    questions = [each for each in form["body"] if each["type"] != "markdown"]
    ids = [each["id"] for each in questions]
    assert len(set(ids)) == len(ids) > 0
    assert all(each["attributes"]["label"] for each in questions)


def test_dependabot_never_proposes_what_pyproject_excludes() -> None:
    pip, actions = of_yaml(".github/dependabot.yml")["updates"]
    assert (pip["package-ecosystem"], actions["package-ecosystem"]) == ("pip", "github-actions")
    ignored = {each["dependency-name"]: each["versions"] for each in pip["ignore"]}
    bounds = [re.fullmatch(r"(\w+)<([\d.]+)", each) for each in PROJECT["dependencies"]]
    assert ignored == {found[1]: [f">={found[2]}"] for found in bounds if found}


def test_hooks_run_the_tools_of_the_environment() -> None:
    (repo,) = of_yaml(".pre-commit-config.yaml")["repos"]
    assert repo["repo"] == "local"
    assert {hook["language"] for hook in repo["hooks"]} == {"system"}
    assert [hook["entry"] for hook in repo["hooks"] if not hook["entry"].startswith(".venv/bin/")] == []
    checker = Path(sys.executable).with_name("pre-commit")
    done = subprocess.run(
        [checker, "validate-config", TOP / ".pre-commit-config.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_every_tool_of_the_hooks_is_locked() -> None:
    (repo,) = of_yaml(".pre-commit-config.yaml")["repos"]
    tools = {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in repo["hooks"]} - {"python"}
    locked = re.findall(r"^([\w.-]+)==", (TOP / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    assert tools - set(locked) == set()


def test_both_packages_are_typed() -> None:
    shipped = TOOLS["hatch"]["build"]["targets"]["wheel"]["only-include"]
    packages = [name for name in shipped if (TOP / name).is_dir()]
    assert [name for name in packages if not (TOP / name / "py.typed").is_file()] == []


def test_coverage_of_transforms_has_a_floor() -> None:
    assert TOOLS["coverage"]["run"]["source"] == ["transforms"]
    assert TOOLS["coverage"]["report"]["fail_under"] >= 90
