"""What a run did: the summaries of its stages in one object."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transforms.pages.oddities import Oddities

if TYPE_CHECKING:
    from flows.ingest.ingest import IngestSummary
    from flows.model.model import ModelSummary
    from flows.normalize.summary import NormalizeSummary
    from flows.report.report import ReportSummary
    from flows.stores.warehouse.checks import CheckResult
    from transforms.report.since_last_run import Changes


def _count(name: str) -> property:
    """Define a property for a figure of a stage; it is 0 when the stage was not part of the run."""
    return property(lambda summary: summary.counts().get(name, 0))


@dataclass(slots=True)
class RunSummary:
    """What the stages did; None for a stage that was not part of the run.

    since: what changed since the last run that built the models. notify_warnings: channel → why it was not notified.
    seconds: stage → how long it took.
    """

    ingest: "IngestSummary | None" = None
    normalize: "NormalizeSummary | None" = None
    model: "ModelSummary | None" = None
    report: "ReportSummary | None" = None
    since: "Changes | None" = None
    notify_warnings: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    requests, retries, pages, rows = _count("requests"), _count("retries"), _count("pages"), _count("rows")
    singles = _count("singles")
    new, changed, deleted = _count("new"), _count("changed"), _count("deleted")
    rejected, unpriced, holes = _count("rejected"), _count("unpriced"), _count("holes")

    @property
    def failed(self) -> Mapping[str, str]:
        """Account name → what went wrong and what to do."""
        return self.ingest.failed if self.ingest else {}

    @property
    def busy(self) -> Mapping[str, str]:
        """Account name → which other process has it, so that its new days are not in the tables yet."""
        return {
            name: message
            for part in (self.normalize, self.ingest)
            if part is not None
            for name, message in part.busy.items()
        }

    @property
    def warnings(self) -> Mapping[str, str]:
        """Account or channel → what went wrong without affecting any figure."""
        return {**(self.ingest.warnings if self.ingest else {}), **self.notify_warnings}

    @property
    def oddities(self) -> Oddities:
        """What was odd about the rows of this run."""
        return self.normalize.oddities if self.normalize else Oddities()

    @property
    def cost(self) -> dict[str, str] | None:
        """Currency → total cost in the warehouse, as a plain decimal; None when the models were not built."""
        return self.model.cost if self.model else None

    @property
    def checks(self) -> "list[CheckResult]":
        """The checks that were run."""
        return self.model.checks if self.model else []

    @property
    def stopping_checks(self) -> "list[CheckResult]":
        """Checks of severity fail that found something."""
        return [check for check in self.checks if check.stops]

    @property
    def reports(self) -> list[Path]:
        """The report files, in order."""
        return self.report.files if self.report else []

    @property
    def exit_code(self) -> int:
        """0: success; 1: a check of severity fail failed; 3: an account could not be read."""
        if self.stopping_checks:
            return 1
        return 3 if self.failed else 0

    def counts(self) -> dict[str, Any]:
        """Return the figures of the stages that were part of the run, by name."""
        parts = (
            (self.ingest, ("requests", "retries", "pages", "rows", "singles")),
            (self.normalize, ("new", "changed", "deleted", "rejected")),
            (self.model, ("unpriced", "cost", "holes")),
        )
        return {name: getattr(part, name) for part, names in parts if part is not None for name in names}

    def as_object(self) -> dict[str, Any]:
        """Return the summary as a JSON object. Leaves out the figures of stages that were not part of the run."""
        since = {} if self.since is None else {"since": self.since.as_object()}
        known = self.counts()
        holes = {"holes": known.pop("holes")} if "holes" in known else {}
        return {
            **known,
            "seconds": self.seconds,
            **holes,
            "failed": dict(self.failed),
            "busy": dict(self.busy),
            "warnings": dict(self.warnings),
            **since,
            "failed_checks": [check.check.name for check in self.stopping_checks],
        }
