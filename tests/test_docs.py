"""The documentation is what the code does."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from typer.main import get_command

from flows.command.main import app
from flows.model import data_map
from flows.settings.channel_settings import CommandSettings, EmailSettings, WebhookSettings
from flows.settings.settings import Settings, load
from transforms.model.models import read_twin
from transforms.monitor.findings import KINDS

TOP = Path(__file__).parent.parent
README = (TOP / "README.md").read_text(encoding="utf-8")
RECSPEND = [sys.executable, "-c", "from flows.command.main import main; main()"]


def test_the_map_of_the_data_folder_is_what_the_twins_say() -> None:
    assert (TOP / "data" / "README.md").read_text(encoding="utf-8") == data_map.render(), "run `make docs`"


def test_the_readme_shows_what_the_demo_prints_and_its_commands_work(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "80"}

    def recspend(*arguments: str) -> str:
        done = subprocess.run(
            [*RECSPEND, *arguments],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        noise = [
            line
            for line in done.stderr.splitlines()
            if not re.match(r"\d{4}-\d\d-\d\d .* INFO|Emulator of", line)
        ]
        assert noise == []
        return done.stdout

    shown = re.findall(r"```text\n(.*?)```", README, re.DOTALL)[0].splitlines()
    printed = recspend("demo").splitlines()
    assert [line for line in shown if line not in printed] == []
    assert len(shown) > 15

    environment["RECSPEND_DATA_DIR"] = "data/demo"
    commands = re.findall(r"^\$ \.venv/bin/recspend (query .*|check)$", README, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        quoted = re.findall(r'"[^"]*"|\S+', command)
        assert recspend(*(word.strip('"') for word in quoted))

    right = json.loads(recspend("emulator", "totals", "--recordings", "6000"))
    names = {account["account_sid"]: account["name"] for account in right["accounts"]}
    costs: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for cell in right["cells"]:
        if cell["cost"] is not None:
            costs[names[cell["account_sid"]], cell["currency"]] += Decimal(cell["cost"])
    assert spend_as_an_analyst_finds_it(tmp_path / "data" / "demo") == costs


def spend_as_an_analyst_finds_it(data_dir: Path) -> dict[tuple[str, str], Decimal]:
    """Cost by account and currency, by the README's example for pandas."""
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert 'connect("data/warehouse.duckdb"' in example
    (data_dir.parent / "warehouse.duckdb").symlink_to(data_dir / "warehouse.duckdb")
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=data_dir.parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    account, found = "", {}
    for line in done.stdout.splitlines():
        if cells := re.fullmatch(r"(\w*) +([A-Z]{3}) +([\d.]+)", line):
            account = cells[1] or account
            found[account, cells[2]] = Decimal(cells[3])
    return found


@pytest.mark.parametrize("command", sorted(get_command(app).commands))  # type: ignore[attr-defined]
def test_every_command_is_in_the_readme(command: str) -> None:
    assert re.search(rf"`(recspend )?{command}\b", README)


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `RECSPEND_(\w+)` \| .*? \| (.*?) \|", README, re.MULTILINE))
    fields = {
        name.upper(): field
        for name, field in Settings.model_fields.items()
        if name not in ("accounts", "notify")
    }
    assert rows.keys() - {"CONFIG"} == fields.keys()
    for name, field in fields.items():
        if field.default is not None and name != "ACCOUNT_NAME":
            assert rows[name].strip("`") == str(field.default).lower().replace("utc", "UTC"), name


def test_the_readme_has_every_key_of_a_channel_and_every_finding_and_its_example_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    section = README.split("## Who is told\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    kinds = (WebhookSettings, EmailSettings, CommandSettings)
    keys = {field.alias or name for kind in kinds for name, field in kind.model_fields.items()}
    assert named == keys | set(KINDS)
    (example,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    (tmp_path / "recspend.toml").write_text(example)
    monkeypatch.setenv("RECSPEND_CONFIG", str(tmp_path / "recspend.toml"))
    assert [channel.kind for channel in load().notify] == ["webhook", "email", "command"]


def test_the_readme_names_only_tables_that_exist() -> None:
    described = data_map.render()
    for table in re.findall(r"`((?:marts|ops)\.\w+)`", README):
        assert f"## {table}\n" in described


def test_nothing_in_the_repo_points_outside_it() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=TOP, capture_output=True, text=True, check=False
    ).stdout.split()
    for name in tracked:
        text = (TOP / name).read_text(encoding="utf-8", errors="replace") if (TOP / name).is_file() else ""
        assert str(TOP) + "/" not in text, name


@pytest.mark.parametrize("path", sorted((TOP / "sql" / "marts").rglob("*.yml")), ids=lambda path: path.stem)
def test_every_mart_says_which_question_it_answers(path: Path) -> None:
    twin = read_twin(path.read_text("utf-8"), path.stem)
    assert twin.question.endswith("?")
    assert twin.question in (TOP / "data" / "README.md").read_text("utf-8")
