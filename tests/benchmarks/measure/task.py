"""What one measuring process is asked, and what it answers. Standard library only, so that the parent stays small."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to measure: `what` is a way (ours, usual, floor) or a stage (ingest, normalize, model).

    out: the folder it writes to. landed: a data folder with raw pages. lake: a data folder with the lake that ours
    makes of them. in_memory: the pages are decompressed before the clock starts. access: how to reach the emulator.
    """

    what: str
    out: Path
    landed: Path | None = None
    lake: Path | None = None
    in_memory: bool = False
    access: Mapping[str, str] | None = None

    def to_json(self) -> str:
        """The task as one argument of a command line."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Task":
        """The task of such an argument."""
        fields = json.loads(text)
        for name in ("out", "landed", "lake"):
            fields[name] = None if fields[name] is None else Path(fields[name])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Measured:
    """Wall and CPU seconds of the measured part, the peak memory of the whole process in bytes, and what came of it.

    imported_bytes: the peak before the measured part; for a stage that is what its imports take. recordings and cost
    (the sum of the sizes of all prices) are counted from the Parquet written; None where a stage writes none.
    """

    seconds: float
    cpu_seconds: float
    imported_bytes: int
    peak_bytes: int
    recordings: int | None = None
    cost: str | None = None
