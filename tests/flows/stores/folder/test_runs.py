import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import date, datetime, timedelta
from itertools import count
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest

from flows.stores.folder import runs as stored
from flows.stores.folder.data_locks import DataLocks
from flows.stores.folder.runs import RunRecord, Runs, RunsOfMonth
from flows.stores.whole_files import BESIDE
from tests.support.samples.stores import utc

BEGAN = utc(2026, 8, 1, 3)
RECORD = RunRecord(
    "20260801T030000.000000Z",
    BEGAN,
    BEGAN + timedelta(minutes=5),
    0,
    requests=12,
    retries=2,
    pages=10,
    rows=9500,
    new=9000,
    changed=400,
    deleted=7,
    rejected=3,
    unpriced=250,
    holes=1,
)


def of(began: datetime, requests: int = 0) -> RunRecord:
    return RunRecord(f"{began:%Y%m%dT%H%M%S.%fZ}", began, began, 0, requests=requests)


def write_single(data_dir: Path, record: RunRecord) -> Path:
    """Write a record as older recspends did."""
    path = data_dir / "runs" / f"{record.run_id}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.encode(record))
    return path


def test_record_round_trips(tmp_path: Path) -> None:
    Runs(tmp_path).write(RECORD)
    assert Runs(tmp_path).all() == [RECORD]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["2026-08.jsonl"]


_WRITE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from flows.stores.folder.runs import RunRecord, Runs
sys.stdin.readline()
for number in range(int(sys.argv[2])):
    Runs(Path(sys.argv[1])).write(RunRecord(f"{sys.argv[3]} {number}", datetime(2026, 8, 1, 3, tzinfo=UTC)))
