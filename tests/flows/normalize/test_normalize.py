"""The lake does not depend on how often it was brought up to date in between."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.normalize.normalize import normalize_account
from flows.stores.lake.lake import Lake
from flows.stores.raw.raw_pages import RawPages
from tests.support.samples.stores import ACCOUNT
from tests.support.samples.transforms import recording
from tests.support.servers.scripted_server import page
from transforms.errors import DataError
from transforms.values.windows import Window

BEGINNING = datetime(2026, 12, 1, tzinfo=UTC)
SIDS = ("R1", "R2")
DAYS = [date(2026, 8, 10), date(2026, 8, 20), date(2026, 9, 10), date(2026, 9, 20), date(2026, 10, 10)]
WINDOWS = [
    Window(date(2026, 8, 1), date(2026, 8, 31)),
    Window(date(2026, 8, 1), date(2026, 8, 15)),
    Window(date(2026, 8, 16), date(2026, 9, 15)),
    Window(date(2026, 9, 1), date(2026, 9, 30)),
    Window(date(2026, 10, 1), date(2026, 10, 31)),
    Window(date(2026, 8, 1), date(2026, 10, 31)),
]
EARLY, LATE = WINDOWS[1], Window(date(2026, 8, 16), date(2026, 8, 31))
PRICES = ("-0.0025", "-0.005", "-0.0075")


@dataclass(frozen=True)
class Reading:
    """One fetch of a window, and what its recordings were then: for each sid its day and its price."""

    window: Window
    is_whole: bool
    recordings: tuple[tuple[date, str], ...]


def listed(reading: Reading) -> Iterator[dict[str, Any]]:
    for sid, (day, price) in zip(SIDS, reading.recordings, strict=True):
        if reading.window.first <= day <= reading.window.last:
            created_at = format_datetime(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
            yield {"sid": sid, "date_created": created_at, "price": price}


def land(data_dir: Path, number: int, reading: Reading, *, is_dated: bool) -> None:
    """Land a reading. is_dated: each says of its recordings that they changed just now."""
    raw = RawPages(data_dir)
    at = BEGINNING + timedelta(hours=number)
    landing = raw.begin(ACCOUNT, reading.window, at)
    writer = raw.writer(landing)
    updated = format_datetime(at if is_dated else BEGINNING)
    rows = [
        recording(
            f'"{each["sid"]}"', date_created=f'"{each["date_created"]}"', date_updated=f'"{updated}"',
            price=f'"{each["price"]}"',
        )
        for each in listed(reading)
    ]  # fmt: skip
    body = page().replace(b"[]", b"[" + b",".join(rows) + b"]")
    writer.add("https://example.com/1", body, len(rows))
    if reading.is_whole:
        writer.complete(at)
    else:
        writer.abandon(at)


def tables(data_dir: Path) -> dict[str, list[dict[str, Any]]]:
    lake = Lake(data_dir)
    recordings = [row for month in lake.months(ACCOUNT) for row in lake.read(ACCOUNT, month).to_pylist()]
    return {
        "recordings": sorted(recordings, key=lambda row: row["recording_sid"]),
        "corrections": lake.corrections(ACCOUNT).to_pylist(),
        "changes": lake.changes(ACCOUNT).to_pylist(),
    }


def normalized(
    readings: list[Reading], stops: set[int], *, rows_per_file: int = 1000, is_dated: bool = True
) -> dict[str, list[dict[str, Any]]]:
    """Land the readings one after the other, and normalize after those in `stops` and at the end."""
    with (
        TemporaryDirectory() as folder,
        patch("flows.normalize.parts.ROWS_PER_FILE", rows_per_file),
        patch("flows.normalize.history.ROWS_PER_FILE", rows_per_file),
    ):
        data_dir = Path(folder)
        for number, reading in enumerate(readings):
            land(data_dir, number, reading, is_dated=is_dated)
            if number in stops:
                normalize_account(data_dir, ACCOUNT)
        normalize_account(data_dir, ACCOUNT)
        return tables(data_dir)


def readings() -> st.SearchStrategy[list[Reading]]:
    """Make readings of recordings that move and change now and then, each at most twice."""
    states = st.tuples(*(st.tuples(st.sampled_from(DAYS), st.sampled_from(PRICES)) for _ in SIDS))
    reading = st.builds(Reading, st.sampled_from(WINDOWS), st.booleans(), states)
    return st.lists(reading, min_size=2, max_size=6)


STOPS, ROWS_PER_FILE = st.sets(st.integers(0, 5)), st.integers(1, 3)


@given(readings(), STOPS, ROWS_PER_FILE, st.booleans())
@settings(max_examples=8)
def test_lake_does_not_depend_on_where_normalizing_began(
    history: list[Reading], stops: set[int], rows: int, is_dated: bool
) -> None:
    found = normalized(history, stops, rows_per_file=rows, is_dated=is_dated)
    assert found == normalized(history, set(), is_dated=is_dated)


@pytest.mark.slow
@given(readings(), STOPS, ROWS_PER_FILE, st.booleans())
@settings(max_examples=300)
def test_lake_depends_on_no_beginning_in_many_examples(
    history: list[Reading], stops: set[int], rows: int, is_dated: bool
) -> None:
    found = normalized(history, stops, rows_per_file=rows, is_dated=is_dated)
    assert found == normalized(history, set(), is_dated=is_dated)


@given(readings(), STOPS)
@settings(max_examples=20)
def test_reading_the_same_pages_again_is_like_not_skipping_them(
    history: list[Reading], stops: set[int]
) -> None:
    twice = [reading for each in history for reading in (each, each)]
    found = normalized(twice, stops, is_dated=False)
    with patch("flows.normalize.normalize._repeat", return_value=None):
        assert found == normalized(twice, set(), is_dated=False)


def histories_that_come_again() -> st.SearchStrategy[list[Reading]]:
    """Make readings of a few windows in a few states, so that the same pages come again, also after others."""
    prices = st.sampled_from(PRICES[:1])
    states = st.tuples(*(st.tuples(st.sampled_from(DAYS[:2]), prices) for _ in SIDS))
    reading = st.builds(Reading, st.sampled_from([EARLY, LATE]), st.just(True), states)
    return st.lists(reading, min_size=4, max_size=8)


@given(histories_that_come_again(), STOPS, ROWS_PER_FILE)
@settings(max_examples=30)
def test_pages_that_come_again_later_are_like_others(
    history: list[Reading], stops: set[int], rows: int
) -> None:
    found = normalized(history, stops, rows_per_file=rows, is_dated=False)
    with patch("flows.normalize.normalize._repeat", return_value=None):
        assert found == normalized(history, set(), is_dated=False)


HERE, THERE, ELSEWHERE = ((day, PRICES[0]) for day in (DAYS[0], DAYS[1], DAYS[4]))
MOVED_BACK = [
    Reading(EARLY, True, (HERE, ELSEWHERE)),
    Reading(LATE, True, (THERE, ELSEWHERE)),
    Reading(EARLY, True, (HERE, ELSEWHERE)),
]
"""A recording moves to another day of its file and back: its old day has the same pages as before."""


@pytest.mark.parametrize("stops", [set(), {0, 1, 2, 3}])
@pytest.mark.parametrize(
    ("last", "deleted_at"),
    [
        (Reading(LATE, True, (HERE, ELSEWHERE)), None),
        (Reading(EARLY, True, (ELSEWHERE, ELSEWHERE)), BEGINNING + timedelta(hours=3)),
    ],
)
def test_pages_put_a_recording_that_moved_back_in_its_place(
    last: Reading, deleted_at: datetime | None, stops: set[int]
) -> None:
    (found,) = normalized([*MOVED_BACK, last], stops, is_dated=False)["recordings"]
    assert (found["created_at"].date(), found["deleted_at"]) == (DAYS[0], deleted_at)


@pytest.mark.parametrize("stops", [set(), {0}, {0, 1}, {0, 1, 2}, {2}])
def test_moved_recording_is_corrected_when_first_seen(stops: set[int]) -> None:
    august, october = (DAYS[0], PRICES[0]), (DAYS[4], PRICES[0])
    moved = (DAYS[2], PRICES[1])
    history = [
        Reading(WINDOWS[0], True, (august, october)),
        Reading(WINDOWS[5], False, (moved, october)),  # abandoned, and the only one to see it for an hour
        Reading(WINDOWS[4], True, (moved, october)),
        Reading(WINDOWS[3], True, (moved, october)),
    ]
    found = normalized(history, stops)
    (correction,) = found["corrections"]
    assert correction["seen_at"] == BEGINNING + timedelta(hours=1)
    assert "2026-08-01_2026-10-31" in correction["raw_page_after"]


def test_lake_is_not_rebuilt_from_pages_that_list_less(tmp_path: Path) -> None:
    """Every fetch is there, but the pages of one are not those that the lake was built from."""
    both = ((DAYS[0], PRICES[0]), (DAYS[1], PRICES[0]))
    land(tmp_path, 0, Reading(WINDOWS[0], True, both), is_dated=True)
    normalize_account(tmp_path, ACCOUNT)
    before = tables(tmp_path)
    shutil.rmtree(tmp_path / "raw")
    land(tmp_path, 0, Reading(WINDOWS[0], True, (both[0], (DAYS[2], PRICES[0]))), is_dated=True)
    with pytest.raises(DataError, match=r"its raw pages list 1 recording, and .* has 2\. Restore"):
        normalize_account(tmp_path, ACCOUNT, rebuild=True)
    assert tables(tmp_path) == before
