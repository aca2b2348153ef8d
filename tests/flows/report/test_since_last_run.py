"""What a run reports as changed since the previous run; `test_living.py` checks that it always adds up."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import pytest
from rich.console import Console

from flows.command.screen.run_summary import since_lines
from flows.emulator import LivingLedger, open_living, serve
from flows.report import since_last_run as since_module
from flows.run.request import Command, RunRequest
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.stores.lake.commit import MOST_LANDINGS
from tests.support.runs.ledger_runs import accesses_of
from tests.support.runs.living_runs import ACCOUNTS, clock_of, context_by, epoch_of, in_haste, made
from transforms.report.since_last_run import Changes, Mover

pytestmark = pytest.mark.builds("marts.daily_spend")

SID = ACCOUNTS[0]
BEGINNING = epoch_of(date(2026, 9, 30), 36_000)


class World:
    """A ledger of twelve recordings, one a day, and runs over it."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        recordings = [
            made(SID, n, epoch_of(date(2026, 9, 19 + n % 11), n), source="DialVerb", price=Decimal("-0.01"))
            for n in range(12)
        ]
        self.source = open_living(recordings, now=BEGINNING)
        self.ledger: LivingLedger = self.source.ledger
        self.clock = clock_of(self.ledger)
        self.sids = [recording.sid for recording in recordings]

    def perform(self, command: Command = "run", *, again: bool = False) -> RunSummary:
        first = date(2026, 9, 1)
        with serve(self.source) as emulator:
            accounts = [replace(each, name="support") for each in accesses_of(emulator)]
            context = replace(context_by(self.clock, accounts, self.data_dir), names={SID: "support"})
            return perform(context, RunRequest(command, first, again=again))

    def since(self, command: Command = "run", *, again: bool = True) -> Changes:
        found = self.perform(command, again=again).since
        assert found is not None
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with in_haste(100):
        yield World(tmp_path)


def counts(changes: Changes) -> tuple[int, int, int, int]:
    return changes.new, changes.changed, changes.deleted, changes.returned


def test_first_run_finds_everything_new(world: World) -> None:
    first = world.since()
    assert (first.before, counts(first)) == (None, (12, 0, 0, 0))
    assert first.cost == {"USD": Decimal("0.12")}
    assert first.movers == [Mover("support", "DialVerb", "USD", Decimal("0.12"))]


def test_unchanged_run_says_so_without_querying_the_warehouse(world: World) -> None:
    world.since()
    with patch.object(since_module, "Warehouse", side_effect=AssertionError("asked")):
        second = world.since()
    assert second.is_nothing
    assert second.before is not None
    assert second.before.replace(microsecond=0) == datetime.fromtimestamp(world.ledger.now, UTC)


def test_changes_are_reported_once(world: World) -> None:
    world.since()
    corrected, status, gone, *_ = world.sids
    world.ledger.advance(3600)
    world.ledger.change(corrected, price=Decimal("-0.035"))
    world.ledger.change(status, status="failed")
    world.ledger.delete(gone)
    world.ledger.insert(made(SID, 50, world.ledger.now, source="Conference", price=Decimal("-0.2")))
    found = world.since()
    assert counts(found) == (1, 2, 1, 0)
    assert found.cost == {"USD": Decimal("0.225")}
    assert [(mover.source, mover.change) for mover in found.movers] == [
        ("Conference", Decimal("0.2")),
        ("DialVerb", Decimal("0.025")),
    ]
    world.ledger.advance(3600)
    assert world.since().is_nothing
    world.ledger.change(status, status="completed")
    assert counts(world.since()) == (0, 1, 0, 0)  # the deleted one was already reported
    world.ledger.restore(gone)
    assert counts(world.since()) == (0, 0, 0, 1)


