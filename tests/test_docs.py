"""The documentation agrees with the code."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from flows.command.main import app
from flows.emulator import DIALECTS, FAULTS
from flows.emulator.descriptions import DIALECT_DESCRIPTIONS, FAULT_DESCRIPTIONS
from flows.model import data_map
from flows.pipeline import states
from flows.report.presets import PRESETS
from flows.settings.channel_settings import AppriseSettings, CommandSettings, EmailSettings, WebhookSettings
from flows.settings.loading import load
from flows.settings.settings import Settings
from tests.support import TOP, docs, examples, page, section
from transforms.model.models import read_twin
from transforms.monitor.findings import KINDS

RECSPEND = [sys.executable, "-c", "from flows.command.main import main; main()"]
COMMANDS = dict(docs.commands(app))


def tracked(pattern: str) -> list[str]:
    """Return the files of the checkout that match, as paths from the top."""
    listed = subprocess.run(
        ["git", "ls-files", "--", pattern], cwd=TOP, capture_output=True, text=True, check=False
    )
    return [name for name in listed.stdout.splitlines() if (TOP / name).is_file()]


PAGES = [name for name in tracked("*.md") if not name.startswith((".github/", "tests/golden/"))]
ROOMS = [
    "flows",
    "transforms",
    "tests",
    *(f"flows/{path.name}" for path in sorted((TOP / "flows").iterdir()) if (path / "__init__.py").exists()),
]


def prose(name: str) -> str:
    """Return a page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", (TOP / name).read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(name: str) -> set[str]:
    """Return the anchors that repository hosts give to the headings of a page."""
    found = set[str]()
    for heading in re.findall(r"^#+ (.*)$", prose(name), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = sum(each == slug or each.startswith(f"{slug}-") for each in found)
        found.add(f"{slug}-{number}" if slug in found else slug)
    return found


def rows_of(text: str, head: str) -> list[list[str]]:
    """Return the cells of the table below a header line of a page."""
    body = text.split(f"{head}\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in body]


@pytest.mark.parametrize("room", docs.PARTS)
def test_generated_parts_are_what_the_code_says(room: str) -> None:
    text = page(room)
    assert {name for name in docs.PARTS[room] if f"<!-- generated: {name} -->" in text} == set(
        docs.PARTS[room]
    )
    assert text == docs.with_parts(text, docs.PARTS[room]), "run `make docs`"


def test_generated_parts_replace_what_is_between_markers() -> None:
    given = "a\n<!-- generated: x -->\nold\n<!-- end -->\nb\n"
    assert docs.with_parts(given, {"x": lambda: "new"}) == given.replace("old", "new")
    assert docs.with_parts(given.replace("old\n", ""), {"x": lambda: "old"}) == given


@pytest.mark.parametrize("name", PAGES)
def test_links_and_anchors_resolve(name: str) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(name)):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (TOP / name).parent / path if path else TOP / name
        if target.is_dir() and not anchor:
            continue
        if not target.is_file() or (
            anchor and anchor not in anchors(target.resolve().relative_to(TOP).as_posix())
        ):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", PAGES)
def test_files_that_pages_name_exist(name: str) -> None:
    folder = (TOP / name).parent
    named = re.findall(r"`([\w.][\w./-]*/[\w.-]+\.(?:py|sql|yml|md|toml|js))`", prose(name))
    assert [each for each in named if not (folder / each).exists() and not (TOP / each).exists()] == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_page_that_names_its_modules(room: str) -> None:
    text = page(room)
    assert text.startswith("# ")
    modules = {
        path.relative_to(TOP / room).as_posix()
        for path in (TOP / room).rglob("*.py")
        if path.name != "__init__.py" and room not in ("flows", "transforms", "tests", "flows/emulator")
    }
    folders = set(re.findall(r"`(\w+)/`", text))
    assert {
        each for each in modules if f"`{each}`" not in text and each.split("/")[0] not in folders
    } == set()


@pytest.mark.parametrize("parent", ["flows", "transforms"])
def test_map_names_every_room(parent: str) -> None:
    text = page(parent)
    rooms = [path.name for path in (TOP / parent).iterdir() if (path / "__init__.py").exists()]
    assert [room for room in rooms if f"({room}/README.md)" not in text and f"`{room}/`" not in text] == []


def commands_shown() -> Iterator[tuple[str, str]]:
    for name in PAGES:
        for block in examples((TOP / name).read_text("utf-8"), "(?:console|ini|text)"):
            for command in re.findall(
                r"(?:\.venv/bin/|run --rm.* )recspend (.*?)(?: >>.*)?$", block, re.MULTILINE
            ):
                yield name, command


@pytest.mark.parametrize(("name", "command"), list(commands_shown()))
def test_commands_in_pages_exist_with_their_options(name: str, command: str) -> None:
    words = shlex.split(command)
    found = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    options = {flag for option in COMMANDS[found].params for flag in option.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_readme_is_short() -> None:
    assert len(page().splitlines()) <= 150


def test_screenshot_is_small() -> None:
    assert (TOP / "flows" / "report" / "page" / "report.png").stat().st_size < 300_000


def test_make_targets_of_contributing_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text("utf-8"), re.MULTILINE))
    contributing = (TOP / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`make ([a-z-]+)`", "\n".join([contributing, *map(prose, PAGES)])))
    assert named <= targets
    assert targets - {"clean", "demo"} <= set(re.findall(r"`make ([a-z-]+)`", contributing))


def test_glossary_is_short() -> None:
    contributing = (TOP / "CONTRIBUTING.md").read_text("utf-8")
    assert 10 <= len(rows_of(contributing, "| our word | the field's word | meaning |")) <= 15


def test_every_fault_and_dialect_has_a_description() -> None:
    assert FAULT_DESCRIPTIONS.keys() == FAULTS.keys()
    assert DIALECT_DESCRIPTIONS.keys() == DIALECTS.keys()


def test_page_of_reports_names_every_preset() -> None:
    rows = rows_of(page("flows/report"), "| preset | file | documentation |")
    assert {(row[0], row[1]) for row in rows} == {
        (f"`{preset.value}`", f"`{limits.file}`") for preset, limits in PRESETS.items()
    }


def test_page_of_the_pipeline_names_every_state() -> None:
    rows = rows_of(page("flows/pipeline"), "| state | type | when |")
    named = {name for row in rows for name in re.findall(r"`(.*?)`", row[0])}
    ours = (states.WITH_HOLES, states.FAILED_CHECKS, states.API_REFUSED, states.WRONG_SETTINGS, states.BUSY)
    assert named == {*ours, "Completed", "Failed", "Cancelled", "Crashed"}


def test_example_of_several_accounts_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = examples(page("flows/settings"), "toml")
    (tmp_path / "recspend.toml").write_text(example, encoding="utf-8")
    monkeypatch.setenv("RECSPEND_CONFIG", str(tmp_path / "recspend.toml"))
    (account,) = load().accounts
    assert (account.name, account.token_env, load().reporting_timezone) == (
        "support",
        "SUPPORT_TOKEN",
        "Europe/Berlin",
    )


def test_alerts_use_metrics_that_exist() -> None:
    text = page("flows/monitor")
    _, alerts = examples(text, "yaml")
    assert set(re.findall(r"recspend_\w+", alerts)) <= set(re.findall(r"`(recspend_\w+)`", text))


def test_map_of_the_data_folder_agrees_with_the_twins() -> None:
    assert page("data") == data_map.render(), "run `make docs`"


@pytest.mark.slow
def test_readme_shows_the_demo_and_the_page_its_commands(tmp_path: Path) -> None:
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

    shown = examples(page(), "text")[0].splitlines()
    printed = recspend("demo").splitlines()
    assert [line for line in shown if line not in printed] == []
    assert len(shown) > 8

    environment["RECSPEND_DATA_DIR"] = "data/demo"
    commands = re.findall(r"^\$ \.venv/bin/recspend (query .*|check)$", page("flows/report"), re.MULTILINE)
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
    """Return the cost by account and currency, computed by the page's example for pandas."""
    (example,) = examples(page("flows/report"), "python")
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


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_page_of_commands_has_every_command(command: str) -> None:
    text = page("flows/command")
    assert f"[`{command}`](#{command.replace(' ', '-')})" in text
    about = section(text, f"### {command}")
    for option in COMMANDS[command].params:
        assert option.name == "help" or option.opts[0] in about or option.metavar in about


def test_page_of_settings_has_every_setting_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `RECSPEND_(\w+)` \| .*? \| (.*?) \|", page("flows/settings"), re.MULTILINE))
    fields = {
        name.upper(): field
        for name, field in Settings.model_fields.items()
        if name not in ("accounts", "notify")
    }
    assert rows.keys() - {"CONFIG"} == fields.keys()
    for name, field in fields.items():
        if field.default is not None and name != "ACCOUNT_NAME":
            assert rows[name].strip("`") == str(field.default).lower().replace("utc", "UTC"), name


def test_page_of_monitor_has_every_channel_key_and_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = section(page("flows/monitor"), "## Who is notified")
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([\w.]+)`", row)}
    kinds = (WebhookSettings, AppriseSettings, EmailSettings, CommandSettings)
    keys = {field.alias or name for kind in kinds for name, field in kind.model_fields.items()}
    assert named == keys | set(KINDS)
    (example,) = examples(text, "toml")
    (tmp_path / "recspend.toml").write_text(example)
    monkeypatch.setenv("RECSPEND_CONFIG", str(tmp_path / "recspend.toml"))
    assert [channel.kind for channel in load().notify] == ["webhook", "email", "apprise", "command"]


@pytest.mark.parametrize("name", PAGES)
def test_pages_name_only_tables_that_exist(name: str) -> None:
    described = data_map.render()
    for table in re.findall(r"`((?:marts|ops)\.\w+)`", (TOP / name).read_text("utf-8")):
        assert f"## {table}\n" in described, table


def test_nothing_in_the_repo_points_outside_it() -> None:
    for name in tracked("*"):
        text = (TOP / name).read_text(encoding="utf-8", errors="replace")
        assert str(TOP) + "/" not in text, name


@pytest.mark.parametrize("path", sorted((TOP / "sql" / "marts").rglob("*.yml")), ids=lambda path: path.stem)
def test_every_mart_says_which_question_it_answers(path: Path) -> None:
    twin = read_twin(path.read_text("utf-8"), str(path))
    assert twin.question.endswith("?")
    assert twin.question in page("data")
