"""A power cut: nothing gets its name before its content is on disk, nor counts before what it relies on."""

from datetime import date
from pathlib import Path

from flows.emulator import open_living, serve
from flows.run.closing import close_month
from flows.run.request import RunRequest
from flows.run.stages import perform
from tests.support.faults.flushes import watched_flushes
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import ACCOUNTS, clock_of, context_by, epoch_of, made

FIRST, TODAY = date(2026, 8, 14), date(2026, 9, 2)


def test_everything_is_flushed_before_it_counts(tmp_path: Path) -> None:
    source = open_living([made(ACCOUNTS[0], 1, epoch_of(FIRST))], now=epoch_of(TODAY))
    data_dir = tmp_path / "data"
    with serve(source) as emulator, watched_flushes() as seen:
        context = context_by(clock_of(source.ledger), accesses_of(emulator), data_dir)
        perform(context, RunRequest())
        (data_dir / "reports" / "own").mkdir()
        (data_dir / "reports" / "own" / "notes.txt").write_text("not ours")
        close_month(context, f"{FIRST:%Y-%m}")
        source.ledger.insert(made(ACCOUNTS[0], 2, epoch_of(TODAY)))
        perform(context, RunRequest("run", FIRST, TODAY, again=True))
        perform(context, RunRequest("normalize", rebuild=True))
    names = {path.name for path in seen.renames}
    assert {
        *("recordings.parquet", "commit.json", "told.json"),
        *("warehouse.duckdb", "warehouse.json", f"{FIRST:%Y-%m}", "reports", "reports.json", "format.json"),
    } <= names
    assert {path.parents[2].name for path in seen.journals} == {"raw"}
    assert {f"{path.name}" for path in data_dir.glob("raw/*/pages/*")} <= names
    assert (data_dir / "reports" / "own" / "notes.txt").read_text() == "not ours"
    assert (seen.unsafe, seen.early, seen.pending) == ([], [], set())
