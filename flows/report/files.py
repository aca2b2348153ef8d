"""Render tables as report files in one of the formats."""

from collections.abc import Callable, Mapping
from functools import partial

import pyarrow as pa

from flows.report.formats import WORKBOOK, FileFormat
from transforms.report.text import to_csv, to_parquet

Contents = dict[str, dict[str, pa.Table]]
"""File → table name → its rows in the file, for the manifest."""

Content = Callable[[str, pa.Table, Callable[[], bytes]], bytes]
"""Returns the content of a file, by its name, its rows, and what makes it of them."""


def made(_name: str, _rows: pa.Table, make: Callable[[], bytes]) -> bytes:
    """Make the content of a file, whatever was there before."""
    return make()


def rendered(
    tables: Mapping[str, pa.Table], file_format: FileFormat, content: Content = made
) -> tuple[dict[str, bytes], Contents]:
    """Return the content of each file and its tables: one workbook for all tables, or one file per table."""
    if file_format is FileFormat.XLSX:
        from flows.report.workbook import workbook  # noqa: PLC0415  (its library is rarely needed)

        return {WORKBOOK: workbook(tables)}, {WORKBOOK: dict(tables)}
    write = to_parquet if file_format is FileFormat.PARQUET else _csv
    files = {}
    for name, table in tables.items():
        file = f"{name}.{file_format}"
        files[file] = content(file, table, partial(write, table))
    return files, {f"{name}.{file_format}": {name: table} for name, table in tables.items()}


def _csv(table: pa.Table) -> bytes:
    return to_csv(table).encode()
