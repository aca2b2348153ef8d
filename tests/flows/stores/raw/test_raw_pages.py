import hashlib
import json
from contextlib import suppress
from datetime import date
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.stores.raw.landing import Landing, compress, decompress
from flows.stores.raw.raw_pages import RawPages
from flows.stores.whole_files import BESIDE
from tests.support.samples.stores import ACCOUNT, OTHER_ACCOUNT, landing, utc
from tests.support.servers.scripted_server import page
from transforms.errors import DataError
from transforms.values.windows import Window

BODIES = [
    page({"sid": "R1", "price": "-0.0025"}, {"sid": "R2"}, next_page_uri="/2").replace(b": ", b":  "),
    page({"sid": "R3", "name": "\u00fc\U0001f600"}, next_page_uri="/3") + b"\r\n",
    page(),
]
ROWS = [2, 1, 0]
URLS = ["https://example.com/1?DateCreated%3E=2026", "https://example.com/2", "https://example.com/3"]
DONE = utc(2026, 8, 1, 4)


def write(raw: RawPages, to: Landing, pages: int = 3, *, complete: bool = True) -> None:
    writer = raw.writer(to)
    for url, body, rows in list(zip(URLS, BODIES, ROWS, strict=True))[:pages]:
        writer.add(url, body, rows)
    if complete:
        writer.complete(DONE)


def folder(data_dir: Path, of: Landing) -> Path:
    return data_dir / of.name


def file_names(data_dir: Path, of: Landing) -> list[str]:
    return sorted(path.name for path in folder(data_dir, of).iterdir())


@pytest.fixture
def raw(tmp_path: Path) -> RawPages:
    return RawPages(tmp_path)


def test_landing_name_has_account_window_and_begin() -> None:
    window = Window(date(2026, 7, 1), date(2026, 7, 31))
    found = Landing("A", window, utc(2026, 8, 1, 3, 4).replace(second=5, microsecond=60))
    assert found.name == "raw/account_sid=A/2026-07-01_2026-07-31/20260801T030405.000060Z"
    assert (found.fetch.window, found.fetch.fetched_at) == (window, found.fetched_at)
    assert found.fetch.landing == found.name


def test_pages_round_trip_byte_for_byte_in_order(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing())
    pages = list(raw.pages(landing()))
    assert [each.body for each in pages] == BODIES
    assert [each.name for each in pages] == [f"{landing().name}/page-0000{n}.json.zst" for n in range(3)]
    assert all((tmp_path / each.name).is_file() for each in pages)


@given(st.binary(max_size=4000))
def test_any_bytes_round_trip_exactly(body: bytes) -> None:
    assert decompress(compress(body)) == body


def test_page_file_is_a_standard_zstd_frame(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing())
    path = folder(tmp_path, landing()) / "page-00000.json.zst"
    assert path.read_bytes()[:4] == bytes.fromhex("28b52ffd")
    assert path.stat().st_size < len(BODIES[0])
    columns = (
        "hive_partitioning = false, header = false, delim = '\x01', quote = '', columns = {'line': 'varchar'}"
    )
    with duckdb.connect() as connection:
        lines = connection.execute(f"from read_csv('{path}', compression = 'zstd', {columns})").fetchall()
    assert lines == [(BODIES[0].decode(),)]


@pytest.mark.parametrize(
    "frame", [b"no frame", compress(BODIES[0])[:-1], compress(BODIES[0])[:4], compress(b"")[:5]]
)
def test_decompress_rejects_an_incomplete_frame(frame: bytes) -> None:
    with pytest.raises(OSError, match=r"compress|frame|ZSTD"):
        decompress(frame)


def test_decompress_never_returns_what_was_not_received() -> None:
    frame = compress(BODIES[0])
    for place in range(len(frame)):
        damaged = bytearray(frame)
        damaged[place] ^= 0x01
        with suppress(OSError):
            assert decompress(bytes(damaged)) == BODIES[0]


def test_manifest_records_requests_and_responses(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing())
    written = json.loads((folder(tmp_path, landing()) / "manifest.json").read_bytes())
    assert written == {
        "account_sid": ACCOUNT,
        "first": "2026-07-01",
        "last": "2026-07-31",
        "fetched_at": "2026-08-01T03:00:00Z",
        "completed_at": "2026-08-01T04:00:00Z",
        "rows": 3,
        "pages": [
            {
                "url": url,
                "file": f"page-0000{number}.json.zst",
                "sha256": hashlib.sha256(body).hexdigest(),
                "bytes": len(body),
                "rows": rows,
            }
            for number, (url, body, rows) in enumerate(zip(URLS, BODIES, ROWS, strict=True))
        ],
        "format": 1,
    }
    manifest = raw.manifest(landing())
    assert (manifest.rows, manifest.completed_at, len(manifest.pages)) == (3, DONE, 3)


