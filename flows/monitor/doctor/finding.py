"""What the doctor says of one thing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["ok", "look", "broken"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the doctor: what was looked at, how it is, what it says and what to do.

    facts: the same for machines, by name; none of them is a secret.
    """

    subject: str
    state: State
    words: str
    facts: Mapping[str, Any] = field(default_factory=dict)
