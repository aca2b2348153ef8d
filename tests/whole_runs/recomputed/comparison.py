"""Compare a table of the warehouse with the rows that were worked out, cell by cell."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from tests.whole_runs.recomputed.values import Row

_MOST = 20
_CLOSE = 1e-5
"""By what share a float may differ, and by the last two decimals in any case."""


class Near(NamedTuple):
    """A value that is made of this many parts, each of which may have been rounded before."""

    value: Fraction
    parts: int


class Close(NamedTuple):
    """A float, which is worked out by roots and powers: other ways to compute it end in other last digits.

    of: the largest of what it is the difference of, whose last digits it has. slack: what the rounding of its parts to
    nine decimals may make of it.
    """

    value: float
    of: float = 0.0
    slack: float = 0.0


class OneOf(NamedTuple):
    """A value that hangs on the last digit of floats: each of these is right."""

    values: tuple[Any, ...]


class Comparison:
    """Counts the cells that were compared, and remembers those that differ."""

    def __init__(self) -> None:
        self.cells: Counter[str] = Counter()
        self.differences: list[str] = []

    def compare(self, name: str, key: Sequence[str], found: Iterable[Row], expected: Iterable[Row]) -> None:
        """Compare all columns of the expected rows; every row of either side must have one on the other."""
        ours, theirs = _by_key(name, key, expected), _by_key(name, key, found)
        for missing in ours.keys() - theirs.keys():
            self._differ(f"{name} {missing}: missing, expected {_told(ours[missing])}")
        for extra in theirs.keys() - ours.keys():
            self._differ(f"{name} {extra}: not expected, found {_told(theirs[extra])}")
        for place in sorted(ours.keys() & theirs.keys(), key=str):
            row, other = ours[place], theirs[place]
            self.cells[name] += len(row)
            for column, value in row.items():
                if not agree(other[column], value):
                    self._differ(f"{name} {place} {column}: found {other[column]}, expected {_said(value)}")

    def _differ(self, what: str) -> None:
        self.differences.append(what)

    def __str__(self) -> str:
        more = len(self.differences) - _MOST
        return "\n".join([*self.differences[:_MOST], *([f"and {more} more"] if more > 0 else [])])


def agree(found: Any, expected: Any) -> bool:
    """Return whether a cell has the value. A Fraction may be rounded to the cell's decimals, either way of a tie."""
    if isinstance(expected, Fraction) and isinstance(found, Decimal):
        return abs(Fraction(found) - expected) <= _step(found) / 2
    if isinstance(expected, Near):
        return isinstance(found, Decimal) and abs(Fraction(found) - expected.value) <= expected.parts * _step(
            found
        )
    if isinstance(expected, Close):
        return isinstance(found, Decimal) and abs(float(found) - expected.value) <= max(
            _CLOSE * max(abs(expected.value), expected.of), float(20 * _step(found)), expected.slack
        )
    if isinstance(expected, OneOf):
        return found in expected.values
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected
    return bool(found == expected)


def _step(found: Decimal) -> Fraction:
    """Return the last decimal of a cell."""
    return Fraction(1, 10 ** -int(found.as_tuple().exponent))


def _by_key(name: str, key: Sequence[str], rows: Iterable[Row]) -> Mapping[tuple[Any, ...], Row]:
    by_key: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        place = tuple(row[column] for column in key)
        assert place not in by_key, f"{name} has {place} twice"
        by_key[place] = row
    return by_key


def _said(value: Any) -> str:
    return f"{float(value)} ({value})" if isinstance(value, Fraction) else str(value)


def _told(row: Row) -> str:
    return ", ".join(f"{column}={_said(value)}" for column, value in row.items() if value is not None)
