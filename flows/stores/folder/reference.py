"""Reference files: small tables people keep by hand. A file in the data folder takes the place of the shipped one."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from transforms.errors import ConfigError
from transforms.model.reference import Reference, read_reference


def reference_table(reference: Reference, data_dir: Path, shipped: Path) -> pa.Table:
    """The rows of a reference file. Raises ConfigError naming file and line when it is not what it should be."""
    own = data_dir / "reference" / f"{reference.name}.csv"
    path = own if own.exists() else shipped / f"{reference.name}.csv"
    return read_reference(reference, _lines(path), str(path))


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)  # a quote left open would swallow the lines behind it
        try:
            for row in reader:
                yield reader.line_num, row
        except UnicodeDecodeError:
            raise ConfigError(f"{path} is not UTF-8 text. Save it as CSV UTF-8.") from None
        except csv.Error as error:
            raise ConfigError(f"{path}, line {reader.line_num}: {error}. Mend that line.") from None
