"""Tables to text: CSV for finance, columns of text for the screen. Nothing is rounded on the way."""

import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from transforms.money import plain

# A spreadsheet runs a cell that begins so as a formula (OWASP, "CSV Injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001
_FEWEST_DECIMALS = 2
_TO_QUOTE = re.compile('[,"\r\n]')


def to_csv(table: pa.Table) -> str:
    """A table as CSV: a header, plain decimals with all their digits, ISO dates, empty for null.

    A text cell that a spreadsheet would run as a formula gets an apostrophe in front; numbers stay numbers.
    """
    cells = [_cells(column) for column in table.columns]
    lines = pc.binary_join_element_wise(*cells, ",").to_pylist()
    header = ",".join(map(_to_cell, table.column_names))
    # Readers skip a line that is empty.
    return "".join(f"{line}\n" if line else '""\n' for line in [header, *lines])


def to_json(table: pa.Table) -> str:
    """A table as a JSON array of objects; decimals as text, so that no reader makes floats of them."""
    rows = [
        {name: value if _is_json(value) else to_text(value) for name, value in row.items()}
        for row in table.to_pylist()
    ]
    return json.dumps(rows, ensure_ascii=False)


def to_text_frame(table: pa.Table) -> pd.DataFrame:
    """A table as a frame of text cells, null as None."""
    columns = {name: _texts(column) for name, column in zip(table.column_names, table.columns, strict=True)}
    return pd.DataFrame(columns, columns=table.column_names, dtype=object)


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    """A column as text cells. Each distinct value is written once."""
    coded = column.combine_chunks().dictionary_encode()
    texts = [to_text(value) for value in coded.dictionary.to_pylist()]
    return [None if place is None else texts[place] for place in coded.indices.to_pylist()]


def _cells(column: pa.ChunkedArray) -> pa.Array:
    """A column as cells of CSV, none of which starts a formula unless it is a number; null is empty."""
    coded = column.combine_chunks().dictionary_encode()
    texts = [to_text(value) for value in coded.dictionary.to_pylist()]
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = [_defused(text) for text in texts]
    return pc.fill_null(pa.array(map(_to_cell, texts), pa.string()).take(coded.indices), "")


def to_text(value: Any) -> str | None:
    """A value as text: a decimal with all its digits and no exponent, an instant in UTC, a truth as true or false."""
    if value is None:
        return None
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        text = value.isoformat(sep=" ")
        return f"{text.removesuffix('+00:00')}Z" if text.endswith("+00:00") else text
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, default=to_text) if isinstance(value, dict | list) else str(value)


def for_the_eye(table: pa.Table) -> pd.DataFrame:
    """A table as text for the screen: each decimal column cut to the decimals its values use, at least two."""
    frame = to_text_frame(table)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_decimal(column.type):
            frame[name] = pd.Series(_with_common_decimals(list(frame[name])), dtype=object)
    return frame


def _with_common_decimals(texts: list[str | None]) -> list[str | None]:
    used = max((len(text.rstrip("0").partition(".")[2]) for text in texts if text), default=0)
    decimals = max(used, _FEWEST_DECIMALS)
    return [f"{Decimal(text):.{decimals}f}" if text else None for text in texts]


def _to_cell(text: str | None) -> str:
    # Before Python 3.13 the writers of csv and pandas leave "\r" unquoted, and a reader begins a row at it.
    if text is not None and _TO_QUOTE.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text or ""


def _defused(text: str | None) -> str | None:
    return f"'{text}" if text and text.startswith(_FORMULA_STARTS) else text


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
