"""One line of the doctor's output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of one check: its subject, its state, and what was found and what to do in words.

    facts: the same as fields, for `--json`; they contain no secret.
    """

    subject: str
    state: State
    words: str
    facts: Mapping[str, Any] = field(default_factory=dict)
