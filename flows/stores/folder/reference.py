"""Reference files: small tables that users edit by hand. A file in the data folder replaces the shipped one."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from transforms.errors import ConfigError
from transforms.model.reference import Reference, read_reference


def reference_table(reference: Reference, data_dir: Path, shipped: Path) -> pa.Table:
    """Return the rows of a reference file. Raises ConfigError with the file and line when a row is not valid."""
    own = data_dir / "reference" / f"{reference.name}.csv"
    path = own if own.exists() else shipped / f"{reference.name}.csv"
    return read_reference(reference, _lines(path), str(path))


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)  # otherwise an unclosed quote would swallow the lines after it
        try:
            for row in reader:
                yield reader.line_num, row
        except UnicodeDecodeError:
            raise ConfigError(f"{path} is not UTF-8 text. Save it as CSV UTF-8.") from None
        except csv.Error as error:
            raise ConfigError(f"{path}, line {reader.line_num}: {error}. Fix that line.") from None