@pytest.mark.parametrize("killed_in", ["flows.run.stages.report", "flows.run.record.write_metrics"])
def test_changes_found_by_a_killed_run_are_reported_by_the_next(world: World, killed_in: str) -> None:
    world.since()
    world.ledger.advance(3600)
    world.ledger.change(world.sids[3], price=Decimal("-0.02"))
    with (
        patch(killed_in, side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        world.perform(again=True)
    found = world.perform(again=True)
    assert (found.new, found.changed) == (0, 0)  # this run itself found nothing
    assert found.since is not None
    assert (counts(found.since), found.since.cost) == ((0, 1, 0, 0), {"USD": Decimal("0.01")})


@pytest.mark.parametrize("begins_anew", [False, True])
def test_changes_are_counted_over_more_landings_than_kept(world: World, begins_anew: bool) -> None:
    """The models are built after so many fetches that those which found the changes are summed up."""
    world.since()
    changed, gone, *_ = world.sids
    for hour in range(MOST_LANDINGS + 5):
        world.ledger.advance(3600)
        if hour == 2:
            world.ledger.change(changed, price=Decimal("-0.02"))
            world.ledger.delete(gone)
        if hour == 3:
            world.ledger.insert(made(SID, 50, world.ledger.now, price=None, currency=None))
        if hour == 4:  # it stays new, though its page is not the first to list it
            world.ledger.change(new_sid(world), price=Decimal("-0.02"), currency="USD")
        world.perform("ingest", again=True)
        if not begins_anew:
            world.perform("normalize")
    world.perform("normalize")
    found = world.since("model")
    assert (counts(found), found.cost) == ((1, 1, 1, 0), {"USD": Decimal("0.03")})


def new_sid(world: World) -> str:
    (sid,) = {each.recording.sid for each in world.ledger.recordings()} - set(world.sids)
    return sid


def test_changes_of_single_stages_add_up_until_models_are_built(world: World) -> None:
    world.since()
    world.ledger.advance(3600)
    world.ledger.change(world.sids[3], price=Decimal("-0.02"))
    assert world.perform("ingest", again=True).since is None
    assert world.perform("normalize").since is None
    world.ledger.advance(3600)
    world.ledger.change(world.sids[4], price=Decimal("-0.02"))
    world.perform("ingest", again=True)
    world.perform("normalize")
    found = world.since("model")
    assert (counts(found), found.cost) == ((0, 2, 0, 0), {"USD": Decimal("0.02")})
    assert world.since("model").is_nothing


def test_rebuilding_the_lake_changes_nothing(world: World) -> None:
    world.since()
    world.ledger.advance(3600)
    world.ledger.change(world.sids[3], price=Decimal("-0.02"))
    world.since()
    with serve(world.source) as emulator:
        context = context_by(world.clock, accesses_of(emulator), world.data_dir)
        perform(context, RunRequest("normalize", rebuild=True))
    assert world.since("model").is_nothing


def test_unreadable_figures_start_from_scratch(world: World) -> None:
    world.since()
    (world.data_dir / "told.json").write_text("{")
    found = world.since()
    assert (found.before, found.new) == (None, 12)


def shown(changes: Changes) -> str:
    with io.StringIO() as text:
        Console(file=text, width=200, highlight=False).print(*since_lines(changes), sep="\n")
        return text.getvalue()


def test_changes_are_shown_on_the_screen() -> None:
    before = datetime(2026, 9, 1, 6, 30, tzinfo=UTC)
    assert shown(Changes(before)) == "Nothing changed since the previous run (2026-09-01 06:30 UTC).\n"
    assert shown(Changes(None)) == "Nothing changed since the beginning.\n"
    movers = [
        Mover("[b]sales", "DialVerb", "EUR", Decimal("-0.500000000")),
        Mover("support", "Trunking", "USD", Decimal("0.000000001")),
    ]
    cost = {"EUR": Decimal("-0.500000000"), "USD": Decimal("0.000000001")}
    assert shown(Changes(before, 3, 2, 1, 4, cost, movers)) == (
        "Since the previous run (2026-09-01 06:30 UTC): 3 new, 2 changed, 1 deleted, 4 back; "
        "-0.500000000 EUR, +0.000000001 USD.\n"
        "Largest changes: [b]sales DialVerb -0.50 EUR\n"
        "Largest changes: support Trunking +0.000000001 USD\n"
    )
    movers = [Mover("a", "x", "USD", Decimal("3.5342")), Mover("b", "y", "USD", Decimal("-1.934"))]
    assert shown(Changes(before, 1, cost={"USD": Decimal("1600.2")}, movers=movers)).endswith(
        "1 new, 0 changed, 0 deleted; +1,600.20 USD.\nLargest changes: a x +3.5342 USD, b y -1.9340 USD\n"
    )
    assert shown(Changes(before, 1)).endswith(": 1 new, 0 changed, 0 deleted; no cost changed.\n")
