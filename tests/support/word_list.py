"""The word list: refuse wording of `tests/support/words.txt` in everything people read.

`python -m tests.support.word_list` checks every tracked file, with FILES only these. It prints `path:line: words ->
instead`, or with `--count` how often each pattern is found, and exits with 1 if anything is. `--names` checks instead
that no test function has a name longer than 60 characters.
"""

import argparse
import io
import re
import subprocess
import sys
import tokenize
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import TOP

LIST = TOP / "tests" / "support" / "words.txt"
LONGEST_NAME = 60
# Data, minified code, and the list itself: not our prose.
NOT_READ = re.compile(r"^tests/(golden/|support/words\.txt$)|\.min\.js$|^LICENSE$|^data/reference/")
_GAP = "\0"  # where something other than prose was: no phrase matches across it
_F_FIELD = re.compile(r"(?<!\{)\{[^{}]*\}(?!\})")
_TEST_NAME = re.compile(r"^\s*(?:async )?def (test_\w+)", re.MULTILINE)
_COMMENTS = {
    ".sql": re.compile(r"--(?P<line>[^\n]*)|/\*(?P<block>.*?)\*/|'(?:[^']|'')*'", re.DOTALL),
    ".js": re.compile(
        r"//(?P<line>[^\n]*)|/\*(?P<block>.*?)\*/"
        r'|"(?P<double>(?:\\.|[^"\\\n])*)"|\'(?P<single>(?:\\.|[^\'\\\n])*)\'|`(?P<template>(?:\\.|[^`\\])*)`',
        re.DOTALL,
    ),
    ".css": re.compile(r"/\*(?P<block>.*?)\*/", re.DOTALL),
}


@dataclass(frozen=True)
class Entry:
    """One line of the list: what is refused, what to write instead, and examples that prove the pattern."""

    pattern: re.Pattern[str]
    instead: str
    refused: str
    allowed: tuple[str, ...]


@dataclass(frozen=True)
class Hit:
    """Refused words at a line (from 1) of a file."""

    path: str
    line: int
    words: str
    entry: Entry

    def __str__(self) -> str:
        """Format it the way editors and CI logs understand."""
        return f"{self.path}:{self.line}: {self.words} -> {self.entry.instead}"


def read_list(text: str) -> list[Entry]:
    """Parse a list: tab-separated pattern, replacement, refused example and any number of allowed ones.

    Raises:
        ValueError: a line has fewer than three columns, or its pattern is not a regular expression.
    """
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        pattern, *rest = line.split("\t")
        if len(rest) < 2 or not all(rest):
            raise ValueError(f"line {number}: expected pattern, instead and a refused example, by tabs")
        try:
            compiled = re.compile(pattern, re.IGNORECASE)
        except re.error as error:
            raise ValueError(f"line {number}: {error}") from error
        entries.append(Entry(compiled, rest[0], rest[1], tuple(rest[2:])))
    return entries


def prose_of(name: str, text: str) -> str:
    """Return the text of a file with everything but its prose blanked out; each line keeps its number.

    Python: comments, strings that contain a space, and names of tests as words. SQL and CSS: comments. JavaScript:
    comments and strings. CHANGELOG.md: down to the newest released version. Any other file: all of it, except code
    spans without a space, which are names.
    """
    suffix = Path(name).suffix
    if suffix == ".py":
        return _python_prose(text)
    if suffix in _COMMENTS:
        return _commented_prose(_COMMENTS[suffix], text)
    if Path(name).name == "CHANGELOG.md":
        text = _newest_versions(text)
    return re.sub(r"`[^`\s]+`", lambda code: "x" * len(code[0]), text)


def refused(name: str, text: str, entries: Iterable[Entry]) -> list[Hit]:
    """Return what the list refuses in a file, in the order of its lines; phrases may be wrapped over lines.

    The file name of a case below `tests/sql` is the name of a test: it is read as words before the first line.
    """
    prose = prose_of(name, text)
    above = 2 if name.startswith("tests/sql/") else 0
    if above:
        prose = f"{Path(name).stem.replace('_', ' ')}\n\n{prose}"
    flowing, starts, places = _flowing(prose)
    line_starts = [0, *(found.end() for found in re.finditer("\n", prose))]
    hits = [
        (places[bisect_right(starts, found.start()) - 1], found[0], entry)
        for entry in entries
        for found in entry.pattern.finditer(flowing)
    ]
    return [
        Hit(name, max(1, bisect_right(line_starts, place) - above), words, entry)
        for place, words, entry in sorted(hits, key=lambda hit: hit[0])
    ]


def long_names(text: str, longest: int = LONGEST_NAME) -> list[tuple[int, str]]:
    """Return line and name of each test function in a Python file with a name of more than `longest` characters."""
    return [
        (text.count("\n", 0, found.start(1)) + 1, found[1])
        for found in _TEST_NAME.finditer(text)
        if len(found[1]) > longest
    ]


