"""Peak memory of our stages on a small ledger and on one ten times as large. It should hardly grow."""

from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure.child import measure, served
from tests.benchmarks.measure.ledgers import generated_ledger, open_rendered
from tests.benchmarks.measure.progress import Say
from tests.benchmarks.measure.task import Measured, Task

STAGES = ("ingest", "normalize", "model")


@dataclass(frozen=True, slots=True)
class Peaks:
    """The measurement of each stage, for this number of recordings."""

    recordings: int
    stages: dict[str, Measured]


def peaks(recordings: int, ledgers: Path, work_dir: Path, say: Say) -> Peaks:
    """Run the stages one after the other on a new data folder, each in its own process."""
    say(f"memory for {recordings:,} recordings: rendering them, unless cached")
    source = open_rendered(generated_ledger(recordings, ledgers))
    out = work_dir / f"memory-{recordings}"
    measured = {}
    with served(source) as access:
        for stage in STAGES:
            measured[stage] = measure(Task(stage, out, access=access))
            megabytes = measured[stage].peak_bytes / 1e6
            say(
                f"memory for {recordings:,} recordings: {stage} {megabytes:.0f} MB, {measured[stage].seconds:.1f} s"
            )
    return Peaks(recordings, measured)
