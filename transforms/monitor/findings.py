"""What somebody should be told of: findings, and those of a run itself; `figure_findings` has those of tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from transforms.errors import RecspendError

Kind = Literal[
    "run.failed",
    "checks.failed",
    "holes.found",
    "budget.exceeded",
    "budget.expected",
    "anomaly.found",
    "rate.changed",
    "rate.differs",
    "bill.differs",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""All kinds, the weightiest first. Each is the end of the name of a Prefect event, `recspend.budget.exceeded`."""

OF_FIGURES: frozenset[Kind] = frozenset(KINDS) - {"run.failed", "checks.failed", "holes.found"}
"""Kinds that rest on figures, and so are not looked at while a check of severity fail fails."""

_THE_RUN = "run"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to be told.

    subject: what it is about, in words that stay the same as long as it is the same thing. sentence: what was found,
    with its figures. facts: the same as fields; decimals as plain text, dates as 2026-09-30, null where unknown.
    """

    kind: Kind
    subject: str
    sentence: str
    facts: dict[str, str | None]

    @property
    def key(self) -> str:
        """What it is known by from run to run."""
        return f"{self.kind} {self.subject}"


def facts_of(row: Mapping[str, Any]) -> dict[str, str | None]:
    """A row's values as text."""
    return {name: _text(value) for name, value in row.items()}


def failed_run(error: Exception, account: str | None = None) -> Finding:
    """A run that ended early. Of errors nobody expected only the kind is told: their words may hold anything.

    account: the name of the one account it was of; a run of another says nothing of it.
    """
    if isinstance(error, RecspendError):
        reason = str(error)
    elif isinstance(error, OSError):
        file = f"{error.filename}: " if error.filename else ""
        reason = f"{file}{error.strerror or type(error).__name__}."
    else:
        reason = f"Something unexpected happened ({type(error).__name__})."
    facts: dict[str, str | None] = {"account_name": account, "reason": reason}
    if account is None:
        return Finding("run.failed", _THE_RUN, f"The run ended early. {reason}", facts)
    sentence = f"The run of {account} ended early. {reason}"
    return Finding("run.failed", _account_subject(account), sentence, facts)


def failed_accounts(reasons: Mapping[str, str]) -> list[Finding]:
    """Accounts that could not be read. reasons: name of the account → what went wrong."""
    return [
        Finding(
            "run.failed",
            _account_subject(name),
            f"{name} could not be read. {reason}",
            {"account_name": name, "reason": reason},
        )
        for name, reason in sorted(reasons.items())
    ]


def failures_told(keys: Iterable[str]) -> list[Finding]:
    """Failed runs by the keys that somebody was told, among others; what went wrong stood in the message."""
    subjects = [
        subject for kind, _, subject in (key.partition(" ") for key in sorted(keys)) if kind == "run.failed"
    ]
    return [Finding("run.failed", subject, _since_told(subject), {}) for subject in subjects]


def _since_told(subject: str) -> str:
    if subject == _THE_RUN:
        return "A run ended early, and none of all accounts has come to its end since."
    name = subject.removeprefix(_account_subject(""))
    return f"{name} could not be read, or a run of it ended early, and it has not been read since."


def account_key(name: str) -> str:
    """The key under which it is told that an account could not be read, or that a run of it alone ended early."""
    return f"run.failed {_account_subject(name)}"


def failed_checks(checks: Iterable[tuple[str, str, int]]) -> list[Finding]:
    """Checks of severity fail that found something: name, why it matters, rows found."""
    return [
        Finding(
            "checks.failed",
            name,
            f"The check {name} found {rows} rows. {why}",
            {"check": name, "offending_rows": str(rows)},
        )
        for name, why, rows in checks
    ]


def _account_subject(name: str) -> str:
    return f"account {name}"


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case Decimal():
            return f"{value:f}"  # never 1E-7
        case date() | datetime():
            return value.isoformat()
        case bool():
            return str(value).lower()
        case _:
            return str(value)
