"""Machines that share a bucket and are killed anywhere, or asleep for too long, lose nothing."""

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from flows.run.request import RunRequest
from flows.run.stages import perform
from flows.run.summary import RunSummary
from flows.stores.bucket import leases
from flows.stores.bucket.heads import Heads
from flows.stores.bucket.objects import Bucket
from tests.support.faults.bucket_faults import Died, dying_at
from tests.support.faults.scene import quick_runs
from tests.support.runs.machines import AGAIN, FIRST, SIDS, Machines, machines
from tests.support.servers.bucket_server import Answer

BUILDS = pytest.mark.builds("marts.fct_recordings", "ops.corrections")
NAMES = ("one", "two", "three")
OVER = RunRequest("ingest", first=FIRST, last=date(2026, 9, 1))
"""Reads days that were over long ago: none of them is read again."""
IN_TURN = {"accounts_at_once": 1, "concurrency": 1}
"""One request at a time: what is under way elsewhere when a machine is killed is asked again."""


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Machines]:
    with quick_runs(), machines(tmp_path) as found:
        yield found


@pytest.fixture
def no_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases run out at once: as if each machine had stopped for long."""
    monkeypatch.setattr(leases, "LEASE", timedelta(0))


# Killed


@BUILDS
@pytest.mark.usefixtures("no_lease")
@pytest.mark.parametrize(("seed", "kills"), [(0, 1), pytest.param(1, 50, marks=pytest.mark.slow)])
def test_killed_at_requests_to_the_bucket_loses_nothing(seed: int, kills: int, shared: Machines) -> None:
    chance = random.Random(seed)
    with dying_at(10_000, is_done=False) as sent:
        shared.run("one")
        number = sent()
    for _ in range(kills):
        shared.happen(chance)
        killed, next_ = chance.choice(NAMES), chance.choice([*NAMES, f"fresh {chance.random()}"])
        try:
            with dying_at(chance.randrange(1, number), is_done=chance.random() < 0.5):
                shared.run(killed)
        except Died:
            pass
        shared.run(next_)
        shared.compare(next_)


@pytest.mark.usefixtures("no_lease")
@pytest.mark.parametrize(("seed", "kills"), [(3, 2), pytest.param(4, 50, marks=pytest.mark.slow)])
def test_what_a_killed_machine_pushed_is_not_asked_again(seed: int, kills: int, shared: Machines) -> None:
    chance, asked_again = random.Random(seed), Counter[str]()
    with dying_at(10_000, is_done=False) as sent:
        shared.fresh_bucket("first").run("one", OVER, **IN_TURN)
        number = sent()
    for kill in range(kills):
        here = shared.fresh_bucket(str(kill))
        begins = len(here.emulator.request_log)
        with pytest.raises(Died), dying_at(chance.randrange(1, number), is_done=chance.random() < 0.5):
            here.run("one", OVER, **IN_TURN)
        since = len(here.emulator.request_log)
        first = [*here.emulator.request_log][begins:since]
        pushed = {scope.partition("=")[2] for scope in Heads(Bucket(here.url)).tags()}
        next_ = chance.choice(["one", "other"])
        here.run(next_, OVER, **IN_TURN)
        after = {each.target for each in [*here.emulator.request_log][since:]}
        again = {each.target for each in first} & after
        assert not again or next_ == "other"
        assert not [target for target in again if any(sid in target for sid in pushed)]
        asked_again[next_] += bool(again)
    assert asked_again["one"] == 0


@BUILDS
@pytest.mark.slow
@pytest.mark.usefixtures("no_lease")
def test_machine_killed_by_a_signal_loses_nothing(shared: Machines) -> None:
    chance, killed = random.Random(5), 0
    shared.run("one")
    for _ in range(10):
        shared.happen(chance)
        left, is_done, pid = count(chance.randrange(1, 60), -1), chance.random() < 0.5, Future[int]()

        def fault(
            method: str,
            path: str,
            left: Iterator[int] = left,
            pid: Future[int] = pid,
            answer: Answer = "as asked" if is_done else "unavailable",
        ) -> Answer:
            if next(left) != 0:
                return "as asked"
            os.kill(pid.result(), signal.SIGKILL)
            return answer

        shared.server.fault = fault
        process = shared.start("killed")
        pid.set_result(process.pid or 0)
        process.join()
        killed += process.exitcode == -signal.SIGKILL
        shared.server.fault = lambda method, path: "as asked"
        # The lease of the killed process is still in force.
        Bucket(shared.url).remove([name for name, _ in Bucket(shared.url).listed("leases")])
        next_ = chance.choice(["killed", "one", f"fresh {chance.random()}"])
        shared.run(next_)
        shared.compare(next_)
    assert killed > 5


# Asleep


@BUILDS
@pytest.mark.usefixtures("no_lease")
def test_machine_that_wakes_up_late_says_so(shared: Machines) -> None:
    asleep, awake = Event(), Event()
    shared.run("one")
    shared.happen(random.Random(1))

    def sleep(stage: str, done: int, total: int | None = None) -> None:
        if stage == f"ingest {shared.accounts[0].name}" and not asleep.is_set():
            asleep.set()
            assert awake.wait(60)

    def run() -> RunSummary:
        return perform(replace(shared.context("one", accounts_at_once=1), progress=sleep), AGAIN)

    with ThreadPoolExecutor(1) as threads:
        late = threads.submit(run)
        assert asleep.wait(60)
        shared.run("two")
        shared.compare("two")
        awake.set()
        summary = late.result()
    name = shared.accounts[0].name
    assert (summary.exit_code, [*summary.busy]) == (0, [name])
    assert summary.busy[name].startswith(
        f"Another machine wrote account_sid={SIDS[0]} in {shared.url} meanwhile."
    )
    shared.compare("one")
