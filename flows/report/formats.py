"""The file formats that tables are written in."""

from enum import StrEnum


class FileFormat(StrEnum):
    """A file format, by its name on the command line."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


WORKBOOK = "recspend.xlsx"
"""The workbook with all tables; in the other formats each table is a separate file named after it."""
