"""Findings, and those about a run itself. Each thing that can be found in the tables has a module of its own.

Only recent rows become findings, counted back from `as_of`, the newest day that was read; older ones are in the tables.
A first run over years of history therefore reports the current weeks only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args

from transforms.errors import RecspendError
from transforms.values.visible import visible

Kind = Literal[
    "run.failed",
    "checks.failed",
    "holes.found",
    "budget.exceeded",
    "budget.expected",
    "budget.unknown",
    "anomaly.found",
    "spend.shifted",
    "rate.changed",
    "rate.in_turn",
    "rate.differs",
    "bill.differs",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""All kinds, most important first. Each is the end of a Prefect event's name, such as `recspend.budget.exceeded`."""

OF_FIGURES: frozenset[Kind] = frozenset(KINDS) - {"run.failed", "checks.failed", "holes.found"}
"""Kinds that depend on figures. They are not examined while a check of severity fail finds rows."""

RECENT_DAYS = 45
"""How many days up to the newest are recent, for unusual days, rates and daily bills."""

Row = dict[str, Any]
"""A row of a table, by column."""

_THE_RUN = "run"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to send a notification about.

    subject: what it is about; it stays the same for as long as the problem is the same. sentence: what was found, with
    figures. facts: the same as fields; decimals as plain text, dates as 2026-09-30, null if unknown.
    """

    kind: Kind
    subject: str
    sentence: str
    facts: dict[str, str | None]

    def __post_init__(self) -> None:
        """Show each text on one line, wherever it is sent, without characters that act on what shows it."""
        object.__setattr__(self, "subject", visible(self.subject))
        object.__setattr__(self, "sentence", visible(" ".join(self.sentence.split())))
        facts = {name: value and visible(value) for name, value in self.facts.items()}
        object.__setattr__(self, "facts", facts)

    @property
    def key(self) -> str:
        """Identify the finding across runs."""
        return f"{self.kind} {self.subject}"


def facts_of(row: Mapping[str, Any]) -> dict[str, str | None]:
    """Return a row's values as text."""
    return {name: _text(value) for name, value in row.items()}


def is_recent(day: date, as_of: date, days: int) -> bool:
    """Return whether a day is one of this many up to `as_of`."""
    return day > as_of - timedelta(days=days)


def span(first: date, last: date) -> str:
    """Return the days from one to another as part of a sentence."""
    return f"{first}" if first == last else f"{first} to {last}"


def failed_run(error: Exception, account: str | None = None) -> Finding:
    """Return the finding for a run that ended early. Of unexpected errors it shows the type only, never the text.

    account: the name of the account if the run was limited to one; runs of other accounts do not clear the finding.
    """
    if isinstance(error, RecspendError):
        reason = str(error)
    elif isinstance(error, OSError):
        file = f"{error.filename}: " if error.filename else ""
        reason = f"{file}{error.strerror or type(error).__name__}."
    else:
        reason = f"An unexpected error occurred ({type(error).__name__})."
    facts: dict[str, str | None] = {"account_name": account, "reason": reason}
    if account is None:
        return Finding("run.failed", _THE_RUN, f"The run ended early. {reason}", facts)
    sentence = f"The run of {account} ended early. {reason}"
    return Finding("run.failed", _account_subject(account), sentence, facts)


def failed_accounts(reasons: Mapping[str, str]) -> list[Finding]:
    """Return a finding for each account that could not be read. reasons: account name → what went wrong."""
    return [
        Finding(
            "run.failed",
            _account_subject(name),
            f"{name} could not be read. {reason}",
            {"account_name": name, "reason": reason},
        )
        for name, reason in sorted(reasons.items())
    ]


def notified_failures(keys: Iterable[str]) -> list[Finding]:
    """Return the failed runs among the keys that were notified. The reason was in the message and is not stored."""
    subjects = [
        subject for kind, _, subject in (key.partition(" ") for key in sorted(keys)) if kind == "run.failed"
    ]
    return [Finding("run.failed", subject, _notified_failure(subject), {}) for subject in subjects]


def _notified_failure(subject: str) -> str:
    if subject == _THE_RUN:
        return "A run ended early, and no run of all accounts has succeeded since."
    name = subject.removeprefix(_account_subject(""))
    return f"{name} could not be read, or its run ended early. It has not been read since."


def account_key(name: str) -> str:
    """Return the key of the finding that an account could not be read, or that a run of it alone ended early."""
    return f"run.failed {_account_subject(name)}"


def failed_checks(checks: Iterable[tuple[str, str, int]]) -> list[Finding]:
    """Return a finding for each failed check. checks: name, why it matters, number of rows found."""
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
