from datetime import date
from pathlib import Path

from flows.stores.raw.journal import LandedPage
from flows.stores.raw.under_way import Fetching, UnderWay
from tests.support.samples.stores import utc
from transforms.values.windows import Span, Window

WINDOW = Window(date(2026, 7, 1), date(2026, 7, 31))
JULY, LATER = Fetching(WINDOW, utc(2026, 8, 1)), Fetching(WINDOW, utc(2026, 8, 2))
PAGES = [LandedPage(f"{number}" * 64, number, 1) for number in range(3)]


def test_fetches_are_listed_until_they_end(tmp_path: Path) -> None:
    under_way = UnderWay(tmp_path)
    assert under_way.fetches() == []
    under_way.begin(JULY)
    under_way.begin(LATER)
    assert under_way.fetches() == [JULY, LATER]
    under_way.end(JULY)
    assert under_way.fetches() == [LATER]


def test_fetch_of_single_recordings_is_known_as_such(tmp_path: Path) -> None:
    under_way, single = UnderWay(tmp_path), JULY._replace(is_single=True)
    under_way.begin(single)
    under_way.note(single, 0, PAGES[0])
    assert under_way.fetches() == [single]
    assert list(under_way.pages(single)) == PAGES[:1]
    under_way.end(single)
    assert under_way.fetches() == []


def test_pages_are_noted_in_order(tmp_path: Path) -> None:
    under_way = UnderWay(tmp_path)
    for number, page in enumerate(PAGES):
        under_way.note(JULY, number, page)
    assert list(under_way.pages(JULY)) == PAGES
    under_way.end(JULY)
    assert list(under_way.pages(JULY)) == []


def test_note_with_a_damaged_digest_is_not_believed(tmp_path: Path) -> None:
    under_way = UnderWay(tmp_path)
    for number, page in enumerate(PAGES):
        under_way.note(JULY, number, page)
    (damaged,) = tmp_path.rglob("page-00001")
    damaged.write_bytes(damaged.read_bytes().replace(b"1111", b"111q", 1))
    assert list(under_way.pages(JULY)) == PAGES[:1]


def test_folder_of_another_name_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "under_way" / "2026-07-01_x" / "20260801T000000.000000Z").mkdir(parents=True)
    (tmp_path / "under_way" / "2026-07-01_2026-07-02" / "20260801T000000.000000Z_20260701T000000Z").mkdir(
        parents=True
    )
    (tmp_path / "under_way" / "2026-07-01_2026-07-02" / "yesterdayZ").mkdir(parents=True)
    assert UnderWay(tmp_path).fetches() == []


def test_narrowed_fetch_keeps_its_pages_and_what_was_asked(tmp_path: Path) -> None:
    under_way = UnderWay(tmp_path)
    under_way.note(JULY, 0, PAGES[0])
    narrowed = Fetching(Window(date(2026, 7, 20), date(2026, 7, 31)), JULY.began, WINDOW.span)
    under_way.narrow(JULY, narrowed)
    assert under_way.fetches() == [narrowed]
    assert list(under_way.pages(narrowed)) == PAGES[:1]
    assert len(list((tmp_path / "under_way").iterdir())) == 1
    under_way.end(narrowed)
    assert list((tmp_path / "under_way").iterdir()) == []


def test_fetch_of_hours_remembers_them(tmp_path: Path) -> None:
    under_way, hours = UnderWay(tmp_path), Span(utc(2026, 7, 1, 4), utc(2026, 7, 1, 9))
    part = Fetching(Window(date(2026, 7, 1), date(2026, 7, 1)), utc(2026, 8, 1), hours)
    under_way.begin(part)
    assert under_way.fetches() == [part]
