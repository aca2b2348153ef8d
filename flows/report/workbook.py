"""Write tables as one workbook: a sheet per table, real numbers and dates, a frozen header row."""

import io
import itertools
import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from transforms.values.visible import visible

_ROWS_OF_A_SHEET = 1_048_575  # plus a header
_LONGEST_NAME = 31
_WIDEST = 40
_ROWS_MEASURED = 200
_ROWS_AT_ONCE = 1_000
_LONGEST_TEXT = 32_767
_REFUSED = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_MADE_AT = datetime(2000, 1, 1)  # noqa: DTZ001  fixed, so the same tables result in the same bytes


def workbook(tables: Mapping[str, pa.Table]) -> bytes:
    """Return the tables as the bytes of an xlsx file, in their order; a sheet is named after its table.

    Spreadsheets keep only 15 digits of a number and no time zones: instants are UTC. A table with more rows than fit
    on a sheet continues on the next one, which has a number after its name. Texts stay texts, even if they look like
    formulas or links; a text that is too long for a cell is cut off, and characters that act on a reader are escaped.
    """
    sink = io.BytesIO()
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(sink, options) as book:
        book.set_properties({"created": _MADE_AT})
        formats = {
            "head": book.add_format({"bold": True}),
            "number": book.add_format({"num_format": "#,##0.00#######"}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "instant": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        }
        for name, table in tables.items():
            for part, first in enumerate(range(0, max(table.num_rows, 1), _ROWS_OF_A_SHEET)):
                sheet = book.add_worksheet(_sheet_name(name, part, {each.name for each in book.worksheets()}))
                _fill(sheet, table.slice(first, _ROWS_OF_A_SHEET), formats)
    return sink.getvalue()


def _sheet_name(name: str, part: int, taken: Collection[str]) -> str:
    """Return a valid sheet name: without forbidden characters, short, and unique regardless of case."""
    allowed = _REFUSED.sub("_", name).strip("'") or "table"
    refused = {"history", *(other.lower() for other in taken)}  # the first is reserved by Excel
    endings = (f" {number}" if number > 1 else "" for number in itertools.count(part + 1))
    names = (f"{allowed[: _LONGEST_NAME - len(ending)]}{ending}" for ending in endings)
    return next(each for each in names if each.lower() not in refused)


def _fill(sheet: Worksheet, table: pa.Table, formats: Mapping[str, Format]) -> None:
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(table.column_names):
        values = table[name].slice(0, _ROWS_MEASURED).to_pylist()
        longest = max((len(str(value)) for value in values if value is not None), default=0)
        sheet.set_column(place, place, min(max(len(name), longest) + 2, _WIDEST))
    sheet.write_row(0, 0, table.column_names, formats["head"])
    # Row by row: each row is freed from memory once it is written.
    row = 0
    for batch in table.to_batches(_ROWS_AT_ONCE):
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            row += 1
            for place, value in enumerate(values):
                if value is not None:
                    _write(sheet, row, place, value, formats)


def _write(sheet: Worksheet, row: int, place: int, value: Any, formats: Mapping[str, Format]) -> None:
    if isinstance(value, bool):
        sheet.write_boolean(row, place, value)
    elif isinstance(value, int):
        sheet.write_number(row, place, value)
    elif isinstance(value, Decimal):
        sheet.write_number(row, place, float(value), formats["number"])
    elif isinstance(value, datetime):
        sheet.write_datetime(row, place, value.replace(tzinfo=None), formats["instant"])
    elif isinstance(value, date):
        sheet.write_datetime(row, place, value, formats["day"])
    else:
        sheet.write_string(row, place, visible(str(value), lines=True)[:_LONGEST_TEXT])