"""


def test_records_of_runs_that_end_at_once_are_all_kept(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITE, str(tmp_path), "60", name], stdin=subprocess.PIPE, text=True
        )
        for name in ("one", "other")
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    expected = {f"{name} {number}" for name in ("one", "other") for number in range(60)}
    assert {record.run_id for record in Runs(tmp_path).all()} == expected


def test_record_waits_for_another_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    with ExitStack() as other:
        other.enter_context(DataLocks(tmp_path).briefly("runs"))

        def sleep(_: float) -> None:
            waited.append(len(Runs(tmp_path).all()))
            other.close()

        monkeypatch.setattr("flows.stores.waiting.time.sleep", sleep)
        Runs(tmp_path).write(RECORD)
    assert (waited, Runs(tmp_path).all()) == ([0], [RECORD])


def test_record_of_an_unfinished_run_has_no_exit_code(tmp_path: Path) -> None:
    Runs(tmp_path).write(RunRecord("1", BEGAN))
    (found,) = Runs(tmp_path).all()
    assert (found.finished_at, found.exit_code, found.requests) == (None, None, 0)
    assert found.started_at == BEGAN


def test_later_record_of_a_run_replaces_the_first(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.write(RunRecord(RECORD.run_id, BEGAN))
    runs.write(RunRecord("2", BEGAN + timedelta(hours=1)))
    runs.write(RECORD)
    assert runs.all() == [RECORD, RunRecord("2", BEGAN + timedelta(hours=1))]


def test_records_are_listed_oldest_first(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    for month, day in ((9, 3), (8, 1), (9, 2)):
        runs.write(of(utc(2026, month, day)))
    write_single(tmp_path, of(utc(2026, 7, 31)))
    assert [record.started_at.day for record in runs.all()] == [31, 1, 2, 3]


def test_last_run_is_read_from_the_newest_file_only(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    for month in (7, 8):
        runs.write(of(utc(2026, month, 1)))
    (tmp_path / "runs" / "2026-07.jsonl").unlink()
    (tmp_path / "runs" / "2026-07.jsonl").mkdir()
    assert next(runs.newest_first()) == of(utc(2026, 8, 1))


def test_records_are_empty_before_the_first_run(tmp_path: Path) -> None:
    assert Runs(tmp_path).all() == []
    assert Runs(tmp_path).recent_and_older() == ([], [])


@pytest.mark.parametrize(
    "content", [b"", b"{", b"{}", b"[]", b'{"run_id": 7}', b'{"run_id": "\xff"}', b"\xff", b'{"run_id": "1"}']
)
def test_unreadable_record_is_skipped(tmp_path: Path, content: bytes) -> None:
    Runs(tmp_path).write(RECORD)
    (tmp_path / "runs" / "20260701T000000.000000Z.json").write_bytes(content)
    (tmp_path / "runs" / f"20260702T000000.000000Z.json{BESIDE}").write_bytes(content)
    (tmp_path / "runs" / "2026-07.jsonl").write_bytes(content + b"\n" + content)
    assert Runs(tmp_path).all() == [RECORD]


def test_record_that_was_cut_off_does_not_count(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.write(RunRecord(RECORD.run_id, BEGAN))
    with (tmp_path / "runs" / "2026-08.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(RECORD)[:-5])
    assert runs.all() == [RunRecord(RECORD.run_id, BEGAN)]
    runs.write(RECORD)
    assert runs.all() == [RECORD]


def test_older_months_are_summed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MOST_RUNS", 3)
    runs = Runs(tmp_path)
    for month in (5, 6, 7, 8):
        for day in (1, 2):
            runs.write(RunRecord(f"2026{month}{day}", utc(2026, month, day)))
            runs.write(RunRecord(f"2026{month}{day}", utc(2026, month, day), requests=month, new=day))
    recent, older = runs.recent_and_older()
    assert [each.started_at.month for each in recent] == [7, 7, 8, 8]
    sums = [RunsOfMonth(date(2026, month, 1), 2, 2 * month, 0, 0, 0, 3, 0, 0) for month in (5, 6)]
    assert older == sums
    path = tmp_path / "runs" / "2026-05.jsonl"
    size = path.stat().st_size
    path.write_bytes(b"x" * size)  # not read again
    assert runs.recent_and_older()[1] == sums
    runs.write(RunRecord("more", utc(2026, 5, 3), requests=1))
    assert [each.runs for each in runs.recent_and_older()[1]] == [1, 2]
    (tmp_path / "runs" / "sums.json").write_bytes(b"{")
    assert [each.runs for each in runs.recent_and_older()[1]] == [1, 2]


def test_single_files_are_put_into_months(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    singles = [of(utc(2026, month, day)) for month, day in ((7, 1), (7, 2), (8, 1))]
    for record in singles:
        write_single(tmp_path, record)
    runs.write(RECORD)
    damaged = tmp_path / "runs" / "20260703T000000.000000Z.json"
    damaged.write_bytes(b"{")
    before = runs.all()
    runs.fold()
    assert runs.all() == before
    left = {path.name for path in (tmp_path / "runs").iterdir()}
    assert left == {"2026-07.jsonl", "2026-08.jsonl", damaged.name}


class Killed(BaseException):
    """Stands in for a signal that cannot be caught."""


def killed(number: int, work: Callable[[], None]) -> bool:
    """Kill the work just before the nth file is removed; return whether it got so far."""
    left, real = number, Path.unlink

    def unlink_or_die(path: Path, missing_ok: bool = False) -> None:
        nonlocal left
        left -= not path.name.endswith(BESIDE)
        if left == 0:
            raise Killed
        real(path, missing_ok)

    with patch.object(Path, "unlink", unlink_or_die), suppress(Killed):
        work()
    return left <= 0


def test_folding_that_is_interrupted_ends_the_same(tmp_path: Path) -> None:
    contents = set()
    for number in count(1):
        data_dir = tmp_path / str(number)
        data_dir.mkdir()
        for month, day in ((7, 1), (7, 2), (8, 1)):
            write_single(data_dir, of(utc(2026, month, day)))
        Runs(data_dir).write(RECORD)
        before = Runs(data_dir).all()
        is_whole = not killed(number, Runs(data_dir).fold)
        assert Runs(data_dir).all() == before
        Runs(data_dir).fold()
        assert Runs(data_dir).all() == before
        contents.add(tuple(path.read_bytes() for path in sorted((data_dir / "runs").glob("*.jsonl"))))
        if is_whole:
            break
    assert (number, len(contents)) == (4, 1)
