"""Compaction: whatever was landed, whenever it is packed and wherever it is killed, every page and line is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.stores.raw import compacting
from flows.stores.raw.compacting import Compacted, PackRules, compact, is_overdue
from flows.stores.raw.packs import Packs
from flows.stores.raw.raw_pages import RawPages
from tests.support.samples.landed import (
    JULY,
    SEPTEMBER,
    WEEK,
    account_of,
    everything,
    fetch,
    files,
    land,
    page_file,
)
from tests.support.samples.stores import ACCOUNT, utc
from transforms.errors import DataError


def packed(data_dir: Path, now: datetime, after: timedelta = WEEK) -> Compacted:
    return compact(RawPages(data_dir), ACCOUNT, now, PackRules(after), lambda _: [])


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Pages of July, August and September, some of which came again."""
    land(tmp_path, JULY, 1, 2, 3)
    land(tmp_path, JULY + WEEK, 1, 2, 4, is_whole=False)
    land(tmp_path, utc(2026, 8, 5), 3, 5)
    land(tmp_path, utc(2026, 9, 5), 5, 6)
    return tmp_path


def test_months_that_are_over_become_one_file_each(data_dir: Path) -> None:
    before = everything(data_dir)
    done = packed(data_dir, SEPTEMBER)
    assert files(data_dir) == [
        "journal/2026-09.jsonl",
        "packs/2026-07.arrow",
        "packs/2026-08.arrow",
        "pages",
    ]
    assert everything(data_dir) == before
    packs = Packs(account_of(data_dir))
    assert [len(packs.digests(packs.path(month))) for month in ("2026-07", "2026-08")] == [4, 1]
    assert (done.files_before, done.files_after) == (7, 2)
    assert done.bytes_before > 0 < done.bytes_after
    assert packed(data_dir, SEPTEMBER) == Compacted()


def test_month_is_packed_once_its_landings_are_old_enough(data_dir: Path) -> None:
    for now, is_closed in ((utc(2026, 8, 31), False), (utc(2026, 9, 1), True)):
        packed(data_dir, now)
        assert ("packs/2026-08.arrow" in files(data_dir)) == is_closed
    land(data_dir, utc(2026, 9, 28), 7)
    packed(data_dir, utc(2026, 10, 5))
    assert "journal/2026-09.jsonl" in files(data_dir)
    packed(data_dir, utc(2026, 10, 6))
    assert "journal/2026-09.jsonl" not in files(data_dir)


def test_older_pages_of_an_open_month_are_packed_when_many(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compacting, "MANY_PAGES", 3)
    land(data_dir, utc(2026, 9, 6), 7)
    land(data_dir, SEPTEMBER, 8, 9, 10)
    packed(data_dir, SEPTEMBER + timedelta(days=1))
    assert "packs/2026-09.open.arrow" not in files(data_dir)
    land(data_dir, SEPTEMBER, 11)
    before = everything(data_dir)
    packed(data_dir, SEPTEMBER + timedelta(days=8))
    assert files(data_dir) == [
        "journal/2026-09.jsonl",
        "packs/2026-07.arrow",
        "packs/2026-08.arrow",
        "packs/2026-09.open.arrow",
    ]
    assert everything(data_dir) == before
    packed(data_dir, utc(2026, 10, 8))
    assert files(data_dir) == ["packs/2026-07.arrow", "packs/2026-08.arrow", "packs/2026-09.arrow"]
    assert everything(data_dir) == before


def test_page_that_comes_again_after_packing_is_not_stored_again(data_dir: Path) -> None:
    packed(data_dir, utc(2026, 11, 1))
    land(data_dir, utc(2026, 11, 2), 1, 5)
    assert "pages" not in files(data_dir)


