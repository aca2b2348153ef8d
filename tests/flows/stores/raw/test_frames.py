import hashlib
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.stores.raw.frames import body_of, compress, decompress, digest_of

BODY = b'{"recordings": [{"sid": "R1", "price": "-0.0025"}], "next_page_uri": null}' * 5


@given(st.binary(max_size=4000))
def test_any_bytes_round_trip_exactly(body: bytes) -> None:
    assert decompress(compress(body)) == body
    assert body_of(compress(body), len(body), digest_of(body)) == body


def test_frame_is_one_that_any_zstd_tool_reads(tmp_path: Path) -> None:
    path = tmp_path / "page.json.zst"
    path.write_bytes(compress(BODY))
    assert path.read_bytes()[:4] == bytes.fromhex("28b52ffd")
    assert path.stat().st_size < len(BODY)
    columns = (
        "hive_partitioning = false, header = false, delim = '\x01', quote = '', columns = {'line': 'varchar'}"
    )
    with duckdb.connect() as connection:
        lines = connection.execute(f"from read_csv('{path}', compression = 'zstd', {columns})").fetchall()
    assert lines == [(BODY.decode(),)]


@pytest.mark.parametrize("frame", [b"no frame", compress(BODY)[:-1], compress(BODY)[:4], compress(b"")[:5]])
def test_incomplete_frame_is_not_a_body(frame: bytes) -> None:
    with pytest.raises(OSError, match=r"compress|frame|ZSTD"):
        decompress(frame)
    assert body_of(frame, len(BODY), digest_of(BODY)) is None


def test_damaged_frame_is_never_another_body() -> None:
    frame = compress(BODY)
    for place in range(len(frame)):
        damaged = bytearray(frame)
        damaged[place] ^= 0x01
        with suppress(OSError):
            assert body_of(bytes(damaged), len(BODY), digest_of(BODY)) in (BODY, None)


def test_frame_of_a_format_before_is_read() -> None:
    # Until there was a journal, each frame was followed by a frame that tools skip, with the digest of the body.
    digest = hashlib.sha256(BODY).digest()
    frame = compress(BODY) + (0x184D2A50).to_bytes(4, "little") + len(digest).to_bytes(4, "little") + digest
    assert decompress(frame) == BODY
    assert body_of(frame, len(BODY), digest_of(BODY)) == BODY
