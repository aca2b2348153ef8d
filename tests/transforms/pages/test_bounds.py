import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.transforms import page_body, recording
from transforms.errors import OversizedError
from transforms.pages.accounts import read_account_envelope, read_accounts
from transforms.pages.bounds import LONGEST_TEXT, MOST_BYTES, MOST_RECORDS, shallow
from transforms.pages.records import read_envelope, read_records
from transforms.pages.refusals import Refusal, read_refusal
from transforms.pages.usage import read_usage_envelope

DEEP = b"[" * 100_000 + b"]" * 100_000
OBJECTS = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0) if isinstance(value, dict | list) else 0


values = st.recursive(
    st.none() | st.text('ab[]{}"\\,:', max_size=4) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text('[]{}"\\', max_size=2), inner, max_size=2)
    ),
    max_leaves=20,
)


@given(values, st.integers(0, 60))
def test_shallow_replaces_only_what_is_too_deep(value: Any, levels: int) -> None:
    nested = value
    for level in range(levels):
        nested = {"x": nested} if level % 2 else [nested, "]"]
    text = json.dumps(nested).encode()
    kept = json.loads(shallow(text))
    assert depth(kept) <= 32
    if depth(nested) < 32:
        assert kept == nested


@pytest.mark.parametrize("deep", [DEEP, OBJECTS])
def test_deep_value_does_not_hide_the_other_records(deep: bytes) -> None:
    body = page_body(
        recording('"A"', extra=deep.decode()), recording('"B"'), recording('"C"', price=deep.decode())
    )
    assert read_envelope(body).rows == 3
    page = read_records(body)
    assert [record.sid for record in page.records] == ["A", "B", "C"]
    assert bytes(page.records[0].price) == b'"-0.0025"'
    assert bytes(page.records[2].price)[:1] in b"[{"
    assert page.unknown_fields == [("A", "extra")]


def test_record_that_is_only_depth_is_misread() -> None:
    page = read_records(page_body(recording('"A"'), DEEP))
    assert [record.sid for record in page.records] == ["A"]
    ((position, misread),) = page.misread
    assert (position, misread.reason) == (1, "is not a JSON object in UTF-8")


def test_deep_json_elsewhere_is_not_an_error() -> None:
    assert read_account_envelope(b'{"accounts": [{"sid": "A", "x": ' + DEEP + b"}]}").rows == 1
    assert read_usage_envelope(b'{"usage_records": [{"x": ' + DEEP + b"}]}").rows == 1
    assert read_refusal(b'{"code": 20003, "message": ' + DEEP + b"}", ()) == Refusal()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (page_body(*[b"1"] * (MOST_RECORDS + 1)), "it has 50,001 records, more than 50,000"),
        (page_body(b"1," * 3_000_000 + b"1"), "it has more than 3,000,000 values"),
        (b" " * MOST_BYTES + page_body(), "it is larger than 64 MB"),
    ],
    ids=["records", "values", "bytes"],
)
def test_page_beyond_a_bound_is_refused(body: bytes, why: str) -> None:
    for read in (read_envelope, read_records):
        with pytest.raises(OversizedError, match=f"^{why}$"):
            read(body)


def test_long_text_is_a_reject_with_its_field() -> None:
    fits, too_long = f'"{"x" * LONGEST_TEXT}"', f'"{"x" * (LONGEST_TEXT + 1)}"'
    body = page_body(recording('"A"', source=fits), recording('"B"', source=too_long), recording(too_long))
    page = read_records(body)
    assert [record.sid for record in page.records] == ["A"]
    found = [(position, misread.field, misread.reason, misread.sid) for position, misread in page.misread]
    words = "has more than 10,000 characters"
    assert found == [(1, "source", words, "B"), (2, "sid", words, None)]


def test_long_address_of_audio_costs_nothing() -> None:
    (record,) = read_records(
        page_body(recording('"A"', media_url=f'"https://x/{"x" * LONGEST_TEXT}"'))
    ).records
    assert record.media_url == "?"


def test_names_of_accounts_are_shortened() -> None:
    body = json.dumps(
        {"accounts": [{"sid": "A", "friendly_name": "x" * 10**6}, {"sid": "x" * 10**6}]}
    ).encode()
    (account,) = read_accounts(body)
    assert len(account.name) == 256
