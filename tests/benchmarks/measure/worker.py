"""The measuring process: pin to its cores, prepare the task, measure it, and print the result as JSON."""

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module

from tests.benchmarks.measure.answer import answer_of
from tests.benchmarks.measure.memory import peak_bytes
from tests.benchmarks.measure.task import Measured, Task

_ROOM = "tests.benchmarks.pages"
_MODULES = {
    "ours": "ours", "usual": "usual", "floor": "floor",
    "ingest": "stages", "normalize": "stages", "model": "stages",
}  # fmt: skip
Prepare = Callable[[Task], Callable[[], object]]


def main() -> None:
    """Run the task that is the only argument."""
    task = Task.from_json(sys.argv[1])
    _pin(task.cores)
    prepare: Prepare = import_module(f"{_ROOM}.{_MODULES[task.what]}").prepare
    _limit_arrow(task.cores)
    run = prepare(task)
    gc.collect()
    os.sync()  # so that writes of earlier processes don't slow down this one
    imported_bytes = peak_bytes()
    cpu_began, began = _cpu_seconds(), time.perf_counter()
    run()
    seconds, cpu_seconds = time.perf_counter() - began, _cpu_seconds() - cpu_began
    peak = peak_bytes()
    recordings, cost = answer_of(task.out)
    measured = Measured(seconds, cpu_seconds, imported_bytes, peak, recordings, cost)
    sys.stdout.write(json.dumps(asdict(measured)))


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of those it started that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _pin(cores: int) -> None:
    """Pin this process to the last cores it may use. Not every system supports that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def _limit_arrow(cores: int) -> None:
    import pyarrow as pa

    pa.set_cpu_count(cores)
    pa.set_io_thread_count(1)


if __name__ == "__main__":
    main()
