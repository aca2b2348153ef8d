"""What normalizing did, added up over accounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from transforms.pages.oddities import Oddities


@dataclass(frozen=True, slots=True)
class NormalizeSummary:
    """What normalizing did: rows read from pages, and recordings that are new, changed or deleted since the last time.

    rejected: rows that are rejects now, including old ones. oddities: this time only. busy: account name → which other
    process has it, so that its lake stayed as it was.
    """

    rows: int = 0
    new: int = 0
    changed: int = 0
    deleted: int = 0
    rejected: int = 0
    oddities: Oddities = field(default_factory=Oddities)
    busy: Mapping[str, str] = field(default_factory=dict)

    def __add__(self, other: "NormalizeSummary") -> "NormalizeSummary":
        """Add up two summaries."""
        return NormalizeSummary(
            self.rows + other.rows,
            self.new + other.new,
            self.changed + other.changed,
            self.deleted + other.deleted,
            self.rejected + other.rejected,
            self.oddities + other.oddities,
            {**self.busy, **other.busy},
        )
