"""Made-up summaries of runs."""

from collections.abc import Mapping, Sequence

from flows.ingest.ingest import IngestSummary
from flows.model.model import ModelSummary
from flows.normalize.summary import NormalizeSummary
from flows.run.summary import RunSummary
from flows.stores.warehouse.checks import CheckResult
from transforms.pages.oddities import Oddities


def summary_of(
    *,
    failed: Mapping[str, str] | None = None,
    warnings: Mapping[str, str] | None = None,
    rejected: int = 0,
    holes: int = 0,
    unpriced: int = 0,
    oddities: Oddities | None = None,
    checks: Sequence[CheckResult] = (),
    cost: Mapping[str, str] | None = None,
) -> RunSummary:
    """Make the summary of a complete run with these results."""
    return RunSummary(
        ingest=IngestSummary(failed=failed or {}, warnings=warnings or {}),
        normalize=NormalizeSummary(rejected=rejected, oddities=oddities or Oddities()),
        model=ModelSummary(unpriced=unpriced, cost=dict(cost or {}), holes=holes, checks=list(checks)),
    )
