"""Fingerprints stand for texts: equal ones for equal texts, and others for others."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.values.fingerprints import fingerprints, is_among, repeated_fingerprints


@given(st.lists(st.text(max_size=40)), st.integers(0, 3))
def test_equal_texts_have_equal_fingerprints(texts: list[str], begin: int) -> None:
    found = fingerprints(pa.array(texts, pa.string())[begin:])
    assert dict(zip(texts[begin:], found.tolist(), strict=True)) == {
        text: fingerprints(pa.array([text]))[0] for text in texts[begin:]
    }


def test_other_texts_have_other_fingerprints() -> None:
    texts = [
        f"{kind}{number:0{digits}x}"
        for kind in ("RE", "", "a-b")
        for digits in (1, 9, 32)
        for number in range(999)
    ]
    assert len(np.unique(fingerprints(pa.array(texts)))) == len(set(texts))


def test_repeated_fingerprints_are_found() -> None:
    found = repeated_fingerprints(np.sort(fingerprints(pa.array(["a", "b", "c", "b", "", "", ""]))))
    assert set(found.tolist()) == set(fingerprints(pa.array(["b", ""])).tolist())
    assert not len(repeated_fingerprints(fingerprints(pa.array([], pa.string()))))


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_numbers_are_found_among_others(values: list[int], others: list[int]) -> None:
    found = is_among(np.array(values, np.uint64), np.sort(np.array(others, np.uint64)))
    assert found.tolist() == [value in others for value in values]
