"""What a reader must know of a run, from its summary."""

from typing import TYPE_CHECKING

from transforms.report.run_remarks import FailedCheck, Remark, run_remarks

if TYPE_CHECKING:
    from flows.run.summary import RunSummary
    from flows.stores.warehouse.checks import CheckResult


def remarks_of(summary: "RunSummary") -> list[Remark]:
    """Return what a reader of the figures must know; empty if there is nothing."""
    return run_remarks(
        failed=summary.failed,
        busy=summary.busy,
        warnings=summary.warnings,
        missing_days=summary.holes,
        rejected=summary.rejected,
        unpriced=summary.unpriced,
        checks=[failed_check(result) for result in summary.checks if not result.is_passed],
        oddities=summary.oddities,
    )


def failed_check(result: "CheckResult") -> FailedCheck:
    """Return what a check found, as plain values."""
    check = result.check
    return FailedCheck(check.name, check.why, result.offending_rows, result.stops, tuple(result.sample))
