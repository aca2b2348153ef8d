"""Packs: what is in one is found, whatever its digest is, and a damaged one is said to be."""

import hashlib
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.stores.raw.frames import body_of, compress
from flows.stores.raw.packs import Packs, journal_in
from transforms.errors import DataError

BODIES = {hashlib.sha256(text * 9).hexdigest(): text * 9 for text in (b"a", b"b", b"c")}
FRAMES = {digest: compress(body) for digest, body in BODIES.items()}


def write(packs: Packs, path: Path, frames: dict[str, bytes], journal: bytes | None = None) -> None:
    packs.write(path, sorted(frames), frames.__getitem__, journal)


def frames(packs: Packs) -> dict[str, bytes]:
    return {digest: bytes(packs.frame(digest) or b"") for digest in FRAMES}


@pytest.fixture
def packs(tmp_path: Path) -> Packs:
    return Packs(tmp_path)


def test_pages_and_journal_of_a_closed_month_are_found(packs: Packs) -> None:
    path = packs.path("2026-07")
    write(packs, path, FRAMES, b"line\n" * 100)
    assert frames(packs) == FRAMES
    assert packs.frame("00" * 32) is None
    assert journal_in(path) == b"line\n" * 100
    assert packs.closed_months() == {"2026-07"}
    assert (packs.digests(path), {packs.path_of(digest) for digest in FRAMES}) == (sorted(FRAMES), {path})


def test_open_month_has_pages_and_no_journal(packs: Packs) -> None:
    path = packs.open_path("2026-07")
    write(packs, path, FRAMES)
    assert packs.closed_months() == set()
    assert {digest: bytes(packs.frame_in(path, digest) or b"") for digest in FRAMES} == FRAMES
    with pytest.raises(DataError, match=r"2026-07\.open\.arrow is missing or damaged\. Restore it"):
        journal_in(path)
    path.unlink()
    assert (packs.digests(path), packs.frame_in(path, "00" * 32), packs.path_of("00" * 32)) == (
        [],
        None,
        None,
    )


def test_pack_that_is_replaced_while_it_is_looked_for_is_found(packs: Packs) -> None:
    opened, closed = packs.open_path("2026-07"), packs.path("2026-07")
    write(packs, opened, FRAMES)
    real = Path.stat

    def stat_or_close(path: Path, **options: bool) -> object:
        if path == opened and opened in opened.parent.iterdir() and not closed.exists():
            write(packs, closed, FRAMES, b"")
            opened.unlink()
        return real(path, **options)

    with patch.object(Path, "stat", stat_or_close):
        assert frames(packs) == FRAMES


@given(
    bodies=st.sets(st.binary(max_size=20), max_size=20),
    other=st.binary(min_size=32, max_size=32)
    | st.binary(min_size=2, max_size=2).map(lambda end: bytes(30) + end),
    batch=st.integers(1, 200),
)
def test_every_digest_is_found_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, bodies: set[bytes], other: bytes, batch: int
) -> None:
    packs = Packs(tmp_path_factory.mktemp("account"))
    pages = {hashlib.sha256(body).hexdigest(): body for body in bodies}
    with patch("flows.stores.raw.packs._BATCH_BYTES", batch):
        write(packs, packs.path("2026-07"), {digest: compress(body) for digest, body in pages.items()}, b"")
    assert {
        digest: body_of(packs.frame(digest) or b"", len(body), digest) for digest, body in pages.items()
    } == pages
    assert packs.frame(other.hex()) is None


def test_pack_that_does_not_read_back_is_not_put_in_place(packs: Packs) -> None:
    path = packs.path("2026-07")
    write(packs, path, FRAMES, b"line\n")
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"2026-07\.arrow does not read back as it was written"):
        write(packs, path, {digest: compress(b"other") for digest in FRAMES}, b"line\n")
    assert path.read_bytes() == before
    assert packs.unfinished() == []


@pytest.mark.parametrize("kept", [0, 10, 200])
def test_pack_that_was_cut_off_is_an_error_that_names_it(kept: int, packs: Packs) -> None:
    path = packs.path("2026-07")
    write(packs, path, FRAMES, b"")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"2026-07\.arrow is missing or damaged"):
        packs.frame("00" * 32)


def test_no_changed_byte_of_a_pack_gives_another_page(packs: Packs) -> None:
    path = packs.path("2026-07")
    write(packs, path, FRAMES, b"line\n" * 100)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :])
        try:
            found = {digest: packs.frame(digest) for digest in FRAMES}
        except DataError as error:
            assert str(path) in str(error)
            continue
        for digest, body in BODIES.items():
            assert body_of(found[digest] or b"", len(body), digest) in (body, None)
