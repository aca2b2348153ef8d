"""What raw_keep drops: superseded pages alone, never before that is recorded."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.stores.raw.compacting import PackRules, compact
from flows.stores.raw.dropped import Dropped, Dropping
from flows.stores.raw.frames import digest_of
from flows.stores.raw.landing import Landing
from flows.stores.raw.packs import Packs
from flows.stores.raw.page_files import PageFiles
from flows.stores.raw.raw_pages import RawPages
from flows.stores.raw.superseded import Applied
from tests.support.samples.landed import JULY, SEPTEMBER, WEEK, account_of, body, fetch, land
from tests.support.samples.stores import ACCOUNT, utc

NUMBERS = range(1, 7)


def all_of(landings: Sequence[Landing]) -> list[str]:
    return [each.name for each in landings]


def compacted(data_dir: Path, raw_keep: str, now: datetime = SEPTEMBER, applied: Applied = all_of) -> None:
    compact(RawPages(data_dir), ACCOUNT, now, PackRules(WEEK, raw_keep), applied)


def there(data_dir: Path) -> set[int]:
    """Return the numbers of the pages that can be read."""
    found = PageFiles(account_of(data_dir))
    return {number for number in NUMBERS if found.read(digest_of(body(number)), len(body(number)))}


def on_record(data_dir: Path) -> set[int]:
    """Return the numbers of the pages that were dropped."""
    dropped = Dropped(account_of(data_dir))
    return {number for number in NUMBERS if dropped.find(digest_of(body(number)))}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Three fetches of the same days: pages 1 and 2, then 1 and 3, then 3 and 4."""
    land(tmp_path, JULY, 1, 2)
    land(tmp_path, utc(2026, 8, 5), 1, 3)
    land(tmp_path, utc(2026, 9, 5), 3, 4)
    return tmp_path


@pytest.mark.parametrize(
    ("raw_keep", "left"),
    [("all", {1, 2, 3, 4}), ("latest", {3, 4}), ("60 days", {1, 3, 4}), ("90 days", {1, 2, 3, 4})],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_superseded_pages_are_dropped(raw_keep: str, left: set[int], is_packed: bool, data_dir: Path) -> None:
    if is_packed:
        compacted(data_dir, "all")
    compacted(data_dir, raw_keep)
    assert there(data_dir) == left
    assert on_record(data_dir) == {1, 2, 3, 4} - left
    if left != {1, 2, 3, 4}:
        (found,) = Dropped(account_of(data_dir)).all()
        assert (found.day, found.raw_keep) == (date(2026, 9, 20), raw_keep)
    assert len(RawPages(data_dir).readable(ACCOUNT)) == 3


def test_page_that_is_not_applied_or_under_way_stays(data_dir: Path) -> None:
    fetch(data_dir, SEPTEMBER, 2)
    compacted(data_dir, "latest", applied=lambda _: None)
    compacted(data_dir, "latest", applied=lambda landings: [landings[1].name, landings[2].name])
    assert there(data_dir) == {1, 2, 3, 4}
    compacted(data_dir, "latest", applied=lambda landings: [landings[0].name, landings[2].name])
    assert there(data_dir) == {1, 2, 3, 4}
    (left,) = RawPages(data_dir).unfinished(ACCOUNT)
    RawPages(data_dir).discard(left)
    compacted(data_dir, "latest")
    assert there(data_dir) == {3, 4}


def test_fetch_that_is_not_applied_supersedes_nothing(data_dir: Path) -> None:
    compacted(data_dir, "latest", applied=lambda landings: [landings[0].name])
    assert there(data_dir) == {1, 2, 3, 4}


def test_dropped_page_that_comes_again_is_there_again(data_dir: Path) -> None:
    compacted(data_dir, "latest")
    land(data_dir, SEPTEMBER, 2)
    assert there(data_dir) == {2, 3, 4}
    land(data_dir, SEPTEMBER, 5)
    compacted(data_dir, "latest", SEPTEMBER + timedelta(days=1))
    assert there(data_dir) == {5}
    found = Dropped(account_of(data_dir)).find(digest_of(body(2)))
    assert found is not None
    assert found.day == date(2026, 9, 21)


def test_pack_is_written_again_only_when_it_becomes_smaller(tmp_path: Path) -> None:
    land(tmp_path, JULY, 1, 2, 3, 4, 5)
    land(tmp_path, JULY + timedelta(hours=1), 1, 2, 3, 4)
    compacted(tmp_path, "all")
    pack = Packs(account_of(tmp_path)).path("2026-07")
    before = pack.stat()
    compacted(tmp_path, "latest")
    assert (pack.stat().st_ino, there(tmp_path), on_record(tmp_path)) == (
        before.st_ino,
        {1, 2, 3, 4, 5},
        set(),
    )
    land(tmp_path, SEPTEMBER, 1, 2, 3)
    compacted(tmp_path, "latest")
    assert (there(tmp_path), on_record(tmp_path)) == ({1, 2, 3}, {4, 5})
    assert pack.stat().st_size < before.st_size


class Killed(BaseException):
    """Stands in for a signal that cannot be caught."""


@pytest.mark.parametrize("method", ["replace", "unlink"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_page_is_recorded_before_it_goes(method: str, number: int, data_dir: Path) -> None:
    compacted(data_dir, "all")
    for hour, page in ((1, 5), (2, 6)):
        land(data_dir, SEPTEMBER - timedelta(days=1, hours=-hour), page)
    steps: Iterator[int] = iter(range(1, 100))
    real = getattr(Path, method)

    def step_or_die(path: Path, *rest: object, **named: object) -> object:
        if next(steps) == number:
            raise Killed
        return real(path, *rest, **named)

    with patch.object(Path, method, step_or_die):
        try:
            compacted(data_dir, "latest")
        except Killed:
            assert there(data_dir) | on_record(data_dir) == {*NUMBERS}
    compacted(data_dir, "latest")
    assert (there(data_dir), on_record(data_dir)) == ({6}, {1, 2, 3, 4, 5})


def test_damaged_line_of_the_record_is_skipped(tmp_path: Path) -> None:
    dropped, day = Dropped(tmp_path), date(2026, 9, 20)
    assert dropped.all() == []
    dropped.add(Dropping(day, "latest", ["ab"]))
    with (tmp_path / "dropped.jsonl").open("ab") as file:
        file.write(b"\xff\n{}\n")
    dropped.add(Dropping(day, "latest", ["cd"]))
    assert [each.pages for each in dropped.all()] == [["ab"], ["cd"]]


MADE = st.lists(st.tuples(st.lists(st.sampled_from(NUMBERS), max_size=3), st.booleans()), max_size=8)


@given(made=MADE, compact_after=st.sets(st.integers(0, 8)))
def test_newest_whole_fetch_and_what_comes_after_it_stays(
    made: list[tuple[list[int], bool]], compact_after: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    data_dir = tmp_path_factory.mktemp("data")
    needed = set[int]()
    for number, (pages, is_whole) in enumerate(made):
        began = JULY + number * timedelta(days=9)
        land(data_dir, began, *pages, is_whole=is_whole)
        needed = {*pages} | (set() if is_whole else needed)
        if number in compact_after:
            compacted(data_dir, "latest", began + timedelta(days=8))
        assert needed <= there(data_dir)
        landed = {each for pages, _ in made[: number + 1] for each in pages}
        assert there(data_dir) | on_record(data_dir) == landed
