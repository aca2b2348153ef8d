import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.transforms import page_body, recording
from transforms.pages.broken import divided, sid_in

BROKEN = recording('"BAD"', price="NaN")


def test_page_is_divided_into_its_records_and_the_rest() -> None:
    texts = [recording('"A"'), BROKEN, b'"],[{"', b"[1, [2]]", b"null"]
    assert divided(page_body(*texts, next_page_uri=b'"/]"')) == (page_body(next_page_uri=b'"/]"'), texts)
    assert divided(page_body()) == (page_body(), [])


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=5), st.integers(0, 5), st.sampled_from([None, 2]))
def test_broken_record_is_divided_from_others(rows: list[object], place: int, indent: int | None) -> None:
    texts = [json.dumps(row, indent=indent).encode() for row in rows]
    texts.insert(place, BROKEN)
    _, found = divided(page_body(*texts)) or (b"", [])
    assert found == texts


@pytest.mark.parametrize(
    "body",
    [
        page_body(recording('"A"', extra="[" * 40 + "]" * 40)),  # deeper than any page
        b'{"recordings": [' + b"}" * 1_000_001 + b"]}",
        b'{"x": "' + b"x" * 70_000 + b'", "recordings": []}',
        b'{"x": {"recordings": []}}',
        b'["recordings", [1]]',
        b'{"recordings": [1',
        b"",
    ],
    ids=["deep", "brackets", "long start", "nested", "list", "cut off", "empty"],
)
def test_what_is_not_a_page_is_not_divided(body: bytes) -> None:
    assert divided(body) is None


@pytest.mark.parametrize(
    ("text", "sid"),
    [
        (b'{"sid" : "A", "x": NaN}', "A"),
        (rb'{"sid": "\u0041", "x": "\"sid\": 1"', "A"),
        (b'{"call_sid": "A"}', None),
        (b'{"sid": "A", "sid": "A"}', None),
        (b'{"sid": "\xff"}', None),
        (b'{"sid": 7}', None),
        (b'{"sid": ""}', None),
    ],
)
def test_the_only_sid_in_a_broken_record_is_found(text: bytes, sid: str | None) -> None:
    assert sid_in(text) == sid
