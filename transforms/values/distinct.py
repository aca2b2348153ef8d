"""Whole columns at once: values read once each, and rows of two tables compared. Keeps Python out of the row loop."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.fingerprints import fingerprints

V = TypeVar("V", bound=Hashable)
R = TypeVar("R")


def map_distinct(values: pa.Array, function: Callable[[Any], Any], to_type: pa.DataType) -> pa.Array:
    """Apply a Python function to each *distinct* value of a column; null stays null.

    `function` gets a Python value and returns a value of `to_type` or None. A column of 200,000 days has a few
    hundred distinct ones, so each row only costs a dictionary look-up in C++.
    """
    encoded = values.dictionary_encode()
    mapped = pa.array([function(value) for value in encoded.dictionary.to_pylist()], to_type)
    return mapped.take(encoded.indices)


def repeated(values: pa.ChunkedArray) -> pa.Array:
    """Return the texts that a column without nulls has more than once, each once."""
    numbers = pa.chunked_array([fingerprints(chunk) for chunk in values.chunks], pa.uint64())
    if len(pc.unique(numbers)) == len(values):  # hardly ever otherwise, and counting takes far longer
        return pa.array([], values.type)
    counted = pa.table({"value": values}).group_by("value").aggregate([([], "count_all")])
    return counted["value"].filter(pc.greater(counted["count_all"], 1)).combine_chunks()


def is_distinct(before: pa.Table, after: pa.Table, columns: Iterable[str]) -> pa.ChunkedArray:
    """Compare two tables row by row: true where at least one of the columns differs, never null.

    As SQL's IS DISTINCT FROM: null equals null, and differs from every value.

    Args:
        before: A table with these columns.
        after: One with as many rows, in the same order.
        columns: Names of the columns to compare. Without any, no row differs.
    """
    result = pa.chunked_array([pa.repeat(False, before.num_rows)])
    for name in columns:
        one_is_null = pc.xor(pc.is_null(before[name]), pc.is_null(after[name]))
        is_unequal = pc.fill_null(pc.not_equal(before[name], after[name]), False)
        result = pc.or_(result, pc.or_(one_is_null, is_unequal))
    return result


class Distinct(Generic[V, R]):
    """The distinct values of a column (None is one too), each parsed once.

    `values`, `readings` and `counts` are parallel: each value, the result of parsing it, and its number of rows.
    `column` turns an attribute of the results into the whole Arrow column.
    """

    def __init__(self, values: pa.Array, read: Callable[[V], R]) -> None:
        encoded = values.dictionary_encode(null_encoding="encode")
        self.values: list[V] = encoded.dictionary.to_pylist()
        self._indices = encoded.indices
        self.readings = [read(value) for value in self.values]

    @property
    def counts(self) -> list[int]:
        """How many rows have each value."""
        counted = pc.value_counts(self._indices)
        by_code = dict(zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True))
        return [by_code[code] for code in range(len(self.values))]

    def first_row(self, code: int) -> int:
        """Return the number of the first row with a value, by its place in `values`."""
        return int(pc.index(self._indices, pa.scalar(code, self._indices.type)).as_py())

    def column(self, attribute: Callable[[R], object], to_type: pa.DataType) -> pa.Array:
        """Build the Arrow column of one attribute of the results, in the order of the rows."""
        return pa.array([attribute(reading) for reading in self.readings], to_type).take(self._indices)