def test_damaged_page_stays_and_is_named(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = page_file(data_dir, 2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    packed(data_dir, SEPTEMBER)
    assert f"{path} is not the page that was received, so it is not packed. Restore it" in caplog.text
    assert path.read_bytes() == whole[:-3]
    path.write_bytes(whole)
    before = everything(data_dir)
    packed(data_dir, utc(2026, 11, 1))
    assert not path.exists()
    assert everything(data_dir) == before


def test_page_damaged_in_a_pack_is_received_again(data_dir: Path) -> None:
    before = everything(data_dir)
    packed(data_dir, SEPTEMBER)
    pack = Packs(account_of(data_dir)).path("2026-07")
    name, found = next(iter(before[2].items()))
    spoil(pack, found[1])
    with pytest.raises(DataError, match=rf"^{pack} is not the page that was received"):
        RawPages(data_dir).page(name)
    land(data_dir, SEPTEMBER, 1)
    assert RawPages(data_dir).page(name) == found
    packed(data_dir, utc(2026, 11, 1))
    assert RawPages(data_dir).page(name) == found
    assert "pages" not in files(data_dir)


def spoil(pack: Path, sha256: str) -> None:
    """Change a byte of the page with this digest in a pack."""
    frame = Packs(pack.parents[1]).frame(sha256)
    assert frame is not None
    content = bytearray(pack.read_bytes())
    content[content.index(bytes(frame)) + len(frame) - 1] ^= 1
    pack.write_bytes(content)


def test_damaged_open_pack_is_an_error(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "MANY_PAGES", 1)
    packed(data_dir, SEPTEMBER)
    packs = Packs(account_of(data_dir))
    spoil(packs.open_path("2026-09"), packs.digests(packs.open_path("2026-09"))[0])
    with pytest.raises(DataError, match=r"2026-09\.open\.arrow is missing or damaged"):
        packed(data_dir, utc(2026, 11, 1))
    assert {"journal/2026-09.jsonl", "packs/2026-09.open.arrow"} <= {*files(data_dir)}


def test_lines_that_differ_from_their_pack_are_an_error(data_dir: Path) -> None:
    journal = RawPages(data_dir).journal(ACCOUNT).path("2026-07")
    lines = journal.read_bytes()
    packed(data_dir, SEPTEMBER)
    journal.write_bytes(lines.splitlines(keepends=True)[0])
    with pytest.raises(DataError, match=rf"^{journal} and .*2026-07\.arrow differ"):
        packed(data_dir, SEPTEMBER)
    journal.write_bytes(lines)
    assert packed(data_dir, SEPTEMBER).files_before == 1


def test_pages_of_no_landing_go_when_they_are_old(data_dir: Path) -> None:
    fetch(data_dir, utc(2026, 9, 1), 20, 21)
    (left,) = RawPages(data_dir).unfinished(ACCOUNT)
    before = everything(data_dir)
    now = datetime.now(tz=SEPTEMBER.tzinfo) + WEEK + timedelta(minutes=1)
    lost = {page_file(data_dir, number) for number in (20, 21)}
    packed(data_dir, now)
    assert all(path.exists() for path in lost)
    assert everything(data_dir) == before
    RawPages(data_dir).discard(left)
    packed(data_dir, now - timedelta(minutes=2))
    assert all(path.exists() for path in lost)
    compact(RawPages(data_dir), ACCOUNT, now, PackRules(WEEK), lambda _: None)
    assert all(path.exists() for path in lost)
    packed(data_dir, now)
    assert not any(path.exists() for path in lost)


def test_what_a_kill_left_half_written_goes(data_dir: Path) -> None:
    account = account_of(data_dir)
    (account / "packs").mkdir()
    left = [account / "pages" / "1.json.zst.partial", account / "packs" / "2026-07.arrow.partial"]
    for path in left:
        path.write_bytes(b"half")
    packed(data_dir, utc(2026, 8, 1))
    assert not any(path.exists() for path in left)


def test_month_that_should_have_been_packed_is_overdue(data_dir: Path) -> None:
    def found(now: datetime) -> bool:
        return is_overdue(RawPages(data_dir), ACCOUNT, now, WEEK)

    assert [found(utc(2026, 7, 31)), found(utc(2026, 8, 1))] == [False, True]
    packed(data_dir, SEPTEMBER)
    assert [found(SEPTEMBER), found(utc(2026, 10, 1))] == [False, True]


class Killed(BaseException):
    """Stands in for a signal that cannot be caught."""


@contextmanager
def killed_at(number: int) -> Iterator[None]:
    """Kill the block just before the nth file is put in place or removed."""
    left = number
    replace, unlink = Path.replace, Path.unlink

    def step() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    def replaced(path: Path, target: Path) -> Path:
        step()
        return replace(path, target)

    def unlinked(path: Path, missing_ok: bool = False) -> None:
        if not path.name.endswith(".partial"):  # which a kill leaves
            step()
        if left != 0 or not path.name.endswith(".partial"):
            unlink(path, missing_ok)

    with patch.object(Path, "replace", replaced), patch.object(Path, "unlink", unlinked):
        yield


def test_killed_compaction_is_finished_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compacting, "MANY_PAGES", 1)
    for number in count(1):
        data_dir = tmp_path / str(number)
        land(data_dir, JULY, 1, 2)
        land(data_dir, utc(2026, 8, 5), 2, 3)
        packed(data_dir, utc(2026, 8, 20))  # an open pack
        land(data_dir, utc(2026, 8, 21), 1, 4)
        before = everything(data_dir)
        try:
            with killed_at(number):
                packed(data_dir, SEPTEMBER)
            break
        except Killed:
            assert everything(data_dir) == before
        if number % 2:  # a landing comes before the next compaction
            land(data_dir, SEPTEMBER, 3)
            before = everything(data_dir)
        packed(data_dir, SEPTEMBER)
        assert {"packs/2026-07.arrow", "packs/2026-08.arrow"}.issuperset(
            {*files(data_dir)} - {"journal/2026-09.jsonl"}
        )
        assert everything(data_dir) == before
    assert number > 4


DAYS = st.integers(0, 120)
LANDED = st.tuples(
    DAYS, st.lists(st.integers(0, 12), max_size=4), st.sampled_from(["whole", "abandoned", "fetch"])
)


@given(landed=st.lists(LANDED, max_size=12), compacted=st.lists(DAYS, max_size=5), after=st.integers(1, 50))
def test_everything_stays_readable_whenever_it_is_packed(
    landed: list[tuple[int, list[int], str]],
    compacted: list[int],
    after: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    packed_dir, plain_dir = (tmp_path_factory.mktemp(name) for name in ("packed", "plain"))
    steps: list[tuple[int, Any]] = [(day, each) for day, *each in landed] + [(day, None) for day in compacted]
    with patch.object(compacting, "MANY_PAGES", 2):
        for day, each in sorted(steps, key=lambda step: step[0]):
            now = JULY + timedelta(days=day)
            if each is None:
                packed(packed_dir, now, timedelta(days=after))
                continue
            for data_dir in (packed_dir, plain_dir):
                pages, how = each
                if how == "fetch":
                    fetch(data_dir, now, *pages)
                else:
                    land(data_dir, now, *pages, is_whole=how == "whole")
        assert everything(packed_dir) == everything(plain_dir)
        packed(packed_dir, JULY + timedelta(days=400), timedelta(days=after))
    assert everything(packed_dir) == everything(plain_dir)
    left = {name.partition("/")[0] for name in files(packed_dir)}
    assert left <= {"packs", "under_way"} | ({"pages"} if "under_way" in left else set())
