"""How the races of ingest are run."""

from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.ingest.dlt_environment import DltEnvironment
from tests.benchmarks.measure.progress import Say


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often each way is measured; 0 leaves it out."""

    ours: int = 3
    script: int = 2
    dlt: int = 1


@dataclass(frozen=True, slots=True)
class Conditions:
    """How both races are run. dlt: its environment, or in words why there is none."""

    ledgers: Path
    workplace: Path
    rounds: Rounds
    lanes: int
    dlt: DltEnvironment | str
    say: Say