def test_manifest_is_written_last_and_completes_the_landing(raw: RawPages, tmp_path: Path) -> None:
    writer = raw.writer(landing())
    for number in range(3):
        writer.add(URLS[number], BODIES[number], ROWS[number])
        assert file_names(tmp_path, landing()) == [f"page-0000{n}.json.zst" for n in range(number + 1)]
        assert (raw.complete(ACCOUNT), raw.unfinished(ACCOUNT)) == ([], [landing()])
    writer.complete(DONE)
    assert (raw.complete(ACCOUNT), raw.unfinished(ACCOUNT)) == ([landing()], [])
    assert file_names(tmp_path, landing())[0] == "manifest.json"


def test_landing_without_recordings_is_kept(raw: RawPages) -> None:
    writer = raw.writer(landing())
    writer.add(URLS[0], page(), 0)
    manifest = writer.complete(DONE)
    assert (manifest.rows, len(manifest.pages)) == (0, 1)
    assert [each.body for each in raw.pages(landing())] == [page()]


def test_landings_are_listed_in_the_order_they_began(raw: RawPages) -> None:
    june = landing(date(2026, 6, 1), date(2026, 6, 30), utc(2026, 8, 2))
    july_again = landing(fetched_at=utc(2026, 8, 3))
    may = landing(date(2026, 5, 1), date(2026, 5, 31), utc(2026, 8, 4))
    of_other = landing(account_sid=OTHER_ACCOUNT)
    for each in (july_again, of_other, landing(), june):
        write(raw, each)
    write(raw, may, 1, complete=False)
    assert raw.complete(ACCOUNT) == [landing(), june, july_again]
    assert raw.unfinished(ACCOUNT) == [may]
    assert raw.complete(OTHER_ACCOUNT) == [of_other]
    assert raw.accounts() == [OTHER_ACCOUNT, ACCOUNT]


def test_raw_pages_are_empty_without_landings(raw: RawPages) -> None:
    assert (raw.accounts(), raw.complete(ACCOUNT), raw.unfinished(ACCOUNT)) == ([], [], [])


# Continuing an interrupted landing


def resume(raw: RawPages, of: Landing) -> list[bytes]:
    """Continue as ingesting does: note the kept pages and land the rest. Return the kept pages."""
    writer = raw.writer(of)
    kept: list[bytes] = []
    for body, envelope in writer.kept_pages():
        assert envelope.rows == ROWS[len(kept)]
        writer.note(URLS[len(kept)], body, envelope.rows)
        kept.append(body)
    for number in range(len(kept), 3):
        writer.add(URLS[number], BODIES[number], ROWS[number])
    writer.complete(DONE)
    return kept


@pytest.mark.parametrize("pages", [0, 1, 2, 3])
def test_unfinished_landing_continues_after_its_last_page(raw: RawPages, tmp_path: Path, pages: int) -> None:
    write(raw, landing(), pages, complete=False)
    kept_files = list(folder(tmp_path, landing()).glob("*"))
    before = [path.stat().st_mtime_ns for path in kept_files]
    assert resume(raw, landing()) == BODIES[:pages]
    assert [path.stat().st_mtime_ns for path in kept_files] == before
    whole = landing(account_sid=OTHER_ACCOUNT)
    write(raw, whole)
    assert raw.manifest(landing()).pages == raw.manifest(whole).pages
    assert [each.body for each in raw.pages(landing())] == BODIES


@pytest.mark.parametrize(
    "torn",
    [
        b"",
        b"\0" * 300,
        compress(BODIES[1])[:-4],
        compress(BODIES[1])[:20],
        compress(BODIES[1][:-30]),
        compress(b"<html>"),
        compress(b"{}"),
    ],
)
def test_torn_last_page_is_fetched_again(raw: RawPages, tmp_path: Path, torn: bytes) -> None:
    write(raw, landing(), 2, complete=False)
    (folder(tmp_path, landing()) / "page-00001.json.zst").write_bytes(torn)
    assert resume(raw, landing()) == BODIES[:1]
    assert [each.body for each in raw.pages(landing())] == BODIES


