"""A recording that moves to another month, and a run that is broken off wherever a file takes its place."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from ledger_runs import accesses_of
from living_runs import ACCOUNTS, clock_of, epoch_of, made, run_by

from flows.emulator import LivingSource, open_living, serve
from flows.job import Job
from flows.normalize import normalize_account
from flows.stores.lake import Lake

ACCOUNT = ACCOUNTS[0]
AUGUST, SEPTEMBER, TODAY = date(2026, 8, 14), date(2026, 9, 14), date(2026, 10, 1)
LOOK_AGAIN = {
    "both days": Job("ingest", AUGUST, SEPTEMBER, again=True),
    "the day it left": Job("ingest", AUGUST, AUGUST, again=True),
    "the day it moved to": Job("ingest", SEPTEMBER, SEPTEMBER, again=True),
}


class BrokenOff(BaseException):
    """The process is as good as dead."""


@contextmanager
def broken_off_at(number: int) -> Iterator[list[Path]]:
    """Break off where the nth file, counted from 1, would take its place; gives the files up to there."""
    rename = os.replace
    files: list[Path] = []

    def replaced(source: Any, target: Any) -> None:
        files.append(Path(target))
        if len(files) == number:
            raise BrokenOff
        rename(source, target)

    with patch("os.replace", replaced):
        yield files


def moved(source: LivingSource, data_dir: Path, look_again: Job, price: str | None) -> str:
    """A recording moves from August to September, its days are read again, and the pages have been landed."""
    clock, ledger = clock_of(source.ledger), source.ledger
    (recording,) = [each.recording for each in ledger.recordings() if each.recording.sequence == 0]
    with serve(source) as emulator:
        for command in ("ingest", "normalize"):
            run_by(clock, accesses_of(emulator), data_dir, Job(command, AUGUST, TODAY))
        ledger.advance(3600)
        facts: dict[str, Any] = {} if price is None else {"price": Decimal(price)}
        ledger.change(recording.sid, created_at=epoch_of(SEPTEMBER, 3600), **facts)
        run_by(clock, accesses_of(emulator), data_dir, look_again)
    return recording.sid


def lake_of(data_dir: Path) -> tuple[Any, ...]:
    """Everything that normalizing leaves."""
    lake = Lake(data_dir)
    months = {month: lake.read(ACCOUNT, month).to_pylist() for month in lake.months(ACCOUNT)}
    return months, lake.corrections.read(ACCOUNT).to_pylist(), lake.state(ACCOUNT)


@pytest.mark.parametrize("price", [None, "0.5"], ids=["the same price", "another price"])
@pytest.mark.parametrize("which", LOOK_AGAIN)
def test_a_moved_recording_counts_once_wherever_normalizing_was_broken_off(
    which: str, price: str | None, tmp_path: Path
) -> None:
    source = open_living(
        [
            made(ACCOUNT, 0, epoch_of(AUGUST, 3600)),
            made(ACCOUNT, 1, epoch_of(AUGUST)),
            made(ACCOUNT, 2, epoch_of(SEPTEMBER)),
        ],
        now=epoch_of(TODAY),
    )
    sid = moved(source, tmp_path / "landed", LOOK_AGAIN[which], price)
    shutil.copytree(tmp_path / "landed", tmp_path / "undisturbed")
    normalize_account(tmp_path / "undisturbed", ACCOUNT)
    expected = lake_of(tmp_path / "undisturbed")
    assert [row["recording_sid"] for rows in expected[0].values() for row in rows].count(sid) == 1
    assert len(expected[1]) == (price is not None and which != "the day it left")
    wrong = []
    for number in count(1):
        data_dir = tmp_path / str(number)
        shutil.copytree(tmp_path / "landed", data_dir)
        try:
            with broken_off_at(number) as files:
                normalize_account(data_dir, ACCOUNT)
        except BrokenOff:
            normalize_account(data_dir, ACCOUNT)
            if lake_of(data_dir) != expected:
                wrong.append((number, str(files[-1].relative_to(data_dir))))
        else:
            break
    assert len(files) > 2
    assert wrong == []
