"""Two machines and one bucket: their runs end as if one machine had done them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.emulator import Emulator
from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.stores.folder.runs import Runs
from tests.support.runs.ledger_runs import (
    accesses_of,
    context_for,
    ledger_cells,
    run_against,
    warehouse_cells,
)
from tests.support.servers.bucket_server import bucket_in_reach
from transforms.settings.shards import Shard

BUILDS = pytest.mark.builds("marts.daily_spend", "marts.fct_recordings")


@pytest.fixture
def lake_url() -> Iterator[str]:
    with bucket_in_reach() as served:
        yield served.url


@BUILDS
def test_another_machine_has_what_was_read(emulator: Emulator, lake_url: str, tmp_path: Path) -> None:
    run_against(emulator, tmp_path / "one", lake_url=lake_url)
    cells = ledger_cells(emulator.totals())
    assert warehouse_cells(tmp_path / "one") == cells

    accounts = accesses_of(emulator)
    found = perform(context_for(accounts, tmp_path / "other", lake_url=lake_url), RunRequest("model"))
    assert found.exit_code == 0
    assert warehouse_cells(tmp_path / "other") == cells
    again = run_against(emulator, tmp_path / "other", lake_url=lake_url)
    assert (again.new, again.holes) == (0, 0)
    assert warehouse_cells(tmp_path / "other") == cells


@BUILDS
def test_shards_of_several_machines_are_the_whole(emulator: Emulator, lake_url: str, tmp_path: Path) -> None:
    accounts = accesses_of(emulator)
    read: list[RunSummary] = []
    for turn, number in enumerate((1, 2, 3, 1)):  # one of them twice: overlapping shards do no harm
        context = context_for(accounts, tmp_path / f"machine-{turn}", lake_url=lake_url)
        read.append(perform(context, RunRequest("run", shard=Shard(number, 3))))
        assert read[-1].model is None
    assert sum(found.new for found in read) == sum(
        cell[0] for cell in ledger_cells(emulator.totals()).values()
    )
    assert read[3].new == 0
    context = context_for([], tmp_path / "figures", lake_url=lake_url)
    found = perform(context, RunRequest("run", figures_only=True))
    assert found.exit_code == 0
    assert warehouse_cells(tmp_path / "figures") == ledger_cells(emulator.totals())
    assert [record.new for record in Runs(tmp_path / "figures").all()] == [*(each.new for each in read), 0]
