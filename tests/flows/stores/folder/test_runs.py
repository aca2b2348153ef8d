from datetime import timedelta
from pathlib import Path

import pytest

from flows.stores.folder.runs import RunRecord, Runs
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


def test_record_round_trips(tmp_path: Path) -> None:
    Runs(tmp_path).write(RECORD)
    assert Runs(tmp_path).all() == [RECORD]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["20260801T030000.000000Z.json"]


def test_record_of_an_unfinished_run_has_no_exit_code(tmp_path: Path) -> None:
    Runs(tmp_path).write(RunRecord("1", BEGAN))
    (found,) = Runs(tmp_path).all()
    assert (found.finished_at, found.exit_code, found.requests) == (None, None, 0)
    assert found.started_at == BEGAN


def test_later_record_of_a_run_replaces_the_first(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    runs.write(RunRecord(RECORD.run_id, BEGAN))
    runs.write(RECORD)
    assert runs.all() == [RECORD]


def test_records_are_listed_oldest_first(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    for day in (3, 1, 2):
        runs.write(RunRecord(f"2026080{day}T030000.000000Z", utc(2026, 8, day, 3)))
    assert [record.started_at.day for record in runs.all()] == [1, 2, 3]


def test_records_are_empty_before_the_first_run(tmp_path: Path) -> None:
    assert Runs(tmp_path).all() == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"{}", b"[]", b'{"run_id": 7}', b'{"run_id": "\xff"}', b"\xff", b'{"run_id": "1"}']
)
def test_unreadable_record_is_skipped(tmp_path: Path, content: bytes) -> None:
    Runs(tmp_path).write(RECORD)
    (tmp_path / "runs" / "20260701T000000.000000Z.json").write_bytes(content)
    (tmp_path / "runs" / f"20260702T000000.000000Z.json{BESIDE}").write_bytes(content)
    assert Runs(tmp_path).all() == [RECORD]
