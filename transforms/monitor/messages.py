"""Which findings a channel has not been notified of, and the wording of the messages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from transforms.monitor.findings import KINDS, Finding, Kind

_MOST_SHOWN = 10
_TITLES: dict[Kind, str] = {
    "run.failed": "A run failed",
    "checks.failed": "Checks failed",
    "holes.found": "Days are missing",
    "budget.exceeded": "A budget is exceeded",
    "budget.expected": "A budget will be exceeded",
    "budget.unknown": "A budget cannot be judged",
    "anomaly.found": "Spend is unusual",
    "spend.shifted": "The level of spend changed",
    "rate.changed": "A rate changed",
    "rate.in_turn": "Two rates are in use",
    "rate.differs": "The charged rate differs from the rate card",
    "bill.differs": "A bill does not match",
}
_TO_DO: dict[Kind, str] = {
    "run.failed": "Run `recspend doctor` to see what is wrong. The next run reads what is missing.",
    "checks.failed": "Do not use new figures: the reports were not changed. `recspend check` shows the rows.",
    "holes.found": "`recspend run` reads them; if they remain, check its output. reports/holes.csv lists all.",
    "budget.exceeded": "`recspend report --show daily_spend` shows what was spent; reports/budgets.csv lists all.",
    "budget.expected": "`recspend report --show forecast` shows the expected month end; reports/budgets.csv lists all.",
    "budget.unknown": "reports/unpriced_estimates.csv lists what has no estimate; rate_card.csv can give it one.",
    "anomaly.found": "`recspend explain daily_spend usage_date=DAY` shows a day; reports/anomalies.csv lists all.",
    "spend.shifted": "`recspend report --show monthly_spend` splits minutes from rates; all: reports/spend_shifts.csv.",
    "rate.changed": "Ask the provider, or correct reference/rate_card.csv. reports/rate_changes.csv lists all.",
    "rate.in_turn": "Ask the provider what each rate is for. reports/rates_in_turn.csv lists all.",
    "rate.differs": "Dispute the charge, or correct reference/rate_card.csv. Days: reports/rate_differences.csv.",
    "bill.differs": "reports/reconciliation.csv lists each part of the difference; sql/README.md explains them.",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One notification: all new findings of one kind, or a test without findings."""

    event: str
    title: str
    to_do: str
    findings: Sequence[Finding] = ()

    @property
    def shown(self) -> Sequence[Finding]:
        """Return the findings that the message spells out."""
        return self.findings[:_MOST_SHOWN]

    @property
    def more(self) -> int:
        """Return how many further findings there are."""
        return len(self.findings) - len(self.shown)

    @property
    def text(self) -> str:
        """Return the message as text: title, findings, and what to do."""
        lines = [finding.sentence for finding in self.shown]
        lines += [f"… and {self.more} more."] if self.more else []
        return "\n".join([f"recspend: {self.title}", *(" ".join(line.split()) for line in lines), self.to_do])

    def as_object(self) -> dict[str, Any]:
        """Return the message as fields, for JSON."""
        return {
            "event": self.event,
            "title": self.title,
            "to_do": self.to_do,
            "findings": [
                {"key": finding.key, "sentence": finding.sentence, "facts": finding.facts}
                for finding in self.shown
            ],
            "more": self.more,
        }


TEST = Message(
    "recspend.test", "This is a test", "Findings will arrive here. You do not need to do anything."
)
"""The message of `recspend notify --test`."""


def messages(found: Sequence[Finding], notified: Collection[str], wanted: Collection[Kind]) -> list[Message]:
    """Return a message for each wanted kind with findings not yet notified, the most important kind first."""
    new = [finding for finding in found if finding.key not in notified]
    by_kind = {kind: [finding for finding in new if finding.kind == kind] for kind in KINDS if kind in wanted}
    return [
        Message(f"recspend.{kind}", _TITLES[kind], _TO_DO[kind], findings)
        for kind, findings in by_kind.items()
        if findings
    ]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run examined: whole kinds of findings, and single keys. Anything else may still be as notified before.

    left: keys of current findings that are left to other runs to report.
    """

    kinds: Collection[Kind]
    keys: Collection[str] = ()
    left: Collection[str] = ()

    def still_notified(self, notified: Collection[str], found: Sequence[Finding]) -> set[str]:
        """Return the notified keys that still apply. The others went away, and are notified again if they come back."""
        now = {finding.key for finding in found}
        return {
            key
            for key in notified
            if key in now or not (key in self.keys or key.partition(" ")[0] in self.kinds)
        }