def read_files() -> list[str]:
    """Return the tracked files people read, relative to the top of the checkout."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, capture_output=True, text=True, check=True)
    kept = (name for name in listed.stdout.split("\0") if name and (TOP / name).is_file())
    return [name for name in kept if is_read(name)]


def is_read(name: str) -> bool:
    """Return whether a file (relative to the top of the checkout) contains our own text that people read."""
    suffixes = {".md", ".py", ".sql", ".yml", ".yaml", ".toml", ".js", ".css", ".html", ".txt", ""}
    path = Path(name)
    return path.suffix in suffixes and not NOT_READ.search(path.as_posix())


def _python_prose(text: str) -> str:
    blank = [character if character.isspace() else _GAP for character in text]
    line_starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def put(start: tuple[int, int], words: str) -> None:
        place = line_starts[start[0] - 1] + start[1]
        blank[place : place + len(words)] = words

    for start, source in _strings_and_comments(text):
        if source.startswith("#"):
            put(start, " " + source[1:])
        elif " " in source:
            put(start, _inside(source))
    for found in _TEST_NAME.finditer(text):
        blank[slice(*found.span(1))] = found[1].replace("_", " ")
    return "".join(blank)


def _strings_and_comments(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield place (line from 1, column from 0) and source of each; an f-string counts as one, on any Python version."""
    lines = text.splitlines(keepends=True)
    opened: list[tuple[int, int]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "FSTRING_START":
            opened.append(token.start)
        elif kind == "FSTRING_END":
            start = opened.pop()
            if not opened:
                yield start, _between(lines, start, token.end)
        elif kind in ("STRING", "COMMENT") and not opened:
            yield token.start, token.string


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    (first, left), (last, right) = start, end
    if first == last:
        return lines[first - 1][left:right]
    return "".join([lines[first - 1][left:], *lines[first : last - 1], lines[last - 1][:right]])


def _inside(source: str) -> str:
    """Return a string's text in place: prefix, quotes and what an f-string computes are blank."""
    opening = re.match(r"[a-zA-Z]*(\"\"\"|'''|\"|')", source)
    assert opening is not None
    quotes = len(opening[1])
    inside = source[opening.end() : -quotes]
    if "f" in source[: opening.start(1)].lower():
        inside = _F_FIELD.sub(lambda field: re.sub(r"\S", _GAP, field[0]), inside)
    inside = inside.replace("\\n", "  ")
    return " " * opening.end() + inside + " " * quotes


def _commented_prose(pattern: re.Pattern[str], text: str) -> str:
    blank = [character if character.isspace() else _GAP for character in text]
    for found in pattern.finditer(text):
        for part, words in found.groupdict().items():
            if words is None or (part in {"double", "single", "template"} and " " not in words):
                continue
            start, end = found.span()
            blank[start:end] = [each if each.isspace() else " " for each in text[start:end]]
            blank[slice(*found.span(part))] = words
    return "".join(blank)


def _newest_versions(text: str) -> str:
    released = list(re.finditer(r"^## \[\d", text, re.MULTILINE))
    return text[: released[1].start()] if len(released) > 1 else text


def _flowing(prose: str) -> tuple[str, list[int], list[int]]:
    """Join the prose with single spaces, and a line break for a blank line; return where each word starts in both."""
    flowing: list[str] = []
    starts: list[int] = []
    places: list[int] = []
    length = end = 0
    for word in re.finditer(r"\S+", prose):
        if flowing:
            flowing.append("\n" if prose.count("\n", end, word.start()) > 1 else " ")
            length += 1
        words = word[0] if word[0].strip(_GAP) else _GAP
        flowing.append(words)
        starts.append(length)
        places.append(word.start())
        length += len(words)
        end = word.end()
    return "".join(flowing), starts, places


def main(arguments: list[str] | None = None, write: Callable[[str], object] = sys.stdout.write) -> int:
    """Run the check; return 1 if something is refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.word_list", description=__doc__)
    parser.add_argument("files", nargs="*", metavar="FILES", help="only these; without any, all tracked ones")
    parser.add_argument("--count", action="store_true", help="show how often each pattern is found")
    parser.add_argument("--names", action="store_true", help="check the length of test names instead")
    given = parser.parse_args(arguments)
    names = [_relative(name) for name in given.files] or read_files()
    texts = {name: (TOP / name).read_text(encoding="utf-8") for name in names if is_read(name)}
    if given.names:
        found = [
            f"{name}:{line}: {test} has {len(test)} characters; at most {LONGEST_NAME}"
            for name, text in texts.items()
            if name.endswith(".py")
            for line, test in long_names(text)
        ]
    else:
        entries = read_list(LIST.read_text(encoding="utf-8"))
        hits = [hit for name, text in texts.items() for hit in refused(name, text, entries)]
        counts = Counter(hit.entry.pattern.pattern for hit in hits)
        found = [f"{count:6} {pattern}" for pattern, count in counts.most_common()]
        found = found if given.count else [str(hit) for hit in hits]
    write("".join(f"{line}\n" for line in found))
    return 1 if found else 0


def _relative(name: str) -> str:
    path = Path(name).resolve()
    return path.relative_to(TOP).as_posix() if path.is_relative_to(TOP) else name


if __name__ == "__main__":
    sys.exit(main())
