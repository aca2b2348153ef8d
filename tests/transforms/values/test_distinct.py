from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.values.distinct import Distinct, is_distinct, map_distinct, repeated

WORDS = st.lists(st.none() | st.sampled_from(["", "a", "A", "bb", "1"]), max_size=20)


def test_map_distinct_maps_each_value_once_but_never_null() -> None:
    asked = []

    def length(text: str) -> int:
        asked.append(text)
        return len(text)

    mapped = map_distinct(pa.array(["one", None, "three", "one", None, "one"]), length, pa.int32())
    assert mapped.type == pa.int32()
    assert mapped.to_pylist() == [3, None, 5, 3, None, 3]
    assert sorted(asked) == ["one", "three"]


def test_map_distinct_may_map_to_null() -> None:
    mapped = map_distinct(pa.array([1, 2, 1]), lambda number: None if number == 1 else "two", pa.string())
    assert mapped.to_pylist() == [None, "two", None]


def test_map_distinct_passes_binary_values_as_bytes() -> None:
    mapped = map_distinct(pa.array([b"\xff", b"a"], pa.binary()), len, pa.int8())
    assert mapped.to_pylist() == [1, 1]


@given(WORDS)
def test_map_distinct_equals_mapping_every_row(words: list[str | None]) -> None:
    mapped = map_distinct(pa.array(words, pa.string()), lambda word: word * 2, pa.string())
    assert mapped.to_pylist() == [None if word is None else word * 2 for word in words]


def test_distinct_gives_several_columns() -> None:
    distinct: Distinct[str, tuple[str, int]] = Distinct(
        pa.array(["ab", "c", "ab"]), lambda text: (text.upper(), len(text))
    )
    assert distinct.column(lambda reading: reading[0], pa.string()).to_pylist() == ["AB", "C", "AB"]
    lengths = distinct.column(lambda reading: reading[1] if reading[1] > 1 else None, pa.int8())
    assert lengths.type == pa.int8()
    assert lengths.to_pylist() == [2, None, 2]


def test_distinct_parses_each_value_once_including_null() -> None:
    asked: list[str | None] = []

    def note(word: str | None) -> str:
        asked.append(word)
        return "nothing" if word is None else word.upper()

    distinct: Distinct[str | None, str] = Distinct(pa.array(["x", None, "a", None, "a", "x"])[1:], note)
    assert asked == distinct.values == [None, "a", "x"]
    assert distinct.counts == [2, 2, 1]
    assert distinct.column(str, pa.string()).to_pylist() == ["nothing", "A", "nothing", "A", "X"]


@given(words=WORDS)
def test_distinct_values_counts_and_rows_agree(words: list[str | None]) -> None:
    distinct: Distinct[str | None, str] = Distinct(pa.array(words, pa.string()), lambda word: f"<{word}>")
    assert dict(zip(distinct.values, distinct.counts, strict=True)) == Counter(words)
    assert distinct.readings == [f"<{word}>" for word in distinct.values]
    assert distinct.column(str, pa.string()).to_pylist() == [f"<{word}>" for word in words]


@given(st.lists(st.text(max_size=2), max_size=12))
def test_repeated_texts_of_several_chunks(words: list[str]) -> None:
    half = len(words) // 2
    column = pa.chunked_array([pa.array(words[:half], pa.string()), pa.array(words[half:], pa.string())])
    counted = Counter(words)
    assert Counter(repeated(column).to_pylist()) == Counter(word for word in counted if counted[word] > 1)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ((), [False, False, False, False, False]),
        (("word",), [False, True, True, False, True]),
        (("number",), [False, False, False, True, True]),
        (("word", "number"), [False, True, True, True, True]),
    ],
)
def test_is_distinct_counts_null_as_a_value(columns: tuple[str, ...], expected: list[bool]) -> None:
    before = pa.table({"word": ["a", None, "b", None, "a"], "number": [1, 2, 3, None, 5]})
    after = pa.table({"word": ["a", "a", None, None, "b"], "number": [1, 2, 3, 4, None]})
    assert is_distinct(before, after, columns).to_pylist() == expected
    assert is_distinct(after, before, columns).to_pylist() == expected


@given(rows=st.lists(st.tuples(st.none() | st.integers(0, 2), st.none() | st.integers(0, 2)), max_size=20))
def test_is_distinct_compares_as_python_does(rows: list[tuple[int | None, int | None]]) -> None:
    before, after = (pa.table({"x": pa.array([row[side] for row in rows], pa.int8())}) for side in (0, 1))
    assert is_distinct(before, after, ["x"]).to_pylist() == [one != other for one, other in rows]
