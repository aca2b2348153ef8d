"""Texts as numbers of 64 bits: they take a fifth of the memory of an identifier, and are sorted ten times as fast."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Fingerprints = npt.NDArray[np.uint64]
Numbers = Fingerprints | npt.NDArray[np.uint32]

_WORD = 8


def fingerprints(texts: pa.Array) -> Fingerprints:
    """Return a number for each text, none of them null: equal texts have equal numbers, others hardly ever."""
    lengths = pc.binary_length(texts)
    different = pc.unique(lengths).to_pylist()
    if len(different) == 1:
        return _of_one_length(texts, different[0])
    found = np.zeros(len(texts), np.uint64)
    for length in different:
        is_as_long = pc.equal(lengths, length)
        found[np.asarray(is_as_long)] = _of_one_length(texts.filter(is_as_long), length)
    return found


def repeated_fingerprints(ordered: Fingerprints) -> Fingerprints:
    """Return the numbers that are there more than once. They are in order."""
    found: Fingerprints = ordered[1:][ordered[1:] == ordered[:-1]]
    return found


def is_among(values: Numbers, ordered: Numbers) -> npt.NDArray[np.bool_]:
    """Check which numbers are among others, which are in order."""
    if not len(ordered):
        return np.zeros(len(values), np.bool_)
    places = np.searchsorted(ordered, values)
    found: npt.NDArray[np.bool_] = ordered[np.minimum(places, len(ordered) - 1)] == values
    return found


def _of_one_length(texts: pa.Array, length: int) -> Fingerprints:
    """Add up the words of each text, each times a number of its own. The last word may overlap the one before it."""
    _, offsets, characters = texts.buffers()
    first = int(np.frombuffer(offsets, np.int32)[texts.offset])
    letters = np.frombuffer(characters or b"", np.uint8)[first : first + len(texts) * length]
    width = max(length, _WORD)
    if length < _WORD:
        letters = np.pad(letters.reshape(len(texts), length), ((0, 0), (0, _WORD - length))).ravel()
    begins = [*range(0, width - _WORD, _WORD), width - _WORD]
    factors = np.random.default_rng(1).integers(1, 1 << 64, len(begins), np.uint64) | np.uint64(1)
    total = np.full(len(texts), length, np.uint64)
    for begin, factor in zip(begins, factors, strict=True):
        total += np.ndarray(len(texts), "<u8", letters, begin, (width,)) * factor
    return total
