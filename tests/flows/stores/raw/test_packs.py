"""Packs: what is in one is found, whatever its digest is, and a damaged one is said to be."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.stores.raw.packs import Packs
from transforms.errors import DataError

FRAMES = {hashlib.sha256(text).hexdigest(): text * 9 for text in (b"a", b"b", b"c")}


def test_pages_and_journal_of_a_closed_month_are_found(tmp_path: Path) -> None:
    packs = Packs(tmp_path)
    packs.write("2026-07", FRAMES, b"line\n" * 100)
    assert {digest: packs.frame(digest) for digest in FRAMES} == FRAMES
    assert packs.frame("00" * 32) is None
    assert packs.journal("2026-07") == b"line\n" * 100
    assert (packs.closed_months(), packs.frames("2026-07")) == ({"2026-07"}, FRAMES)


def test_open_month_has_pages_and_no_journal(tmp_path: Path) -> None:
    packs = Packs(tmp_path)
    packs.write("2026-07", FRAMES, None)
    assert packs.closed_months() == set()
    assert packs.frames("2026-07") == FRAMES
    with pytest.raises(DataError, match=r"2026-07\.arrow is missing or damaged\. Restore it"):
        packs.journal("2026-07")
    packs.remove_open("2026-07")
    assert packs.frames("2026-07") == {}


DIGESTS = st.binary(min_size=32, max_size=32) | st.binary(min_size=2, max_size=2).map(
    lambda end: bytes(30) + end
)


@given(pages=st.dictionaries(DIGESTS, st.binary(max_size=20), max_size=20), other=DIGESTS)
def test_every_digest_is_found_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, pages: dict[bytes, bytes], other: bytes
) -> None:
    packs = Packs(tmp_path_factory.mktemp("account"))
    packs.write("2026-07", {digest.hex(): page for digest, page in pages.items()}, b"")
    assert {digest: packs.frame(digest.hex()) for digest in pages} == pages
    assert packs.frame(other.hex()) == pages.get(other)


@pytest.mark.parametrize("kept", [0, 10, 200])
def test_damaged_pack_is_an_error_that_names_it(kept: int, tmp_path: Path) -> None:
    packs = Packs(tmp_path)
    packs.write("2026-07", FRAMES, b"")
    path = packs.path("2026-07")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"2026-07\.arrow is missing or damaged"):
        packs.frame("00" * 32)
