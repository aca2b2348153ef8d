import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from flows.stores.raw.frames import compress
from flows.stores.raw.landing import Landing
from flows.stores.raw.raw_pages import RawPages
from flows.stores.whole_files import BESIDE
from tests.support.samples.raw import page_path
from tests.support.samples.stores import ACCOUNT, OTHER_ACCOUNT, landing, utc
from tests.support.servers.scripted_server import page
from transforms.errors import DataError
from transforms.values.windows import Span, Window

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


def stored(data_dir: Path, body: bytes) -> Path:
    """Return the file of a page."""
    sha256 = hashlib.sha256(body).hexdigest()
    return data_dir / "raw" / f"account_sid={ACCOUNT}" / "pages" / f"{sha256}.json.zst"


def under_way(data_dir: Path, of: Landing) -> Path:
    """Return the folder of a landing that has not ended."""
    _, account, window, began = of.name.split("/")
    return data_dir / of.root / account / "under_way" / window / began


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
    assert all(page_path(tmp_path, each.name).is_file() for each in pages)


def test_landing_records_requests_and_responses(raw: RawPages) -> None:
    write(raw, landing())
    manifest = raw.manifest(landing())
    assert (manifest.window, manifest.fetched_at) == (landing().window, landing().fetched_at)
    assert (manifest.completed_at, manifest.is_whole, manifest.url) == (DONE, True, URLS[0])
    assert [(each.sha256, each.bytes, each.rows) for each in manifest.pages] == [
        (hashlib.sha256(body).hexdigest(), len(body), rows) for body, rows in zip(BODIES, ROWS, strict=True)
    ]
    assert manifest.rows == 3


def test_line_is_written_last_and_completes_the_landing(raw: RawPages, tmp_path: Path) -> None:
    writer = raw.writer(landing())
    for number in range(3):
        writer.add(URLS[number], BODIES[number], ROWS[number])
        assert len(list(under_way(tmp_path, landing()).iterdir())) == number + 1
        assert (raw.complete(ACCOUNT), raw.unfinished(ACCOUNT)) == ([], [landing()])
    writer.complete(DONE)
    assert (raw.complete(ACCOUNT), raw.unfinished(ACCOUNT)) == ([landing()], [])
    assert not under_way(tmp_path, landing()).exists()


def test_page_received_before_is_not_stored_again(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing())
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "raw").rglob("*.zst")}
    later = landing(fetched_at=utc(2026, 8, 2))
    write(raw, later)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "raw").rglob("*.zst")} == before
    assert [each.body for each in raw.pages(later)] == BODIES
    assert [each.name for each in raw.pages(later)] == [later.page_name(number) for number in range(3)]


def test_damaged_page_is_healed_when_it_is_received_again(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing())
    stored(tmp_path, BODIES[1]).write_bytes(b"torn")
    write(raw, landing(fetched_at=utc(2026, 8, 2)))
    assert [each.body for each in raw.pages(landing())] == BODIES


def test_landings_since_a_position_are_listed(raw: RawPages) -> None:
    write(raw, landing())
    position = raw.journal(ACCOUNT).end()
    later = landing(fetched_at=utc(2026, 8, 2))
    write(raw, later)
    assert raw.readable(ACCOUNT, position) == [later]
    assert raw.readable(ACCOUNT, raw.journal(ACCOUNT).end()) == []


def test_landing_whose_line_was_written_is_not_unfinished(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing())
    under_way(tmp_path, landing()).mkdir(parents=True)  # killed before it was removed
    assert (raw.unfinished(ACCOUNT), raw.complete(ACCOUNT)) == ([], [landing()])
    assert not under_way(tmp_path, landing()).exists()


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
    kept_files = [stored(tmp_path, body) for body in BODIES[:pages]]
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
        compress(b"{}"),
    ],
)
def test_torn_last_page_is_fetched_again(raw: RawPages, tmp_path: Path, torn: bytes) -> None:
    write(raw, landing(), 2, complete=False)
    stored(tmp_path, BODIES[1]).write_bytes(torn)
    assert resume(raw, landing()) == BODIES[:1]
    assert [each.body for each in raw.pages(landing())] == BODIES


def test_pages_after_a_torn_page_are_fetched_again(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing(), 3, complete=False)
    stored(tmp_path, BODIES[0]).write_bytes(b"torn")
    assert resume(raw, landing()) == []
    assert [each.body for each in raw.pages(landing())] == BODIES


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b'["ab",1')])
def test_pages_after_one_that_is_not_noted_are_fetched_again(
    damage: Callable[[Path], object], raw: RawPages, tmp_path: Path
) -> None:
    write(raw, landing(), 3, complete=False)
    damage(under_way(tmp_path, landing()) / "page-00001")
    assert resume(raw, landing()) == BODIES[:1]
    assert [each.body for each in raw.pages(landing())] == BODIES


