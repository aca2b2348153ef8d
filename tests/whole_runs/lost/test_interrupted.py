"""Normalizing, interrupted before any file is put in place: the next run ends with the lake of an undisturbed one."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from flows.emulator import LivingLedger, open_living, serve
from flows.normalize.normalize import normalize_account
from flows.run.request import RunRequest
from flows.stores.lake.lake import Lake
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import ACCOUNTS, clock_of, epoch_of, made, run_by

ACCOUNT = ACCOUNTS[0]
AUGUST, SEPTEMBER, TODAY = date(2026, 8, 14), date(2026, 9, 14), date(2026, 10, 1)
IN_AUGUST = [made(ACCOUNT, number, epoch_of(AUGUST, number)) for number in range(6)]
IN_SEPTEMBER = [made(ACCOUNT, number, epoch_of(SEPTEMBER, number)) for number in range(6, 9)]
UNPRICED = made(ACCOUNT, 9, epoch_of(SEPTEMBER, 9), price=None, currency=None)
DELETED = made(ACCOUNT, 10, epoch_of(AUGUST, 10))


class Interrupted(BaseException):
    """Stands in for the death of the process."""


@contextmanager
def interrupted_at(number: int) -> Iterator[list[Path]]:
    """Interrupt before the nth file (from 1) is put in place; yield the list of files put in place until then."""
    rename = os.replace
    files: list[Path] = []

    def replaced(source: Any, target: Any) -> None:
        files.append(Path(target))
        if len(files) == number:
            raise Interrupted
        rename(source, target)

    with patch("os.replace", replaced):
        yield files


def moves(ledger: LivingLedger) -> None:
    """Move a recording from one month to the next, where nothing else is new."""
    ledger.change(IN_AUGUST[0].sid, created_at=epoch_of(SEPTEMBER, 3600))


def moves_with_another_price(ledger: LivingLedger) -> None:
    ledger.change(IN_AUGUST[0].sid, created_at=epoch_of(SEPTEMBER, 3600), price=Decimal("0.5"))


def two_change_places(ledger: LivingLedger) -> None:
    ledger.change(IN_AUGUST[0].sid, created_at=epoch_of(SEPTEMBER, 3600))
    ledger.change(IN_SEPTEMBER[0].sid, created_at=epoch_of(AUGUST, 3600))


def everything_happens(ledger: LivingLedger) -> None:
    moves_with_another_price(ledger)
    ledger.change(IN_AUGUST[1].sid, price=Decimal(0), keep_updated_at=True)
    ledger.change(IN_AUGUST[2].sid, price=None, currency=None)
    ledger.change(IN_SEPTEMBER[1].sid, price=Decimal("0.123456789"))
    ledger.change(UNPRICED.sid, price=Decimal("0.01"), currency="EUR")
    ledger.delete(IN_AUGUST[3].sid)
    ledger.restore(DELETED.sid)
    ledger.insert(made(ACCOUNT, 20, epoch_of(AUGUST, 20)))
    ledger.insert(made(ACCOUNT, 21, epoch_of(TODAY)))


def landed(happens: Callable[[LivingLedger], None], again: RunRequest, data_dir: Path) -> None:
    """Change recordings that are in the lake, and land the pages that show the changes."""
    source = open_living([*IN_AUGUST, *IN_SEPTEMBER, UNPRICED, DELETED], now=epoch_of(TODAY))
    ledger, clock = source.ledger, clock_of(source.ledger)
    with serve(source) as emulator:
        for _ in range(2):
            for command in ("ingest", "normalize"):
                run_by(clock, accesses_of(emulator), data_dir, RunRequest(command, AUGUST, TODAY, again=True))
            ledger.delete(DELETED.sid)
        ledger.advance(3600)
        happens(ledger)
        run_by(clock, accesses_of(emulator), data_dir, again)


def lake_of(data_dir: Path) -> tuple[Any, ...]:
    """Return everything that normalizing writes."""
    lake = Lake(data_dir)
    months = {month: lake.read(ACCOUNT, month).to_pylist() for month in lake.months(ACCOUNT)}
    commit = lake.state(ACCOUNT)
    assert commit
    return months, lake.corrections(ACCOUNT).to_pylist(), lake.changes(ACCOUNT).to_pylist(), commit.recent


@pytest.mark.parametrize(
    ("happens", "first", "corrections", "changes"),
    [
        pytest.param(moves, SEPTEMBER, 0, 1, marks=pytest.mark.slow),
        (moves_with_another_price, SEPTEMBER, 1, 1),
        pytest.param(everything_happens, AUGUST, 4, 5, marks=pytest.mark.slow),
        pytest.param(two_change_places, AUGUST, 0, 2, marks=pytest.mark.slow),
    ],
    ids=["it moves", "it moves and is corrected", "everything", "two change places"],
)
def test_interrupted_normalize_ends_with_the_same_lake(
    happens: Callable[[LivingLedger], None], first: date, corrections: int, changes: int, tmp_path: Path
) -> None:
    landed(happens, RunRequest("ingest", first, TODAY, again=True), tmp_path / "landed")
    shutil.copytree(tmp_path / "landed", tmp_path / "undisturbed")
    normalize_account(tmp_path / "undisturbed", ACCOUNT)
    expected = lake_of(tmp_path / "undisturbed")
    sids = [row["recording_sid"] for rows in expected[0].values() for row in rows]
    assert len(sids) == len(set(sids)) >= 11
    assert (len(expected[1]), len(expected[2])) == (corrections, changes)
    wrong = []
    for number in count(1):
        data_dir = tmp_path / str(number)
        shutil.copytree(tmp_path / "landed", data_dir)
        try:
            with interrupted_at(number) as files:
                normalize_account(data_dir, ACCOUNT)
        except Interrupted:
            normalize_account(data_dir, ACCOUNT)
            if lake_of(data_dir) != expected:
                wrong.append((number, str(files[-1].relative_to(data_dir))))
        else:
            break
    assert len(files) > 3
    assert wrong == []
