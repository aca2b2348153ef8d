"""Parse columns of dates, with the same result as parsing each text.

In a column there are few regular forms, and each has the time of day at the same place. It is parsed for all rows at
once. What is around it (the day and the zone) has few distinct values, and each is parsed once, as midnight. Only a
text in no such form is parsed by itself.
"""

from collections.abc import Mapping
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.dates import INSTANT, parse_instant
from transforms.values.distinct import map_distinct

Letters = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Where 23:00:00 begins: after `Tue, 25 Sep 2018 `, `Tue, 25 Sept 2018 `, `2018-09-25T`, and at last anywhere.
_CLOCK_STARTS = tuple(dict.fromkeys((17, 18, 11, *range(1, 33))))
_CLOCK = "00:00:00"
_POINT, _ZERO = np.frombuffer(b".0", np.uint8)
_NO_NUMBER = -100


def _numbers_in(pairs: Mapping[str, int]) -> Numbers:
    """Tabulate the numbers in pairs of letters, by both bytes as one integer."""
    numbers = np.full(1 << 16, _NO_NUMBER, np.int64)
    numbers[np.frombuffer("".join(pairs).encode(), np.uint16)] = list(pairs.values())
    return numbers


# Hours, tens of minutes, minutes and seconds are in the four pairs of letters of 23:45:59.
_TWO_DIGITS = _numbers_in({f"{number:02}": number for number in range(100)})
_PLACES = (
    _TWO_DIGITS,
    _numbers_in({f":{digit}": digit * 10 for digit in range(6)}),
    _numbers_in({f"{digit}:": digit for digit in range(10)}),
    _TWO_DIGITS,
)
# As many texts are parsed sooner one by one.
_FEW = 30
_ODD = np.iinfo(np.int64).min


def instants(texts: pa.Array) -> pa.Array:
    """Parse a column of dates (string) into instants (timestamp[us, UTC]); an unreadable date and null become null."""
    found = np.full(len(texts), _ODD)
    sizes = pc.binary_length(texts)
    for size, count in zip(*(each.to_pylist() for each in pc.value_counts(sizes).flatten()), strict=True):
        if not size or count < _FEW:
            continue
        is_alike = pc.fill_null(pc.equal(sizes, size), False)
        found[np.asarray(is_alike)] = _of_one_size(_letters(texts.filter(is_alike), size))
    is_odd = found == _ODD
    regular = pa.array(found, mask=is_odd).cast(INSTANT)
    if regular.null_count == texts.null_count:
        return regular
    odd = pc.and_(is_odd, pc.is_valid(texts))
    return pc.replace_with_mask(regular, odd, map_distinct(texts.filter(odd), parse_instant, INSTANT))


def _letters(texts: pa.Array, size: int) -> Letters:
    """View texts of this many bytes as a matrix: a row for each text, a column for each byte."""
    _, offsets, data = texts.buffers()
    first = np.frombuffer(offsets, np.int32)[texts.offset]
    return np.frombuffer(data, np.uint8, len(texts) * size, first).reshape(-1, size)


def _of_one_size(letters: Letters) -> Numbers:
    """Parse texts of the same size into microseconds since 1970; _ODD for those in no regular form."""
    found = np.full(len(letters), _ODD)
    for start in _CLOCK_STARTS:
        left = np.flatnonzero(found == _ODD)
        if len(left) < _FEW:
            break
        if start + len(_CLOCK) <= letters.shape[1]:
            found[left] = _of_one_place(_rows(letters, left), start)
    return found


def _of_one_place(letters: Letters, start: int) -> Numbers:
    """Parse texts of the same size; _ODD for those without a time of day at this byte."""
    end = start + len(_CLOCK)
    clocks = _clocks(letters[:, start:end])
    decimals = _decimals(letters[:, end:])
    found = np.full(len(letters), _ODD)
    for count in np.flatnonzero(np.bincount(decimals)).tolist():
        rows = np.flatnonzero((clocks >= 0) & (decimals == count))
        alike = _rows(letters, rows)
        midnights = _midnights(alike, start, count)
        moments = midnights + clocks[rows] * 1_000_000 + _microseconds(alike[:, end + 1 :], count)
        found[rows] = np.where(midnights == _ODD, _ODD, moments)
    return found


def _rows(letters: Letters, rows: Numbers) -> Letters:
    return letters if len(rows) == len(letters) else letters[rows]


def _clocks(letters: Letters) -> Numbers:
    """Parse times of day such as 23:45:59 as seconds; -1 for anything else."""
    pairs = np.ascontiguousarray(letters).view(np.uint16)
    hours, tens, ones, seconds = (numbers[pairs[:, place]] for place, numbers in enumerate(_PLACES))
    minutes = tens + ones
    is_clock = (hours >= 0) & (hours < 24) & (minutes >= 0) & (seconds >= 0) & (seconds < 60)
    clocks: Numbers = np.where(is_clock, (hours * 60 + minutes) * 60 + seconds, -1)
    return clocks


def _decimals(letters: Letters) -> Numbers:
    """Count the decimals of seconds, up to nine, that texts begin with: 3 in `.250Z`."""
    is_point = letters[:, :1] == _POINT
    if not is_point.any():
        return np.zeros(len(letters), np.int64)
    is_digit = letters[:, 1:10] - _ZERO < 10
    decimals: Numbers = (np.logical_and.accumulate(is_digit, axis=1) & is_point).sum(axis=1)
    return decimals


def _microseconds(letters: Letters, decimals: int) -> Numbers:
    """Parse decimals of seconds; what is after the sixth is left out."""
    digits = letters[:, : min(decimals, 6)] - _ZERO
    microseconds: Numbers = digits @ 10 ** np.arange(5, 5 - digits.shape[1], -1)
    return microseconds


def _midnights(letters: Letters, start: int, decimals: int) -> Numbers:
    """Parse texts as if the time of day were midnight: what is around it has few different values."""
    clock = f"{_CLOCK}.{'0' * decimals}" if decimals else _CLOCK
    around = np.delete(letters, np.s_[start : start + len(clock)], axis=1)
    data = pa.py_buffer(np.ascontiguousarray(around))
    texts = pa.FixedSizeBinaryArray.from_buffers(pa.binary(around.shape[1]), len(around), [None, data])
    encoded = texts.dictionary_encode()
    parsed = [
        _midnight(text[:start].decode(), clock, text[start:].decode())
        for text in encoded.dictionary.to_pylist()
    ]
    midnights: Numbers = np.array(parsed, np.int64)[np.asarray(encoded.indices)]
    return midnights


def _midnight(before: str, clock: str, after: str) -> int:
    """Parse a text as a number of microseconds since 1970; _ODD if it is not a date with this time of day."""
    found = None if ":" in before else parse_instant(before + clock + after)
    # After midnight of its last day, time ends.
    return _ODD if found is None or found.year == MAXYEAR else (found - _EPOCH) // _MICROSECOND
