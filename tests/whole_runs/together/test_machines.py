"""Machines that share a bucket, at the same time and with faults, have the tables of one machine alone."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from flows.monitor.notify import notify
from flows.run.closing import close_month
from flows.run.request import RunContext, RunRequest
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.settings.loading import load
from flows.stores.bucket.turns import bind
from flows.stores.warehouse.warehouse import warehouse_path
from tests.support.faults.bucket_faults import sprinkled
from tests.support.faults.scene import quick_runs
from tests.support.runs.living_runs import in_haste, warehouse_facts
from tests.support.runs.machines import AGAIN, SIDS, Machines, machines
from tests.support.servers.receivers import hook
from transforms.errors import BusyError, ConfigError
from transforms.monitor.findings import KINDS, Finding
from transforms.monitor.messages import Seen

BUILDS = pytest.mark.builds("marts.fct_recordings", "ops.corrections")
NAMES = ("one", "two", "three")


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Machines]:
    with quick_runs(), machines(tmp_path) as found:
        yield found


# At the same time


@BUILDS
@pytest.mark.parametrize(("seed", "rounds"), [(0, 1), pytest.param(1, 12, marks=pytest.mark.slow)])
def test_machines_at_the_same_time_lose_nothing(seed: int, rounds: int, shared: Machines) -> None:
    chance = random.Random(seed)
    shared.run("one")
    for _ in range(rounds):
        shared.happen(chance)
        names = chance.sample(NAMES, 2)
        with ThreadPoolExecutor(2) as threads:
            found = [*threads.map(shared.run, names)]
        assert [(summary.exit_code, summary.failed) for summary in found] == [(0, {})] * 2
        # The machine that built last has what both of them read.
        (*_, newest) = sorted(names, key=lambda name: warehouse_path(shared.folder(name)).stat().st_mtime)
        if {SIDS[0], SIDS[1]} <= read_by_any(found):
            shared.compare(newest)
        last = chance.choice(NAMES)
        shared.run(last)
        shared.compare(last)


def read_by_any(found: Sequence[RunSummary]) -> set[str]:
    """Return the accounts that at least one of these runs had. Their names are their sids."""
    return {sid for sid in SIDS for summary in found if sid not in summary.busy}


@BUILDS
def test_machines_with_an_account_each_have_the_tables_of_both(shared: Machines) -> None:
    def with_one(name: str, place: int) -> RunContext:
        account = shared.accounts[place]
        names = {account.account_sid: account.name}
        return replace(shared.context(name), accounts=[account], names=names)

    perform(with_one("one", 0), replace(AGAIN, command="ingest"))
    # The other machine pulls landed pages that are in no lake yet.
    assert perform(with_one("two", 1), AGAIN).exit_code == 0
    assert {fact.account_sid for fact in warehouse_facts(shared.folder("two")).values()} == {SIDS[1]}
    assert perform(with_one("one", 0), RunRequest()).exit_code == 0
    shared.compare("one")
    assert perform(with_one("two", 1), RunRequest("model")).exit_code == 0
    shared.compare("two")


# Faults


@BUILDS
@pytest.mark.parametrize(("seed", "runs"), [(2, 1), pytest.param(3, 12, marks=pytest.mark.slow)])
def test_faults_of_the_bucket_change_no_figure(seed: int, runs: int, shared: Machines) -> None:
    chance = random.Random(seed)
    shared.server.fault = sprinkled(chance, 0.1)
    for _ in range(runs):
        name = chance.choice(NAMES)
        summary = shared.run(name)
        assert (summary.exit_code, summary.failed, summary.busy) == (0, {}, {})
        shared.compare(name)
        shared.happen(chance)


# Closing, findings and changes


@pytest.mark.builds("marts.fct_recordings", "ops.corrections", "marts.adjustments")
def test_month_is_closed_by_one_machine_for_all(tmp_path: Path) -> None:
    with machines(tmp_path) as shared, quick_runs():
        reading, go_on = Event(), Event()

        def read(stage: str, done: int, total: int | None = None) -> None:
            if stage == f"ingest {shared.accounts[0].name}" and not reading.is_set():
                reading.set()
                assert go_on.wait(60)

        with ThreadPoolExecutor(1) as threads:
            run = threads.submit(lambda: perform(replace(shared.context("one"), progress=read), AGAIN))
            assert reading.wait(60)
            with pytest.raises(BusyError, match=r"another machine is working on it .* Close the month"):
                close_month(shared.context("two"), "2026-08", accept_incomplete=True)
            go_on.set()
            assert run.result().exit_code == 0
        sealed = close_month(shared.context("two"), "2026-08", accept_incomplete=True)
        with pytest.raises(ConfigError, match="2026-08 is already closed"):
            close_month(shared.context("three"), "2026-08")
        shared.happen(random.Random(2))
        shared.run("three")
        shared.compare("three")
        assert ("statement", "2026-08", sealed.sha256) in shared.known


def test_findings_are_sent_once(shared: Machines) -> None:
    over = Finding("budget.exceeded", "2026-09 all USD", "It is exceeded.", {})
    with hook() as received:
        channels = load(notify=[{"kind": "webhook", "url": received.url}]).notify
        for name in (*NAMES, *NAMES):
            context = shared.context(name, notify=channels)
            bind(shared.folder(name), shared.url)
            assert notify(context.settings, None, lambda: ([over], Seen(set(KINDS)))) == {}
    assert received.events == ["recspend.budget.exceeded"]


@BUILDS
def test_changes_are_shown_since_the_last_run_of_any_machine(shared: Machines) -> None:
    shared.run("one")
    for name in ("two", "one"):
        shared.happen(random.Random(3))
        since = shared.run(name).since
        assert since is not None
        assert (since.new, since.deleted) == (2, 1)


@pytest.mark.slow
def test_whole_runs_send_findings_once_and_show_changes_once(tmp_path: Path) -> None:
    with machines(tmp_path) as shared, in_haste(100), hook() as received:
        channels = load(notify=[{"kind": "webhook", "url": received.url}]).notify
        for name in NAMES:
            budgets = shared.folder(name) / "reference" / "budgets.csv"
            budgets.parent.mkdir(parents=True)
            budgets.write_text("account_sid,valid_from,currency,amount\n,2026-08,USD,0.05\n")
        shown = []
        for name in (*NAMES, "one"):
            summary = shared.run(name, notify=channels)
            assert summary.notify_warnings == {}
            assert summary.since is not None
            shown.append((summary.since.new, summary.since.deleted))
            shared.compare(name)
            shared.happen(random.Random(3))
        assert shown[1:] == [(2, 1)] * 3
        sent = [finding["key"] for _, body in received.posted for finding in body["findings"]]
        assert len(sent) == len({*sent}) > 0, sent
