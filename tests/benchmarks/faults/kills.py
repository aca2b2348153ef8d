"""What SIGKILL at random moments of each stage makes of the next run."""

import shutil
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from flows.stage import Clock, utc_now
from tests.benchmarks.faults.progress import say
from tests.support.docs import table
from tests.support.faults.console import recspend
from tests.support.faults.kills import STAGES, killed, started
from tests.support.faults.scene import Scene, quick_runs
from tests.support.faults.served import kill_served
from tests.support.runs.living_runs import clock_of, instant, ledger_facts, warehouse_facts

# A run under `serve` takes this long; it is killed after it has taken the folder.
_SERVED_SECONDS = 3.0


def killed_stages(made_up: Scene, place: Path, number: int, served: int, moments: Random) -> str:
    """Kill each stage, this often in total, and `serve` this often; return the outcomes as a table.

    moments: chooses them, over the whole time that a stage takes.
    """
    clock, now = clock_of(made_up.source.ledger), instant(made_up.source.ledger.now)
    rows = []
    for stage, what in STAGES.items():
        data_dir = made_up.copied(place / "data")
        what.prepare(data_dir)
        began = time.monotonic()
        started(stage, made_up, data_dir, now).join()
        whole = time.monotonic() - began
        kill = partial(_kill_stage, stage, made_up, whole, moments)
        with what.around():
            rows.append(_row(stage, number // len(STAGES), made_up, place, clock, kill))
    with quick_runs():
        kill = partial(_kill_served, made_up, place / "prefect", moments)
        rows.append(_row("serve", served, made_up, place, utc_now, kill))
    return table(["stage", "kills", "while at work", "equal", "otherwise"], rows)


def _kill_stage(stage: str, made_up: Scene, whole: float, moments: Random, data_dir: Path) -> bool:
    STAGES[stage].prepare(data_dir)
    return killed(stage, made_up, data_dir, instant(made_up.source.ledger.now), moments.uniform(0, whole))


def _kill_served(made_up: Scene, home: Path, moments: Random, data_dir: Path) -> bool:
    shutil.rmtree(home, ignore_errors=True)
    return kill_served(made_up, data_dir, home, moments.uniform(0, _SERVED_SECONDS))


def _row(
    stage: str, number: int, made_up: Scene, place: Path, clock: Clock, kill: Callable[[Path], bool]
) -> list[str]:
    """Kill a stage this often, each time in a new copy of the folder, and run."""
    at_work, found = 0, Counter[str]()
    for _ in range(number):
        data_dir = made_up.copied(place / "data")
        at_work += kill(data_dir)
        found[_after(made_up, data_dir, clock)] += 1
    say(f"{stage}: {at_work} of {number} while at work, {dict(found)}")
    others = [f"{words}: {times}" for words, times in found.items() if words != "equal"]
    return [f"`{stage}`", str(number), str(at_work), str(found["equal"]), "; ".join(others) or "0"]


def _after(made_up: Scene, data_dir: Path, clock: Clock) -> str:
    """Run, and say whether the recordings are those of the ledger."""
    said = recspend("run", environment=made_up.environment(data_dir), clock=clock)
    if said.is_unexpected or said.error:
        return said.error or "unexpected"
    return "equal" if warehouse_facts(data_dir) == ledger_facts(made_up.source.ledger) else "wrong"
