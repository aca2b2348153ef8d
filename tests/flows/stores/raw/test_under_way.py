from datetime import date
from pathlib import Path

from flows.stores.raw.journal import LandedPage
from flows.stores.raw.under_way import UnderWay
from tests.support.samples.stores import utc
from transforms.values.windows import Window

JULY, BEGAN = Window(date(2026, 7, 1), date(2026, 7, 31)), utc(2026, 8, 1)
PAGES = [LandedPage(f"{number}" * 64, number, 1) for number in range(3)]


def test_fetches_are_listed_until_they_end(tmp_path: Path) -> None:
    under_way = UnderWay(tmp_path)
    assert under_way.fetches() == []
    under_way.begin(JULY, BEGAN)
    under_way.begin(JULY, utc(2026, 8, 2))
    assert under_way.fetches() == [(JULY, BEGAN), (JULY, utc(2026, 8, 2))]
    under_way.end(JULY, BEGAN)
    assert under_way.fetches() == [(JULY, utc(2026, 8, 2))]


def test_pages_are_noted_in_order(tmp_path: Path) -> None:
    under_way = UnderWay(tmp_path)
    for number, page in enumerate(PAGES):
        under_way.note(JULY, BEGAN, number, page)
    assert list(under_way.pages(JULY, BEGAN)) == PAGES
    under_way.end(JULY, BEGAN)
    assert list(under_way.pages(JULY, BEGAN)) == []


def test_folder_of_another_name_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "under_way" / "2026-07-01_x" / "20260801T000000.000000Z").mkdir(parents=True)
    (tmp_path / "under_way" / "2026-07-01_2026-07-02" / "yesterdayZ").mkdir(parents=True)
    assert UnderWay(tmp_path).fetches() == []
