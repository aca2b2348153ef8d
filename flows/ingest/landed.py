"""What one step of a fetch landed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from transforms.values.windows import Window


@dataclass(frozen=True, slots=True)
class Landed:
    """The pages and rows that a step landed, and the days that are complete. is_last: there is no further step.

    singles: single recordings, and asked_at: when the fetch of all those of its days began (UTC), once it has ended.
    instead: the windows to be fetched because single recordings did not do.
    """

    pages: int = 0
    rows: int = 0
    days: int = 0
    is_last: bool = False
    singles: int = 0
    asked_at: datetime | None = None
    instead: Sequence[Window] = ()