def test_pages_after_a_torn_page_are_fetched_again(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing(), 3, complete=False)
    (folder(tmp_path, landing()) / "page-00000.json.zst").write_bytes(b"torn")
    assert resume(raw, landing()) == []
    assert [each.body for each in raw.pages(landing())] == BODIES


def test_pages_after_a_missing_page_are_fetched_again(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing(), 3, complete=False)
    (folder(tmp_path, landing()) / "page-00001.json.zst").unlink()
    assert resume(raw, landing()) == BODIES[:1]
    assert [each.body for each in raw.pages(landing())] == BODIES


def test_partly_written_page_is_fetched_again(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing(), 1, complete=False)
    stray = folder(tmp_path, landing()) / f"page-00001.json.zst{BESIDE}"
    stray.write_bytes(compress(BODIES[1])[:20])
    assert resume(raw, landing()) == BODIES[:1]
    assert not stray.exists()
    assert [each.body for each in raw.pages(landing())] == BODIES


def test_partly_written_manifest_does_not_complete_a_landing(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing(), complete=False)
    (folder(tmp_path, landing()) / f"manifest.json{BESIDE}").write_bytes(b"{")
    assert raw.unfinished(ACCOUNT) == [landing()]
    assert resume(raw, landing()) == BODIES
    assert raw.complete(ACCOUNT) == [landing()]


def test_discard_removes_one_landing(raw: RawPages, tmp_path: Path) -> None:
    later = landing(fetched_at=utc(2026, 8, 2))
    write(raw, landing())
    write(raw, later, 2, complete=False)
    raw.discard(later)
    assert not folder(tmp_path, later).exists()
    assert (raw.unfinished(ACCOUNT), raw.complete(ACCOUNT)) == ([], [landing()])
    assert [each.body for each in raw.pages(landing())] == BODIES


# Pages that are not what was received


@pytest.mark.parametrize(
    "content",
    [
        compress(BODIES[1].replace(b"R3", b"R4")),
        compress(BODIES[1] + b" "),
        compress(BODIES[1])[:-2],
        compress(b""),
        b"",
        b"torn",
        BODIES[1],
        None,
    ],
)
def test_changed_page_is_an_error_that_names_the_file(
    raw: RawPages, tmp_path: Path, content: bytes | None
) -> None:
    write(raw, landing())
    path = folder(tmp_path, landing()) / "page-00001.json.zst"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    pages = raw.pages(landing())
    assert next(pages).body == BODIES[0]
    with pytest.raises(DataError) as raised:
        next(pages)
    assert str(raised.value) == (
        f"{path} is not the page that was received. Restore it, or delete its folder to fetch it again."
    )


def test_swapped_pages_are_an_error(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing())
    first, second = (folder(tmp_path, landing()) / f"page-0000{number}.json.zst" for number in range(2))
    swapped = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(swapped)
    with pytest.raises(DataError, match=r"page-00000\.json\.zst is not the page that was received"):
        list(raw.pages(landing()))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{}", b"[]", b'{"account_sid": "\xff"}', b'{"account_sid": 1, "first": "2026-07-01"}'],
)
def test_invalid_manifest_is_an_error_that_names_the_file(
    raw: RawPages, tmp_path: Path, content: bytes
) -> None:
    write(raw, landing())
    path = folder(tmp_path, landing()) / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(
        DataError,
        match=r"is not a valid manifest \(.*\)\. Restore it from a backup, or delete its folder to fetch",
    ) as raised:
        raw.manifest(landing())
    assert str(raised.value).startswith(f"{path} ")
    with pytest.raises(DataError, match="is not a valid manifest"):
        list(raw.pages(landing()))


def test_page_is_found_by_name_with_its_digest(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing())
    for number, body in enumerate(BODIES):
        name = f"{landing().name}/page-{number:05d}.json.zst"
        page, digest = raw.page(name)
        assert (page.name, page.body, digest) == (name, body, hashlib.sha256(body).hexdigest())
    with pytest.raises(DataError, match="is not listed in a manifest"):
        raw.page(f"{landing().name}/page-00003.json.zst")
    (tmp_path / name).write_bytes(compress(b"something else"))
    with pytest.raises(DataError, match="is not the page that was received"):
        raw.page(name)


def test_page_of_an_abandoned_landing_is_found(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing(), complete=False)
    name = f"{landing().name}/page-00000.json.zst"
    with pytest.raises(DataError, match=r"manifest\.json is missing"):
        raw.page(name)
    raw.abandon(landing(), DONE)
    assert raw.page(name)[0].body == BODIES[0]
