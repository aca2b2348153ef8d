"""The lake does not depend on how many processes normalize it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from flows.normalize.accounts import normalize_accounts
from flows.normalize.summary import NormalizeSummary
from flows.stores.folder.data_locks import DataLocks
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from flows.stores.warehouse.machine import give_workers
from tests.support.samples.transforms import recording
from tests.support.servers.scripted_server import page
from transforms.errors import DataError
from transforms.values.windows import Window

BEGINNING = datetime(2026, 12, 1, tzinfo=UTC)
SIZES = {"AClarge": 40, "AC1": 3, "AC2": 5, "ACempty": 0}
"""How many recordings each account has in each window."""


@pytest.fixture(autouse=True)
def with_processes() -> Iterator[None]:
    """Let a few rows be worth processes."""
    with patch.multiple(
        "flows.normalize.accounts", ROWS_FOR_PROCESSES=1, ROWS_LIKE_AN_ACCOUNT=1, ROWS_FOR_HELP=100
    ):
        yield
    give_workers(None)


def land(data_dir: Path, account_sid: str, number: int, rows: int, price: str = "-0.0025") -> None:
    """Land a window of ten days, its last recording without a date, the second last in a field that is not known."""
    raw, at = RawPages(data_dir), BEGINNING + timedelta(hours=number)
    window = Window(first := date(2026, 3, 1) + timedelta(days=10 * (number % 5)), first + timedelta(days=9))
    writer = raw.writer(raw.begin(account_sid, window, at))
    records = []
    for place in range(rows):
        created = datetime(window.first.year, window.first.month, window.first.day, place % 24, tzinfo=UTC)
        records.append(
            recording(
                f'"RE{number % 5}x{place}"',
                account_sid=f'"{account_sid}"',
                date_created=f'"{format_datetime(created + timedelta(days=place % 10))}"'
                if place < rows - 1
                else '"someday"',
                date_updated=f'"{format_datetime(at)}"',
                price=f'"{price}"',
                source=f'"Source{place if place == rows - 2 else ""}"',
            )
        )
    for place in range(0, max(rows, 1), 15):
        body = page().replace(b"[]", b"[" + b",".join(records[place : place + 15]) + b"]")
        writer.add("https://example.com/1", body, len(records[place : place + 15]))
    writer.complete(at)


def landed(data_dir: Path) -> Path:
    for account_sid, rows in SIZES.items():
        for number in range(5):
            land(data_dir, account_sid, number, rows)
    return data_dir


def again(data_dir: Path) -> None:
    """Land two windows again, with other prices."""
    for account_sid, rows in SIZES.items():
        for number in (6, 8):
            land(data_dir, account_sid, number, rows, price="-0.005")


def normalized(data_dir: Path, workers: int, **options: Any) -> NormalizeSummary:
    give_workers(workers)
    names = {sid: sid.lower() for sid in RawPages(data_dir).accounts()}
    return normalize_accounts(data_dir, names, **options)


def committed(data_dir: Path) -> dict[str, Any]:
    """Return what is in the lake, without when its files were written."""
    lake = Lake(data_dir)
    found = {}
    for sid in lake.accounts():
        commit = lake.state(sid)
        assert commit is not None
        found[sid] = [(each.name, each.rows, each.days, each.totals) for each in commit.files], commit.recent
    return found


def test_lake_and_summary_do_not_depend_on_the_processes(tmp_path: Path) -> None:
    one, several = landed(tmp_path / "one"), landed(tmp_path / "several")
    assert normalized(one, 1) == normalized(several, 3)
    assert committed(one) == committed(several)
    again(one)
    again(several)
    summary = normalized(several, 3)
    assert summary == normalized(one, 1)
    assert (summary.rows, summary.changed, summary.rejected) == (2 * 48, 2 * (39 + 2 + 4), 5 * 3)
    assert committed(one) == committed(several)
    assert normalized(several, 3) == normalized(one, 1)


def test_error_of_an_account_is_raised_as_it_is(tmp_path: Path) -> None:
    landed(tmp_path)
    lost = next((tmp_path / "raw" / "account_sid=AC2" / "pages").iterdir())
    lost.unlink()
    with pytest.raises(DataError) as here:
        normalized(tmp_path, 1)
    with pytest.raises(DataError) as there:
        normalized(tmp_path, 3)
    assert str(there.value) == str(here.value)
    assert str(lost) in str(here.value)
    assert Lake(tmp_path).commit("AC2") is None


def test_warning_of_another_process_is_logged_here(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    landed(tmp_path)
    normalized(tmp_path, 1)
    again(tmp_path)
    next((tmp_path / "lake" / "account_sid=AC1").glob("2026-03*.parquet")).unlink()
    with caplog.at_level(logging.INFO):
        normalized(tmp_path, 3)
    assert [message for message in caplog.messages if "AC1" in message and "rebuilding" in message]
    assert Lake(tmp_path).rows("AC1") == 5 * 2


def test_many_accounts_are_batches_and_counted(tmp_path: Path) -> None:
    for number in range(60):
        land(tmp_path, f"AC{number:02d}", 0, 2)
    steps: list[str] = []
    said: list[tuple[str, int, int | None]] = []

    def step(name: str, piece: Callable[[], Any]) -> Any:
        steps.append(name)
        return piece()

    summary = normalized(
        tmp_path, 2, step=step, progress=lambda stage, done, total=None: said.append((stage, done, total))
    )
    assert summary.rows == 120
    assert steps == ["normalize ac00 and 49 other accounts", "normalize ac50 and 9 other accounts"]
    assert said == [("normalize accounts", done, 60) for done in range(1, 61)]


def test_large_account_is_a_step_of_its_own(tmp_path: Path) -> None:
    landed(tmp_path)
    steps: list[str] = []

    def step(name: str, piece: Callable[[], Any]) -> Any:
        steps.append(name)
        return piece()

    normalized(tmp_path, 2, step=step)
    assert steps == ["normalize aclarge", "normalize ac1 and 2 other accounts"]


@pytest.mark.parametrize("workers", [1, 2])
def test_busy_account_is_waited_for_last_or_left(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed(tmp_path)
    locks, done = DataLocks(tmp_path), list[list[str]]()
    with locks.account("AC1", "", ""), ExitStack() as other:
        other.enter_context(locks.account("AC2", "", ""))

        def sleep(_: float) -> None:
            done.append(Lake(tmp_path).accounts())
            other.close()

        monkeypatch.setattr("flows.stores.waiting.time.sleep", sleep)
        summary = normalized(tmp_path, workers, wait_seconds={"AC2": 3600.0})
    assert [*summary.busy] == ["ac1"]
    assert done == [["ACempty", "AClarge"]]
    assert Lake(tmp_path).accounts() == ["AC2", "ACempty", "AClarge"]
    assert normalized(tmp_path, workers).busy == {}
