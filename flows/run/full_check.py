"""Compare the whole lake with its raw pages."""

from collections.abc import Sequence

import pyarrow as pa

from flows.model.coverage import coverage
from flows.model.second_look.comparison import COMPARISON_SCHEMA, compare_all
from flows.run.request import RunContext
from flows.run.upgrade import held
from flows.stores.folder.data_locks import DataLocks
from flows.stores.warehouse.checks import CheckResult, run_checks_on
from transforms.model.models import Check


def check_all_pages(context: RunContext, checks: Sequence[Check]) -> tuple[int, list[CheckResult]]:
    """Compare every recording of the lake with its raw page. Meanwhile no run builds the tables or packs raw pages.

    Returns how many were compared, and the results of the checks of that. Raises BusyError when a run does one of
    these, DataError when a raw page is not what was received or the lake is not up to date.
    """
    data_dir = context.settings.data_dir
    with held(data_dir), DataLocks(data_dir).warehouse():
        rows = compare_all(data_dir, coverage(data_dir, context.names))
    compared = sum(row["compared"] for row in rows if row["field"] == "recording")
    table = pa.Table.from_pylist(rows, COMPARISON_SCHEMA)
    return compared, run_checks_on(checks, "ops.raw_comparison", table)
