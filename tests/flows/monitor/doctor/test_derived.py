"""What is recorded of an account's pages and files is compared with the pages and files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from flows.emulator import Parameters, open_living, serve
from flows.monitor.doctor.derived import derived
from flows.monitor.doctor.finding import Diagnosis
from flows.run.request import RunRequest
from flows.stores.lake.commit import Commit
from flows.stores.lake.lake import Lake
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import clock_of, run_by


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    source = open_living(Parameters(seed=5, recordings=60, accounts=1))
    with serve(source) as emulator:
        for command in ("ingest", "normalize", "ingest"):  # what the last one landed is not in the lake yet
            run_by(clock_of(source.ledger), accesses_of(emulator), tmp_path, RunRequest(command))
    return tmp_path


def found(data_dir: Path) -> Diagnosis:
    (diagnosis,) = derived(data_dir, dict.fromkeys(Lake(data_dir).accounts(), "support"))
    return diagnosis


def test_everything_that_is_kept_is_read_and_agrees(data_dir: Path) -> None:
    diagnosis = found(data_dir)
    assert (diagnosis.subject, diagnosis.state) == ("kept support", "ok")
    assert diagnosis.facts["recordings"] == 60
    assert diagnosis.facts["pages"] >= diagnosis.facts["landings"] > 1
    assert diagnosis.facts["dropped_pages"] == 0


def recorded(data_dir: Path, change: Callable[[Commit], Commit]) -> None:
    lake = Lake(data_dir)
    (sid,) = lake.accounts()
    commit = lake.commit(sid)
    assert commit
    lake.replace(sid, change(commit))


def _with_first_file(commit: Commit, **changes: object) -> Commit:
    month, (first, *others) = min(commit.months.items())
    return structs.replace(
        commit, months={**commit.months, month: [structs.replace(first, **changes), *others]}
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda commit: structs.replace(commit, covered=commit.covered[1:]), "the days read"),
        (lambda commit: structs.replace(commit, landings=commit.landings + 1), "the number of fetches"),
        (lambda commit: _with_first_file(commit, days=[]), "the counts of 2026-"),
        (lambda commit: _with_first_file(commit, totals={}), "the counts of 2026-"),
    ],
)
def test_what_is_recorded_wrongly_is_named(
    change: Callable[[Commit], Commit], words: str, data_dir: Path
) -> None:
    recorded(data_dir, change)
    diagnosis = found(data_dir)
    assert diagnosis.state == "fail"
    assert diagnosis.words.startswith(words)
    assert diagnosis.words.endswith("differ from what is recorded. Run `recspend normalize --rebuild`.")


@pytest.mark.parametrize("pattern", ["raw/*/pages/*", "lake/*/20*.parquet"])
def test_damaged_page_or_file_is_named(pattern: str, data_dir: Path) -> None:
    path = min(data_dir.glob(pattern))
    path.write_bytes(path.read_bytes()[:-1])
    diagnosis = found(data_dir)
    assert diagnosis.state == "fail"
    assert str(path) in diagnosis.words
