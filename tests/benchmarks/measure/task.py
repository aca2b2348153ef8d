"""Task and result of one measuring process. Standard library only, so that the parent process stays small."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to measure.

    Args:
        what: a way (ours, usual, floor) or a stage (ingest, normalize, model).
        out: the folder it writes to.
        landed: a data folder with raw pages.
        lake: a data folder with the lake that ours builds from them.
        in_memory: whether the pages are decompressed before the clock starts.
        access: how to access the emulator.
        cores: how many cores the process may use.
    """

    what: str
    out: Path
    landed: Path | None = None
    lake: Path | None = None
    in_memory: bool = False
    access: Mapping[str, str] | None = None
    cores: int = 1

    def to_json(self) -> str:
        """Serialize the task to a single command line argument."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """Parse such an argument."""
        fields = json.loads(text)
        for name in ("out", "landed", "lake"):
            fields[name] = None if fields[name] is None else Path(fields[name])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of a task: wall and CPU seconds of the measured part, with the processes it started, and peak memory.

    Args:
        imported_bytes: the peak before the measured part; for a stage, the memory of its imports.
        recordings: counted from the Parquet written; None if a stage writes none.
        cost: the sum of all absolute prices in that Parquet; None if a stage writes none.
    """

    seconds: float
    cpu_seconds: float
    imported_bytes: int
    peak_bytes: int
    recordings: int | None = None
    cost: str | None = None
