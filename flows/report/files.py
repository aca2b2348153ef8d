"""Render tables as report files in one of the formats."""

from collections.abc import Mapping

import pyarrow as pa

from flows.report.formats import WORKBOOK, FileFormat
from transforms.report.text import to_csv, to_parquet

Contents = dict[str, dict[str, pa.Table]]
"""File → table name → its rows in the file, for the manifest."""


def rendered(tables: Mapping[str, pa.Table], file_format: FileFormat) -> tuple[dict[str, bytes], Contents]:
    """Return the content of each file and its tables: one workbook for all tables, or one file per table."""
    if file_format is FileFormat.XLSX:
        from flows.report.workbook import workbook  # noqa: PLC0415  (its library is rarely needed)

        return {WORKBOOK: workbook(tables)}, {WORKBOOK: dict(tables)}
    files = {
        f"{name}.{file_format}": to_parquet(table)
        if file_format is FileFormat.PARQUET
        else to_csv(table).encode()
        for name, table in tables.items()
    }
    return files, {f"{name}.{file_format}": {name: table} for name, table in tables.items()}
