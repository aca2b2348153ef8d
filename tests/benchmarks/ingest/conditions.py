"""The conditions of the ingest races."""

from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure.environment import Environment
from tests.benchmarks.measure.progress import Say


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often each way is measured. 0 skips it."""

    ours: int = 3
    script: int = 2
    dlt: int = 1


@dataclass(frozen=True, slots=True)
class Conditions:
    """How both races are run. `dlt` is its environment, or the reason why there is none."""

    ledgers: Path
    work_dir: Path
    rounds: Rounds
    concurrency: int
    dlt: Environment | str
    say: Say
