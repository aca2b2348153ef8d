"""Summaries of runs that did not happen."""

from collections.abc import Mapping, Sequence

from flows.ingest.ingest import IngestSummary
from flows.model.model import ModelSummary
from flows.normalize.normalize import NormalizeSummary
from flows.run.summary import RunSummary
from flows.stores.warehouse.checks import CheckResult


def summary_of(
    *,
    failed: Mapping[str, str] | None = None,
    warnings: Mapping[str, str] | None = None,
    rejected: int = 0,
    holes: int = 0,
    checks: Sequence[CheckResult] = (),
    cost: Mapping[str, str] | None = None,
) -> RunSummary:
    """The summary of a whole run with these results."""
    return RunSummary(
        ingest=IngestSummary(failed=failed or {}, warnings=warnings or {}),
        normalize=NormalizeSummary(rejected=rejected),
        model=ModelSummary(cost=dict(cost or {}), holes=holes, checks=list(checks)),
    )
