"""Convert tables to CSV, JSON and Parquet without rounding, and to text for the screen."""

import io
import json
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms.errors import ConfigError
from transforms.values.money import plain, readable
from transforms.values.visible import visible

# A spreadsheet runs a cell with such a beginning as a formula (OWASP, "CSV Injection"), and in many countries it splits
# lines at semicolons or tabs: then quotes that follow a comma keep nothing together. Some read the wide forms as well.
_FORMULA = re.compile(r"""(?<![^;|\t\r\n])([ \u00a0"']*)(?=[=+\-@＝＋－＠])""")  # noqa: RUF001
_PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)  # not a formula, even in a text column
_NO_YEAR = 10_000
_TO_QUOTE = re.compile('[,"\r\n]')


def to_csv(table: pa.Table) -> str:
    """Format a table as CSV: a header, plain decimals with all their digits, ISO dates, empty for null.

    What a spreadsheet would run as a formula in a text gets an apostrophe in front, whether it splits cells at commas,
    semicolons or tabs; numbers stay numbers. Without that apostrophe, the text is exact again.
    """
    cells = [_cells(column) for column in table.columns]
    lines = pc.binary_join_element_wise(*cells, ",").to_pylist()
    header = ",".join(_to_cell(_defused(name)) for name in table.column_names)
    # CSV readers skip empty lines.
    return "".join(f"{line}\n" if line else '""\n' for line in [header, *lines])


def to_json(table: pa.Table) -> str:
    """Format a table as a JSON array of objects; decimals as text, so that readers do not turn them into floats."""
    columns = [_values(column) for column in table.columns]
    rows = [
        {
            name: value if _is_json(value) else to_text(value)
            for name, value in zip(table.column_names, row, strict=True)
        }
        for row in zip(*columns, strict=True)
    ]
    return visible(json.dumps(rows, ensure_ascii=False))


def to_json_objects(table: pa.Table) -> str:
    """Format a table as a JSON array, one object per line; decimals are numbers with all their digits.

    Nulls are left out, also within structs. ECMA-404 allows any number of digits.
    """
    rows = [_json_value(row) for row in table.to_pylist()]
    return "[\n" + ",\n".join(rows) + "\n]\n" if rows else "[]\n"


def to_parquet(table: pa.Table) -> bytes:
    """Return a table as a Parquet file; the same table gives the same bytes."""
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def with_iso_instants(table: pa.Table) -> pa.Table:
    """Return the table with its instants as text: ISO 8601 to the second, with T and Z."""
    for place, column in enumerate(table.columns):
        if pa.types.is_timestamp(column.type):
            texts = pc.strftime(column.cast(pa.timestamp("s", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
            table = table.set_column(place, table.column_names[place], texts)
    return table


def to_text_frame(table: pa.Table) -> pd.DataFrame:
    """Return a table as a data frame of text cells, null as None."""
    return _frame({name: _texts(table[name]) for name in table.column_names})


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    """Return a column as text cells."""
    values, places = _distinct(column)
    return _placed([to_text(value) for value in values], places)


def _distinct(column: pa.ChunkedArray) -> tuple[list[Any], pa.Array]:
    """Return the distinct values of a column, and the place of each row's value in them; null has none.

    So each value is formatted once. Lists and structs are returned one by one.
    """
    array = column.combine_chunks()
    if pa.types.is_nested(array.type):
        places = pc.if_else(array.is_valid(), pa.array(range(len(array)), pa.int32()), None)
        return _values(array), places
    try:
        coded = array.dictionary_encode()
    except pa.ArrowNotImplementedError:
        raise _unprintable(array.type) from None
    return _values(coded.dictionary), coded.indices


def _values(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Return the values of an array. Raises ConfigError if Python has no such value, as for an infinite date."""
    try:
        values: list[Any] = array.to_pylist()
    except (OverflowError, ValueError):
        raise _unprintable(array.type) from None
    return values


def _unprintable(kind: pa.DataType) -> ConfigError:
    return ConfigError(f"A value of type {kind} cannot be shown. Cast it in the query: `cast(… as varchar)`.")


def _placed(texts: Sequence[str | None], places: pa.Array) -> list[str | None]:
    return [None if place is None else texts[place] for place in places.to_pylist()]


def _cells(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as CSV cells that no spreadsheet runs as a formula; null is empty."""
    values, places = _distinct(column)
    texts = [to_text(value) for value in values]
    if not (pa.types.is_primitive(column.type) or pa.types.is_decimal(column.type)):
        texts = [text and _defused(text) for text in texts]
    return pc.fill_null(pa.array(map(_to_cell, texts), pa.string()).take(places), "")


def to_text(value: Any) -> str | None:
    """Format a value: a decimal with all its digits and no exponent, an instant in UTC, a boolean as true or false."""
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


def for_display(table: pa.Table, rates: Collection[str] = ()) -> pd.DataFrame:
    """Format a table for the screen: numbers with thousands separators, decimals as `readable` does.

    Characters that would act on a terminal are escaped.

    rates: names of columns with rates. Integers below 10,000 get no separator, since they may be years.
    """
    return _frame({name: _shown(table[name], is_rate=name in rates) for name in table.column_names})


def _shown(column: pa.ChunkedArray, *, is_rate: bool) -> list[str | None]:
    values, places = _distinct(column)
    texts: Sequence[str | None] = [visible(to_text(value) or "", lines=True) for value in values]
    if pa.types.is_decimal(column.type):
        texts = readable(values, is_rate=is_rate)
    elif pa.types.is_integer(column.type) and any(abs(value) >= _NO_YEAR for value in values):
        texts = [f"{value:,}" for value in values]
    return _placed(texts, places)


def _frame(columns: Mapping[str, list[str | None]]) -> pd.DataFrame:
    return pd.DataFrame(columns, columns=list(columns), dtype=object)


def _to_cell(text: str | None) -> str:
    # Before Python 3.13, csv and pandas write "\r" unquoted, and readers start a new row there.
    if text is not None and _TO_QUOTE.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text or ""


def _defused(text: str) -> str:
    return text if _PLAIN_NUMBER.fullmatch(text) else _FORMULA.sub(r"\1'", text)


def _json_value(value: Any) -> str:
    if isinstance(value, dict):
        known = {name: each for name, each in value.items() if each is not None}
        return (
            "{" + ", ".join(f"{json.dumps(name)}: {_json_value(each)}" for name, each in known.items()) + "}"
        )
    return plain(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def _is_json(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)  # JSON has no word for the others
    return value is None or isinstance(value, str | int | bool)


def with_credits_if_any(rows: pa.Table) -> pa.Table:
    """Return spend without its column `credits` if there are none, as in most accounts."""
    return rows if any(rows["credits"].to_pylist()) else rows.drop_columns("credits")