def test_partly_written_page_is_fetched_again(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing(), 1, complete=False)
    stray = stored(tmp_path, BODIES[1]).with_suffix(f".zst{BESIDE}")
    stray.write_bytes(compress(BODIES[1])[:20])
    assert resume(raw, landing()) == BODIES[:1]
    assert not stray.exists()
    assert [each.body for each in raw.pages(landing())] == BODIES


def test_discard_removes_one_landing(raw: RawPages, tmp_path: Path) -> None:
    later = landing(fetched_at=utc(2026, 8, 2))
    write(raw, landing())
    write(raw, later, 2, complete=False)
    raw.discard(later)
    assert not under_way(tmp_path, later).exists()
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
    path = stored(tmp_path, BODIES[1])
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    pages = raw.pages(landing())
    assert next(pages).body == BODIES[0]
    with pytest.raises(DataError) as raised:
        next(pages)
    assert str(raised.value) == (
        f"{path} is not the page that was received. Restore it from a backup, or read its days again with "
        "`recspend ingest --from 2026-07-01 --to 2026-07-31`, in case the API still sends this page."
    )


def test_swapped_pages_are_an_error(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing())
    first, second = (stored(tmp_path, body) for body in BODIES[:2])
    swapped = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(swapped)
    with pytest.raises(DataError, match=rf"{first.name} is not the page that was received"):
        list(raw.pages(landing()))


def test_page_is_found_by_name_with_its_digest(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing())
    for number, body in enumerate(BODIES):
        name = f"{landing().name}/page-{number:05d}.json.zst"
        page, digest = raw.page(name)
        assert (page.name, page.body, digest) == (name, body, hashlib.sha256(body).hexdigest())
    with pytest.raises(DataError, match="is not in the journal"):
        raw.page(f"{landing().name}/page-00003.json.zst")
    stored(tmp_path, BODIES[2]).write_bytes(compress(b"something else"))
    with pytest.raises(DataError, match="is not the page that was received"):
        raw.page(name)


def test_page_of_an_abandoned_landing_is_found(raw: RawPages, tmp_path: Path) -> None:
    write(raw, landing(), complete=False)
    name = f"{landing().name}/page-00000.json.zst"
    with pytest.raises(DataError, match="is not in the journal"):
        raw.page(name)
    raw.abandon(landing(), DONE)
    assert raw.page(name)[0].body == BODIES[0]


JULY = Window(date(2026, 7, 1), date(2026, 7, 31))
END_OF_JULY = Window(date(2026, 7, 20), date(2026, 7, 31))


def test_narrowed_landing_keeps_its_pages_and_what_was_asked(raw: RawPages) -> None:
    writer = raw.writer(raw.begin(ACCOUNT, JULY, utc(2026, 8, 1)))
    writer.add(URLS[0], BODIES[0], ROWS[0])
    narrowed = writer.narrow(END_OF_JULY)
    assert (narrowed.window, narrowed.fetched_at, narrowed.span) == (END_OF_JULY, utc(2026, 8, 1), JULY.span)
    assert not narrowed.is_part
    assert raw.unfinished(ACCOUNT) == [narrowed]
    writer.add(URLS[1], BODIES[1], ROWS[1])
    writer.complete(DONE)
    (complete,) = raw.complete(ACCOUNT)
    assert (complete.window, complete.span) == (END_OF_JULY, END_OF_JULY.span)
    assert [each.body for each in raw.pages(complete)] == BODIES[:2]
    assert raw.unfinished(ACCOUNT) == []


def test_landing_narrowed_twice_keeps_what_was_asked_first(raw: RawPages) -> None:
    writer = raw.writer(raw.begin(ACCOUNT, JULY, utc(2026, 8, 1)))
    writer.narrow(END_OF_JULY)
    assert writer.narrow(Window(date(2026, 7, 30), date(2026, 7, 31))).span == JULY.span


def test_narrowing_leaves_other_landings_of_the_window(raw: RawPages) -> None:
    write(raw, raw.begin(ACCOUNT, JULY, utc(2026, 8, 1)))
    raw.writer(raw.begin(ACCOUNT, JULY, utc(2026, 8, 2))).narrow(END_OF_JULY)
    assert [each.window for each in raw.complete(ACCOUNT)] == [JULY]
    assert [each.window for each in raw.unfinished(ACCOUNT)] == [END_OF_JULY]


def test_part_of_a_landing_gives_it_its_pages(raw: RawPages) -> None:
    whole = raw.writer(raw.begin(ACCOUNT, JULY, utc(2026, 8, 1)))
    part = raw.begin(ACCOUNT, JULY, utc(2026, 8, 2), Span(JULY.created_from, utc(2026, 7, 1, 4)))
    assert part.is_part
    hours = raw.writer(part)
    hours.add(URLS[1], BODIES[1], ROWS[1])
    whole.add(URLS[0], BODIES[0], ROWS[0])
    whole.join(hours)
    whole.complete(DONE)
    raw.discard(part)
    (complete,) = raw.complete(ACCOUNT)
    assert [each.body for each in raw.pages(complete)] == BODIES[:2]
    assert raw.unfinished(ACCOUNT) == []
