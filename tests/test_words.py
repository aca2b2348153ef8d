"""The word list: each pattern with its own examples, and where prose is searched."""

from pathlib import Path

import pytest

from tests.support import word_list
from tests.support.word_list import LIST, Entry, long_names, read_list, refused

ENTRIES = read_list(LIST.read_text(encoding="utf-8"))
SAMPLE = read_list("\\bred green\\b\tblue\tred green\tred\n")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.refused)
def test_pattern_refuses_its_example_and_allows_the_others(entry: Entry) -> None:
    assert [hit.entry for hit in refused("a.md", entry.refused, [entry])] == [entry]
    assert [text for text in entry.allowed if refused("a.md", text, [entry])] == []


@pytest.mark.parametrize(
    "text",
    [
        "There is no price yet, and there are no gaps.",
        "The run is no longer in progress. If the value is None, nothing is sent.",
        "Every day is stored once, so that a second run changes nothing.",
        "The standard rate and the outstanding amount are rounded in the same way.",
        "Its cost is in `told.json`; the cost of late prices is estimated.",
    ],
)
def test_plain_english_passes(text: str) -> None:
    assert refused("a.md", text, ENTRIES) == []


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        pytest.param("a.md", "one\nred green\n", 2, id="line of prose"),
        pytest.param("a.md", "one\nmore red\ngreen\n", 2, id="wrapped prose"),
        pytest.param("a.yml", "a: 1 # Red green\n", 1, id="any case"),
        pytest.param("a.py", "# red\n# green\n", 1, id="wrapped comment"),
        pytest.param("a.py", 'x = 1\nsay("a red "\n    "green one")\n', 2, id="joined strings"),
        pytest.param("a.py", '"""One.\n\nred green\n"""\n', 3, id="docstring"),
        pytest.param("a.py", "def test_red_green_is_mixed() -> None: ...\n", 1, id="test name"),
        pytest.param("a.py", 'x = 1\ny = f"{x} red green {x}"\n', 2, id="f-string"),
        pytest.param("a.py", 'y = f"""\n{x} red\ngreen {x!r}"""\n', 2, id="f-string of several lines"),
        pytest.param("a.sql", "select 1\n-- red\n-- green\n", 2, id="SQL comment"),
        pytest.param("a.js", "x = 1; // red green\n", 1, id="JavaScript comment"),
        pytest.param("a.js", "x = 'the red green';\n", 1, id="JavaScript string"),
        pytest.param("a.js", "x = `the\nred green`;\n", 2, id="JavaScript template"),
        pytest.param("a.css", "a {}\n/* one\n   red green */\n", 3, id="CSS comment"),
        pytest.param("CHANGELOG.md", "## [1.1]\nred green\n## [1.0]\nred green\n", 2, id="newest version"),
        pytest.param("tests/sql/a/all_red_green.yml", "a: 1\n", 1, id="name of a case"),
        pytest.param("tests/sql/a/b.yml", "a: 1\nb: red green\n", 2, id="text of a case"),
        pytest.param("Makefile", "# red green\n", 1, id="file without a suffix"),
    ],
)
def test_prose_is_found_at_its_line(name: str, text: str, line: int) -> None:
    (hit,) = refused(name, text, SAMPLE)
    assert (hit.path, hit.line) == (name, line)
    assert str(hit).startswith(f"{name}:{line}: ")
    assert str(hit).endswith(" -> blue")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("a.md", "red\n\ngreen\n", id="two paragraphs"),
        pytest.param("a.py", "red_green = red - green\n", id="code"),
        pytest.param("a.py", 'say("the red", "green one")\n', id="two strings"),
        pytest.param("a.py", 'f"the red {x} green"\n', id="a value in between"),
        pytest.param("a.py", 'f"one {red green} two"\n', id="code in an f-string"),
        pytest.param("a.sql", "select red green from 'red green'\n", id="SQL"),
        pytest.param("a.css", "red green {}\n", id="CSS"),
        pytest.param("a.js", "red = green\n", id="JavaScript"),
    ],
)
def test_other_text_is_not_read(name: str, text: str) -> None:
    assert refused(name, text, SAMPLE) == []


def test_names_are_not_words() -> None:
    red = read_list("\\bred\\b\tblue\ta red one\n")
    assert refused("a.py", 'values["red"] = "red one"\n', red)[0].words == "red"
    assert len(refused("a.py", 'values["red"] = "red one"\n', red)) == 1
    assert refused("a.md", "`red`\n", red) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("red\tblue", "line 1: expected pattern"),
        ("red\t\tred", "line 1: expected pattern"),
        ("(\tx\ty", "line 1: "),
    ],
)
def test_wrong_line_of_the_list_is_named(line: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_list(line)


def test_long_test_names_are_found() -> None:
    text = "\n\ndef test_short() -> None: ...\n    async def test_longer_name() -> None: ...\n"
    assert long_names(text, longest=12) == [(4, "test_longer_name")]


def test_command_exits_1_and_shows_where(tmp_path: Path) -> None:
    shown: list[str] = []
    file = tmp_path / "a.md"
    file.write_text(f"{ENTRIES[0].refused}\n", encoding="utf-8")
    assert word_list.main([str(file)], shown.append) == 1
    assert "".join(shown) == f"{file}:1: {ENTRIES[0].refused.split()[-1]} -> {ENTRIES[0].instead}\n"
    shown.clear()
    file.write_text("Plain English.\n", encoding="utf-8")
    assert word_list.main([str(file)], shown.append) == 0
    assert "".join(shown) == ""


def test_every_kind_of_text_is_read() -> None:
    names = set(word_list.read_files())
    assert {"README.md", "CHANGELOG.md", "pyproject.toml", "Makefile", ".ci/run"} <= names
    suffixes = {Path(name).suffix for name in names}
    assert suffixes >= {".md", ".py", ".sql", ".yml", ".js", ".css", ".html", ".toml"}
    assert not [name for name in names if name.startswith("tests/golden/") or name.endswith(".min.js")]
