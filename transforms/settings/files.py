"""The text of a settings file and of the files next to it: TOML, `.env.example`, `.gitignore`.

A setting that is not set is a comment: `#name = value`, without a space after the `#`, so that removing the `#` sets
it. Lines that begin with `# ` are explanations.
"""

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import PurePath

import tomlkit

_WIDTH = 110
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # half of a pair, which no file can hold


def toml_value(value: object) -> str:
    """Format a value as TOML on one line: text, a path, a number, a day, true or false, or a list of these.

    Raises:
        TypeError: The value has another type.
    """
    return tomlkit.item(_plain(value)).as_string()


def _plain(value: object) -> bool | int | float | str | date | list[object]:
    match value:
        case bool() | int() | float() | date():
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
    """Wrap a text into comment lines."""
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH, break_on_hyphens=False)]


def entry(table: str, values: Mapping[str, object]) -> list[str]:
    """Format one entry of an array of tables, as lines."""
    return [f"[[{table}]]", *(f"{name} = {toml_value(value)}" for name, value in values.items())]


def commented(lines: Iterable[str]) -> list[str]:
    """Comment out lines that set something."""
    return [f"#{line}" for line in lines]


def env_example(variables: Sequence[tuple[str, str]]) -> str:
    """Write the text of `.env.example`: variables with what each must hold, without values."""
    lines = [
        *words(
            "The secrets of recspend. Copy this file to .env, which git ignores, and write each secret after its =. "
            "recspend reads the environment, not the file:"
        ),
        "#     set -a; . ./.env; set +a; recspend run",
    ]
    for name, meaning in variables:
        lines += ["", *words(meaning), f"{name}="]
    return "\n".join(lines) + "\n"


def ignored_folder(path: PurePath) -> str:
    """Format the line of a .gitignore for a folder, given relative to the .gitignore."""
    return re.sub(r"([\\*?\[\]!# ])", r"\\\1", path.as_posix()) + "/"


def gitignore_with(text: str, patterns: Iterable[str]) -> str:
    """Add to the text of a .gitignore the patterns that it does not contain yet, in any spelling."""
    present = {_bare(line) for line in text.splitlines()}
    missing = [pattern for pattern in patterns if _bare(pattern) not in present]
    end = "\r\n" if "\r\n" in text else "\n"
    if missing and text and not text.endswith("\n"):
        text += end
    return text + "".join(pattern + end for pattern in missing)


def _bare(pattern: str) -> str:
    """Normalize a pattern: `/data/`, `data/*` and `data` ignore the same folder."""
    return pattern.strip().removeprefix("/").removesuffix("**").removesuffix("*").removesuffix("/")
