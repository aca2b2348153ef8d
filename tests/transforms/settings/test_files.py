import tomllib
from decimal import Decimal
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.settings.files import (
    commented,
    entry,
    env_example,
    gitignore_with,
    ignored_folder,
    toml_value,
    words,
)


def read_back(value: object) -> object:
    return tomllib.loads(f"x = {toml_value(value)}")["x"]


@given(st.text())
def test_toml_text_round_trips_on_one_line(text: str) -> None:
    assert "\n" not in toml_value(text)
    assert "\r" not in toml_value(text)
    assert read_back(text) == text


def test_toml_text_replaces_lone_surrogates() -> None:
    assert read_back("a\ud800b") == "a\ufffdb"
    toml_value("a\ud800b").encode()


@pytest.mark.parametrize("value", [True, False, 0, -3, 10**12, 0.5, 1e-7, 60.0, ["a", 1, []]])
def test_toml_values_round_trip(value: object) -> None:
    found = read_back(value)
    assert (found, type(found)) == (value, type(value))


def test_toml_path_is_text() -> None:
    assert read_back(Path("a") / "b") == "a/b"


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
def test_toml_decimal_keeps_every_digit(value: Decimal) -> None:
    assert Decimal(str(read_back(value))) == value


def test_toml_value_of_another_type_is_an_error() -> None:
    with pytest.raises(TypeError, match="A NoneType has no place in a settings file"):
        toml_value(None)


def test_entry_can_be_commented_out_and_restored() -> None:
    lines = entry("accounts", {"name": 'a"\n[[x]]', "attempts": 2})
    assert tomllib.loads("\n".join(commented(lines))) == {}
    assert tomllib.loads("\n".join(lines)) == {"accounts": [{"name": 'a"\n[[x]]', "attempts": 2}]}


def test_words_become_comment_lines_of_limited_length() -> None:
    lines = words("many words\n" * 40)
    assert len(lines) > 1
    assert all(line.startswith("# ") and len(line) <= 112 for line in lines)


def test_env_example_has_variables_without_values() -> None:
    text = env_example([("A_TOKEN", "The API token of a."), ("B_TOKEN", "The API token of b.")])
    set_to = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert set_to == ["A_TOKEN=", "B_TOKEN="]
    assert "# The API token of b.\nB_TOKEN=\n" in text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "data/\n.env\n"),
        ("*.pyc\n", "*.pyc\ndata/\n.env\n"),
        ("*.pyc", "*.pyc\ndata/\n.env\n"),
        ("*.pyc\r\n", "*.pyc\r\ndata/\r\n.env\r\n"),
        (".env\n", ".env\ndata/\n"),
        ("/data\n /.env \n", None),
        ("data/*\n!data/README.md\n.env\n", None),
        ("data/**\n.env\n", None),
        ("# data/\n!data/\nmydata/\n.env.example\n", "# data/\n!data/\nmydata/\n.env.example\ndata/\n.env\n"),
    ],
)
def test_gitignore_gets_only_missing_patterns(before: str, after: str | None) -> None:
    once = gitignore_with(before, ["data/", ".env"])
    assert once == (before if after is None else after)
    assert gitignore_with(once, ["data/", ".env"]) == once


def test_ignored_folder_escapes_special_characters() -> None:
    assert ignored_folder(PurePosixPath("var/data")) == "var/data/"
    assert ignored_folder(PurePosixPath("a b*[c]#!")) == r"a\ b\*\[c\]\#\!/"
