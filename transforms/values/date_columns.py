"""Parse columns of dates, with the same result as parsing each text.

In a column there are few regular forms, and each has the time of day at the same place. It is parsed for all rows at
once. What is around it (the day and the zone) has few distinct values, and each is parsed once, as midnight. Only a
text in no such form is parsed by itself.
"""

import re
from datetime import MAXYEAR, UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.values.dates import INSTANT, parse_instant
from transforms.values.distinct import map_distinct

Letters = np.ndarray[Any, np.dtype[np.uint8]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Words = np.ndarray[Any, np.dtype[np.uint64]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

# Where 23:00:00 begins: after `Tue, 25 Sep 2018 `, `Tue, 25 Sept 2018 `, `2018-09-25T`, and at last anywhere.
_CLOCK_STARTS = tuple(dict.fromkeys((17, 18, 11, *range(1, 33))))
_CLOCK = "00:00:00"
_CLOCK_IN = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?!\.)", re.ASCII)
_POINT, _ZERO = np.frombuffer(b".0", np.uint8)
_WORD = 8


def _word(letters: bytes) -> np.uint64:
    """Return eight bytes as a number, the first byte as the lowest."""
    return np.uint64(int.from_bytes(letters, "little"))


# For a time of day as one number of eight bytes: xor with midnight leaves the digits' values, and nothing of colons.
_MIDNIGHT_WORD = _word(_CLOCK.encode())
_UP_TO_HEX = _word(b"\6\6\0\6\6\0\6\6")  # makes the upper half of a byte of a digit above 9 differ from 0
_NOT_DIGITS = _word(b"\xf0\xf0\xff\xf0\xf0\xff\xf0\xf0")
_BYTE = np.uint64(0xFF)
_TEN, _HOUR, _MINUTE = np.uint64(10), np.uint64(3600), np.uint64(60)
# As many texts are parsed sooner one by one.
_FEW = 100
_ODD = np.iinfo(np.int64).min


def instants(texts: pa.Array) -> pa.Array:
    """Parse a column of dates (string) into instants (timestamp[us, UTC]); an unreadable date and null become null."""
    found = np.full(len(texts), _ODD)
    begins, sizes, letters = _places(texts)
    counts = np.bincount(sizes)
    for size in np.flatnonzero(counts >= _FEW).tolist():
        if size >= len(_CLOCK):
            rows = np.flatnonzero(sizes == size)
            found[rows] = _of_one_size(_matrix(letters, begins[rows], size))
    is_odd = found == _ODD
    regular = pa.array(found, mask=is_odd).cast(INSTANT)
    if regular.null_count == texts.null_count:
        return regular
    odd = pc.and_(is_odd, pc.is_valid(texts))
    others = map_distinct(texts.filter(odd), _moment, pa.int64()).cast(INSTANT)
    return pc.replace_with_mask(regular, odd, others)


def _places(texts: pa.Array) -> tuple[Numbers, Numbers, Letters]:
    """Return where each text begins in the bytes of all, and how many it has; null has none."""
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4).astype(np.int64)
    sizes = np.diff(places)
    if texts.null_count:
        sizes[np.asarray(texts.is_null())] = 0
    return places[:-1], sizes, np.frombuffer(data or b"", np.uint8)


def _matrix(letters: Letters, begins: Numbers, size: int) -> Letters:
    """Copy texts of this many bytes into a matrix: a row for each text, a column for each byte."""
    texts = np.ndarray(len(letters) - size + 1, f"V{size}", letters, strides=(1,))
    return texts[begins].view(np.uint8).reshape(-1, size)


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
        if len(rows):
            alike = _rows(letters, rows)
            midnights = _midnights(alike, start, count)
            moments = midnights + clocks[rows] * 1_000_000 + _microseconds(alike[:, end + 1 :], count)
            found[rows] = np.where(midnights == _ODD, _ODD, moments)
    return found


def _rows(letters: Letters, rows: Numbers) -> Letters:
    return letters if len(rows) == len(letters) else letters[rows]


def _clocks(letters: Letters) -> Numbers:
    """Parse times of day such as 23:45:59 as seconds; -1 for anything else."""
    digits = _words(letters)[:, 0] ^ _MIDNIGHT_WORD
    is_clock = (digits | (digits + _UP_TO_HEX)) & _NOT_DIGITS == 0
    pairs = digits * _TEN + (digits >> np.uint64(8))  # every byte with the next one, as two digits
    hours, minutes, seconds = (pairs >> np.uint64(shift) & _BYTE for shift in (0, 24, 48))
    is_clock &= (hours < 24) & (minutes < 60) & (seconds < 60)
    clocks: Numbers = (hours * _HOUR + minutes * _MINUTE + seconds).view(np.int64)
    clocks[~is_clock] = -1
    return clocks


def _words(letters: Letters) -> Words:
    """View eight columns of bytes, and the next eight, and so on, as one number each."""
    return np.ascontiguousarray(letters).view("<u8")


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
    """Parse texts as if the time of day were midnight: what is around it has few different values.

    Mostly it is that of the row before, so that only the first one of such rows is looked up.
    """
    rows, size = letters.shape
    clock = f"{_CLOCK}.{'0' * decimals}" if decimals else _CLOCK
    end = start + len(clock)
    around = np.zeros((rows, -(-size // _WORD) * _WORD), np.uint8)
    around[:, :start], around[:, end:size] = letters[:, :start], letters[:, end:]
    is_other = np.zeros(rows, np.bool_)
    is_other[0] = True
    for words in _words(around).T:
        is_other[1:] |= words[1:] != words[:-1]
    firsts = np.flatnonzero(is_other)
    data = pa.py_buffer(around[firsts])
    texts = pa.FixedSizeBinaryArray.from_buffers(pa.binary(around.shape[1]), len(firsts), [None, data])
    encoded = texts.dictionary_encode()
    parsed = [
        _midnight(text[:start].decode(), clock, text[end:size].decode())
        for text in encoded.dictionary.to_pylist()
    ]
    midnights = np.array(parsed, np.int64)[np.asarray(encoded.indices)]
    return np.repeat(midnights, np.diff(firsts, append=rows))


@lru_cache(maxsize=2_000)
def _midnight(before: str, clock: str, after: str) -> int:
    """Parse a text as a number of microseconds since 1970; _ODD if it is not a date with this time of day."""
    found = None if ":" in before else parse_instant(before + clock + after)
    # After midnight of its last day, time ends.
    return _ODD if found is None or found.year == MAXYEAR else (found - _EPOCH) // _MICROSECOND


def _moment(text: str) -> int | None:
    """Parse one text as a number of microseconds since 1970."""
    if clock := _CLOCK_IN.search(text):
        midnight = _midnight(text[: clock.start()], _CLOCK, text[clock.end() :])
        if midnight != _ODD:
            hours, minutes, seconds = map(int, clock.groups())
            return midnight + ((hours * 60 + minutes) * 60 + seconds) * 1_000_000
    found = parse_instant(text)
    return None if found is None else (found - _EPOCH) // _MICROSECOND
