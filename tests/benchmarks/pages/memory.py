"""The peak memory of our stages on a small ledger and on a ten times larger one: it should hardly grow."""

from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure.child import measure, served
from tests.benchmarks.measure.ledgers import generated_ledger, opened
from tests.benchmarks.measure.progress import Say
from tests.benchmarks.measure.task import Measured, Task

STAGES = ("ingest", "normalize", "model")


@dataclass(frozen=True, slots=True)
class Peaks:
    """Stage → what was measured, for so many recordings."""

    recordings: int
    stages: dict[str, Measured]


def peaks(recordings: int, ledgers: Path, workplace: Path, say: Say) -> Peaks:
    """Run the stages one after the other on a fresh data folder, each in its own process."""
    say(f"memory for {recordings:,} recordings: making them, unless they are there")
    source = opened(generated_ledger(recordings, ledgers))
    out = workplace / f"memory-{recordings}"
    measured = {}
    with served(source) as access:
        for stage in STAGES:
            measured[stage] = measure(Task(stage, out, access=access))
            megabytes = measured[stage].peak_bytes / 1e6
            say(
                f"memory for {recordings:,} recordings: {stage} {megabytes:.0f} MB, {measured[stage].seconds:.1f} s"
            )
    return Peaks(recordings, measured)
