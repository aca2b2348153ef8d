import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from flows.emulator import Account, Parameters, Recording, open_ledger, open_recordings
from flows.emulator.http.messages import FileSlice
from flows.emulator.resources.rendered import Book, read_books, render_once
from tests.support.servers.emulator_client import ACCOUNT, RECORDING

OWNER = Account("support", ACCOUNT, "token")


def read(part: FileSlice) -> bytes:
    return part.path.read_bytes()[part.offset : part.offset + part.length]


def book_of(folder: Path, *made: Recording) -> Book:
    open_recordings(made, folder)
    return read_books(folder)[0]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Render five recordings created at 100, 100, 200, 300 and 300, with gaps in the sequence."""
    created = {10: 100, 12: 100, 13: 200, 20: 300, 21: 300}
    return book_of(
        tmp_path / "ledger", *(replace(RECORDING, sequence=n, created_at=at) for n, at in created.items())
    )


def test_body_is_the_inside_of_a_json_array(book: Book) -> None:
    sids = [replace(RECORDING, sequence=n).sid for n in (21, 20, 13, 12, 10)]
    for start in range(6):
        for stop in range(start, 6):
            content = json.loads(b"[" + read(book.body(start, stop)) + b"]")
            assert [record["sid"] for record in content] == sids[start:stop]


def test_between_includes_both_bounds(book: Book) -> None:
    assert book.between(100, 300) == (0, 5)
    assert book.between(101, 299.5) == (2, 3)
    assert book.between(float("-inf"), 100) == (3, 5)
    assert book.between(300, float("inf")) == (0, 2)
    assert book.between(301, float("inf")) == (0, 0)
    start, stop = book.between(250, 150)
    assert start == stop


def test_after_works_without_the_recording(book: Book) -> None:
    assert [book.after(300, n) for n in (22, 21, 20, 19)] == [0, 1, 2, 2]
    assert book.after(250, 99) == 2
    assert book.after(100, 11) == 4


def test_find_works_with_gaps_in_the_sequence(book: Book) -> None:
    for number in (10, 12, 13, 20, 21):
        sid = replace(RECORDING, sequence=number).sid
        found = book.find(sid)
        assert found is not None
        assert json.loads(read(found))["sid"] == sid
    assert book.find(replace(RECORDING, sequence=11).sid) is None
    assert book.find("nonsense") is None


def test_open_recordings_refuses_duplicate_sids(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="same sequence number"):
        open_recordings([RECORDING, replace(RECORDING, created_at=5)], tmp_path / "ledger")


def test_open_recordings_refuses_an_existing_folder(tmp_path: Path) -> None:
    open_recordings([RECORDING], tmp_path / "ledger")
    with pytest.raises(FileExistsError, match="new folder"):
        open_recordings([RECORDING], tmp_path / "ledger")


def test_interrupted_rendering_leaves_no_files(tmp_path: Path) -> None:
    def interrupted() -> Iterator[Recording]:
        yield RECORDING
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_once(tmp_path / "ledger", [(OWNER, interrupted())])
    assert list(tmp_path.iterdir()) == []


def test_open_ledger_renders_once_and_reports_progress(tmp_path: Path) -> None:
    parameters = Parameters(seed=1, recordings=2500, accounts=2)
    told: list[tuple[int, int]] = []
    first = open_ledger(parameters, tmp_path / "cache", lambda done, total: told.append((done, total)))
    assert told == [(1000, 2500), (1250, 2500), (2250, 2500), (2500, 2500)]
    again = open_ledger(parameters, tmp_path / "cache", lambda done, total: told.append((done, total)))
    assert len(told) == 4
    assert again.totals() == first.totals()
    assert [account.name for account in again.accounts] == ["support", "sales"]


def test_concurrent_renderings_keep_one_result(tmp_path: Path) -> None:
    parameters = Parameters(seed=1, recordings=2000, accounts=1)
    with ThreadPoolExecutor(4) as pool:
        sources = list(pool.map(partial(open_ledger, parameters), [tmp_path] * 4))
    assert len(list(tmp_path.iterdir())) == 1
    assert len({json.dumps(source.totals()) for source in sources}) == 1


def test_rendering_repeats_with_the_same_parameters(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        open_ledger(Parameters(seed=seed, recordings=300, accounts=2), tmp_path / name)
    one, same, other = (
        sorted(path.read_bytes() for path in (tmp_path / name).rglob("*.*"))
        for name in ("one", "same", "other")
    )
    assert one == same
    assert one != other
