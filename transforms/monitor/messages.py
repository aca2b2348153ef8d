"""Which findings are new to whom, and the words they are told in."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from transforms.monitor.findings import KINDS, Finding, Kind

_MOST_SHOWN = 10
_TITLES: dict[Kind, str] = {
    "run.failed": "A run failed",
    "checks.failed": "Checks failed",
    "holes.found": "Days were not read",
    "budget.exceeded": "A budget is exceeded",
    "budget.expected": "A budget will be exceeded",
    "anomaly.found": "Spend is out of line",
    "rate.changed": "A rate changed",
    "rate.differs": "Another rate than agreed was charged",
    "bill.differs": "A bill differs",
}
_TO_DO: dict[Kind, str] = {
    "run.failed": "`recspend doctor` shows what is wrong. The next run reads what is missing.",
    "checks.failed": "Do not publish figures: the reports were not changed. `recspend check` shows the rows.",
    "holes.found": "`recspend run` reads them; when they stay, look at what it says. reports/holes.csv has all.",
    "budget.exceeded": "`recspend report --show daily_spend` shows what it went to; reports/budgets.csv has all.",
    "budget.expected": "`recspend report --show forecast` shows where the month ends; reports/budgets.csv has all.",
    "anomaly.found": "`recspend explain daily_spend usage_date=DAY` shows a day; reports/anomalies.csv has all.",
    "rate.changed": "Ask the provider, or mend reference/rate_card.csv. reports/rate_changes.csv has all.",
    "rate.differs": "Claim it, or mend reference/rate_card.csv. reports/rate_differences.csv has each day.",
    "bill.differs": "reports/reconciliation.csv has each part of the difference; sql/README.md explains the parts.",
}


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent at once: new findings of one kind (all of them), or a test, which has none."""

    event: str
    title: str
    to_do: str
    findings: Sequence[Finding] = ()

    @property
    def shown(self) -> Sequence[Finding]:
        """The findings that are told in words."""
        return self.findings[:_MOST_SHOWN]

    @property
    def more(self) -> int:
        """How many there are beside them."""
        return len(self.findings) - len(self.shown)

    @property
    def text(self) -> str:
        """The message in words: title, findings, and what to do."""
        lines = [finding.sentence for finding in self.shown]
        lines += [f"… and {self.more} more."] if self.more else []
        return "\n".join([f"recspend: {self.title}", *(" ".join(line.split()) for line in lines), self.to_do])

    def as_object(self) -> dict[str, Any]:
        """The message as fields, for JSON."""
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


TEST = Message("recspend.test", "This is a test", "Findings will come this way. Nothing is to be done.")
"""What shows that a channel works."""


def messages(found: Sequence[Finding], told: Collection[str], wanted: Collection[Kind]) -> list[Message]:
    """A message for each wanted kind with findings whose key is not told yet, the weightiest kind first."""
    new = [finding for finding in found if finding.key not in told]
    by_kind = {kind: [finding for finding in new if finding.kind == kind] for kind in KINDS if kind in wanted}
    return [
        Message(f"recspend.{kind}", _TITLES[kind], _TO_DO[kind], findings)
        for kind, findings in by_kind.items()
        if findings
    ]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at: kinds of findings, and single keys beside. What was not may still be as it was told.

    left: keys of what is so, and is left to other runs to tell.
    """

    kinds: Collection[Kind]
    keys: Collection[str] = ()
    left: Collection[str] = ()

    def still_told(self, told: Collection[str], found: Sequence[Finding]) -> set[str]:
        """Of what was told, what is still so; the rest went away, and is told again should it come back."""
        now = {finding.key for finding in found}
        return {
            key for key in told if key in now or not (key in self.keys or key.partition(" ")[0] in self.kinds)
        }
