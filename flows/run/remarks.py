"""What a reader must know of a run, from its summary."""

from typing import TYPE_CHECKING

from transforms.report.run_remarks import FailedCheck, Remark, run_remarks

if TYPE_CHECKING:
    from flows.run.summary import RunSummary
    from flows.stores.warehouse.checks import CheckResult


def remarks_of(summary: "RunSummary") -> list[Remark]:
    """What a reader of the figures must know; empty when there is nothing."""
    return run_remarks(
        failed=summary.failed,
        warnings=summary.warnings,
        missing_days=summary.holes or 0,
        rejected=summary.rejected or 0,
        unpriced=summary.unpriced or 0,
        checks=[failed_check(result) for result in summary.checks if not result.is_passed],
        oddities=summary.oddities,
    )


def failed_check(result: "CheckResult") -> FailedCheck:
    """What a check found, as plain values."""
    check = result.check
    return FailedCheck(check.name, check.why, result.offending_rows, result.stops, tuple(result.sample))
