from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.samples.transforms import ACCOUNT, listed, recording, rows
from transforms.pages.sids import same_spelling, same_spellings

DIGITS = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SIDS = st.one_of(
    st.uuids().map(str),
    st.from_regex(r"\A(RE|CA|AC|CF)[0-9a-f]{32}\Z"),
    st.text(max_size=40),
)


@pytest.mark.parametrize(
    ("sid", "spelling"),
    [
        ("19E436AF-5688-4307-B03B-BDB2B42B8142", "19e436af-5688-4307-b03b-bdb2b42b8142"),
        ("19e436af-5688-4307-b03b-bdb2b42b8142", "19e436af-5688-4307-b03b-bdb2b42b8142"),
        (f"RE{DIGITS}", f"RE{DIGITS}"),
        (f"RE{DIGITS.upper()}", f"RE{DIGITS}"),
        (f"re{DIGITS}", f"RE{DIGITS}"),
        ("RE1", "RE1"),
        ("re1", "re1"),
        (f"RE{DIGITS}0", f"RE{DIGITS}0"),
        (f"RE{DIGITS[:-1]}g", f"RE{DIGITS[:-1]}g"),
        (f"RE{DIGITS}\n", f"RE{DIGITS}\n"),
        ("", ""),
    ],
)
def test_sid_has_one_spelling(sid: str, spelling: str) -> None:
    assert same_spelling(sid) == spelling


@given(st.uuids())
def test_uuids_are_equal_whatever_their_case(uuid: UUID) -> None:
    assert same_spelling(str(uuid).upper()) == same_spelling(str(uuid)) == str(uuid)


@given(st.lists(st.one_of(st.none(), SIDS, SIDS.map(str.upper), SIDS.map(str.swapcase)), max_size=8))
def test_column_of_sids_is_spelled_as_each_of_them(sids: list[str | None]) -> None:
    found = same_spellings(pa.array(sids, pa.string())).to_pylist()
    assert found == [None if sid is None else same_spelling(sid) for sid in sids]


def test_recording_spelled_two_ways_is_the_same() -> None:
    sid = "19e436af-5688-4307-b03b-bdb2b42b8142"
    found = listed(
        recording(f'"{sid}"', account_sid=f'"{ACCOUNT.upper()}"', call_sid=f'"{sid.upper()}"'),
        recording(f'"{sid.upper()}"', account_sid=f'"{ACCOUNT}"', call_sid=f'"{sid}"'),
    )
    assert not found.rejects.num_rows
    assert {
        (row["recording_sid"], row["account_sid"], row["call_sid"]) for row in rows(found.recordings)
    } == {(sid, ACCOUNT, sid)}


def test_requested_account_keeps_its_spelling() -> None:
    found = listed(recording(account_sid=f'"{ACCOUNT}"'), account_sid=ACCOUNT.upper())
    assert [row["account_sid"] for row in rows(found.recordings)] == [ACCOUNT.upper()]


def test_rejected_recording_has_the_same_spelling() -> None:
    (row,) = rows(listed(recording(f'"re{DIGITS}"', price='"free"')).rejects)
    assert (row["recording_sid"], row["record_key"]) == (f"RE{DIGITS}", f"RE{DIGITS}")


@pytest.mark.parametrize("name", ["call_sid", "conference_sid"])
def test_empty_call_or_conference_is_null(name: str) -> None:
    (row,) = rows(listed(recording(**{name: '""'})).recordings)
    assert row[name] is None
