"""The forms that tables are written to files in."""

from enum import StrEnum


class FileFormat(StrEnum):
    """A form of file, by the name it is asked for with."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


WORKBOOK = "recspend.xlsx"
"""The one file of all tables that a spreadsheet opens; in the other formats each table is a file of its own name."""
