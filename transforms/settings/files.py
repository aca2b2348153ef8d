"""The text of a settings file and of what stands beside it: TOML, `.env.example`, `.gitignore`.

A setting that is not set stands as a comment: `#name = value`, without a space behind the `#`, so that taking the `#`
away sets it. Lines that begin with `# ` are words.
"""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import PurePath

import tomlkit

_WIDTH = 110
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # half of a pair, which no file can hold


def toml_value(value: object) -> str:
    """A value as TOML, on one line: text, paths, numbers, true and false, and lists of them.

    Raises TypeError for anything else.
    """
    return tomlkit.item(_plain(value)).as_string()


def _plain(value: object) -> bool | int | float | str | list[object]:
    match value:
        case bool() | int() | float():
            return value
        case Decimal():
            # TOML's numbers are floats; one that would lose a digit is written as text, which the loader takes too.
            text = f"{value:f}"
            return float(text) if Decimal(repr(float(text))) == value else text
        case str() | PurePath():
            return _HALF_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", str(value))
        case list() | tuple():
            return [_plain(each) for each in value]
    raise TypeError(f"A {type(value).__name__} has no place in a settings file.")


def words(text: str) -> list[str]:
    """Words as lines of comment."""
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False)]


def entry(table: str, values: Mapping[str, object]) -> list[str]:
    """One entry of an array of tables."""
    return [f"[[{table}]]", *(f"{name} = {toml_value(value)}" for name, value in values.items())]


def commented(lines: Iterable[str]) -> list[str]:
    """Lines that set something, each as a comment to be opened."""
    return [f"#{line}" for line in lines]


def env_example(variables: Sequence[tuple[str, str]]) -> str:
    """The text of `.env.example`: variables with what each must hold, and none of its content."""
    lines = [
        *words(
            "The secrets of recspend. Copy this file to .env, which git ignores, and write each secret behind its =. "
            "recspend reads the environment, not the file:"
        ),
        "#     set -a; . ./.env; set +a; recspend run",
    ]
    for name, meaning in variables:
        lines += ["", *words(meaning), f"{name}="]
    return "\n".join(lines) + "\n"


def ignored_folder(path: PurePath) -> str:
    """The line of a .gitignore for a folder, given from where the file stands."""
    return re.sub(r"([\\*?\[\]!# ])", r"\\\1", path.as_posix()) + "/"


def gitignore_with(text: str, patterns: Iterable[str]) -> str:
    """The text of a .gitignore with those of the patterns that it does not have in any spelling."""
    had = {_bare(line) for line in text.splitlines()}
    missing = [pattern for pattern in patterns if _bare(pattern) not in had]
    end = "\r\n" if "\r\n" in text else "\n"
    if missing and text and not text.endswith("\n"):
        text += end
    return text + "".join(pattern + end for pattern in missing)


def _bare(pattern: str) -> str:
    """`/data/`, `data/*` and `data` ignore the same folder."""
    return pattern.strip().removeprefix("/").removesuffix("**").removesuffix("*").removesuffix("/")
