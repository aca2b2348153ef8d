"""Reference files: small tables that users edit by hand. A file in the data folder replaces the shipped one.

`reference.json` in the data folder lists the files that the tables were built with, so that one that disappears is
missed: the shipped one, which is empty, would otherwise take its place without a word.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from flows.stores.whole_files import write_if_changed, write_whole
from transforms.errors import ConfigError
from transforms.model.reference import Reference, read_reference

_USED = "reference.json"


def reference_table(reference: Reference, data_dir: Path, shipped: Path) -> pa.Table:
    """Return the rows of a reference file.

    Raises ConfigError with the file and line when a row is not valid, or when neither file is there.
    """
    own = _own(reference, data_dir)
    path = own if _is_there(own) else shipped / own.name
    return read_reference(reference, _lines(path), str(path))


def refuse_missing(references: Iterable[Reference], data_dir: Path) -> None:
    """Raise ConfigError if a file that the tables were built with is not there any more."""
    used = _used(data_dir)
    for each in references:
        own = _own(each, data_dir)
        if own.name in used and not _is_there(own):
            header = ",".join(column.name for column in each.columns)
            raise ConfigError(
                f"{own} is missing, and the tables were built with it. Restore it. If it is not needed any more, write "
                f"a file with only its header: {header}"
            )


def record_used(references: Iterable[Reference], data_dir: Path) -> None:
    """Record which files the tables were built with."""
    used = sorted(own.name for own in (_own(each, data_dir) for each in references) if _is_there(own))
    if used or _used(data_dir):
        write_if_changed(data_dir / _USED, json.dumps(used).encode())


def _own(reference: Reference, data_dir: Path) -> Path:
    return data_dir / "reference" / f"{reference.name}.csv"


def _is_there(own: Path) -> bool:
    return own.exists() or own.is_symlink()  # a link to nothing is not the absence of a file


def _used(data_dir: Path) -> list[str]:
    with suppress(FileNotFoundError, ValueError, TypeError):
        return [str(name) for name in json.loads((data_dir / _USED).read_bytes())]
    return []


def add_rows(
    reference: Reference, data_dir: Path, shipped: Path, rows: Sequence[Mapping[str, str]]
) -> tuple[Path, int]:
    """Add rows, as text, to the reference file in the data folder, except those whose key is there.

    Returns the file and how many rows were added. Lines that are there stay as they are, byte for byte. Raises
    ConfigError, and changes nothing, if a line of the file or a row is not valid.
    """
    path = _own(reference, data_dir)
    names = [column.name for column in reference.columns]
    known = reference_table(reference, data_dir, shipped).to_pylist()
    cells = [[row[name] for name in names] for row in rows]
    read = read_reference(reference, enumerate([names, *cells], start=1), "the new rows").to_pylist()
    keys = {tuple(row[name] for name in reference.key) for row in known}
    new = [
        given
        for given, row in zip(cells, read, strict=True)
        if tuple(row[name] for name in reference.key) not in keys
    ]
    if new:
        before = path.read_bytes() if path.exists() else (",".join(names) + "\n").encode()
        text = io.StringIO()
        first_line = before.decode("utf-8-sig", errors="replace").partition("\n")[0]
        csv.writer(text, delimiter=_delimiter(first_line), lineterminator="\n").writerows(new)
        gap = b"" if before.endswith(b"\n") else b"\n"
        write_whole(path, before + gap + text.getvalue().encode())
    return path, len(new)


def _delimiter(first_line: str) -> str:
    """Return what separates the cells: spreadsheets write a semicolon where the comma is for decimals, or a tab."""
    return max(",;\t", key=first_line.count)


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        opened = path.open(encoding="utf-8-sig", newline="")
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing. Restore it, or install recspend again.") from None
    with opened as file:
        try:
            delimiter = _delimiter(file.readline())
        except UnicodeDecodeError:
            delimiter = ","
        file.seek(0)
        # strict: otherwise an unclosed quote would swallow the lines after it
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                yield reader.line_num, row
        except UnicodeDecodeError:
            raise ConfigError(f"{path} is not UTF-8 text. Save it as CSV UTF-8.") from None
        except csv.Error as error:
            raise ConfigError(f"{path}, line {reader.line_num}: {error}. Fix that line.") from None
