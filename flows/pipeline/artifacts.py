"""Prefect artifacts of a run, shown in the Prefect UI: a page of its figures, tables of spend, and its progress.

The run does not depend on them: if they cannot be written, it warns once and continues. There are few of them, because
each is a request to the Prefect server. They contain figures and names, and never a secret.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from time import monotonic
from typing import Any, cast
from uuid import UUID

import pyarrow as pa
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from flows.run.remarks import remarks_of
from flows.run.request import RunContext, RunRequest
from flows.run.summary import RunSummary
from flows.stage import Progress
from flows.stores.warehouse.sql_files import query
from flows.stores.warehouse.warehouse import Warehouse, warehouse_path
from transforms.report.month_marks import month_marks
from transforms.report.run_page import NOTHING, RunResult, key_of, literal, run_page
from transforms.report.text import for_display, with_credits_if_any

_INGEST = "ingest "
_PERCENT_BETWEEN = 10
_SECONDS_BETWEEN = 2  # fetching waits for each update, so update rarely
_MOST_ROWS = 50

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Bar:
    """A progress artifact, the percentage it shows, and when it was updated (monotonic clock)."""

    artifact: UUID
    percent: float
    shown_at: float


class Artifacts:
    """The artifacts of one flow run."""

    def __init__(self) -> None:
        self._bars: dict[str, _Bar] = {}
        self._is_responding = True

    def with_progress(self, listener: Progress) -> Progress:
        """Return a listener that calls `listener` and shows the progress of each account in steps of ten percent."""

        def report(stage: str, done: int, total: int | None = None) -> None:
            listener(stage, done, total)
            if stage.startswith(_INGEST) and total:
                self._try(lambda: self._show_progress(stage.removeprefix(_INGEST), done, total))

        return report

    def show(self, context: RunContext, request: RunRequest, summary: RunSummary) -> None:
        """Show the result of the run."""
        self._try(lambda: _show_tables(context, summary))
        self._try(lambda: _show_page(context, request, summary))

    def _show_progress(self, account: str, done: int, total: int) -> None:
        percent, words = 100 * done / total, f"{literal(account)}: {done} of {total} read."
        bar = self._bars.get(account)
        if bar is None:
            key = key_of("recspend-progress", account)
            made = cast(UUID, create_progress_artifact(percent, key, words))
            self._bars[account] = _Bar(made, percent, monotonic())
        elif done == total or (
            abs(percent - bar.percent) >= _PERCENT_BETWEEN and monotonic() - bar.shown_at >= _SECONDS_BETWEEN
        ):
            update_progress_artifact(bar.artifact, percent, words)
            bar.percent, bar.shown_at = percent, monotonic()

    def _try(self, make: Callable[[], None]) -> None:
        """Make an artifact, unless an earlier one failed: an unreachable server is waited for only once."""
        if self._is_responding:
            try:
                make()
            except Exception as error:  # the figures do not depend on it
                self._is_responding = False
                logger.warning("Prefect artifacts were not written: %s.", type(error).__name__)


def _show_tables(context: RunContext, summary: RunSummary) -> None:
    if summary.cost is None:
        return
    warehouse = Warehouse(warehouse_path(context.settings.data_dir))
    newest = warehouse.table(query("spend/newest_month")).to_pylist()
    for word in ("account", "source"):
        found = with_credits_if_any(warehouse.table(query(f"spend/by_{word}"), {"newest_month": True}))
        if found.num_rows:
            month = f"{newest[0]['month']:%Y-%m}"
            shown = found.sort_by([("currency", "ascending"), ("cost", "descending")]).slice(0, _MOST_ROWS)
            more = "" if shown.num_rows == found.num_rows else f", {shown.num_rows} of {found.num_rows} rows"
            create_table_artifact(
                _cells(shown),
                key=f"recspend-spend-by-{word}",
                description=" ".join(
                    [
                        f"Spend by {word} in {month}{more}.",
                        *month_marks(newest),
                        "Currencies are never added up.",
                    ]
                ),
            )


def _cells(rows: pa.Table) -> list[dict[str, Any]]:
    """Return rows for the UI, which interprets each cell as HTML."""
    return [
        {
            name: NOTHING if text is None else escape(text, quote=False)
            for name, text in zip(rows.column_names, texts, strict=True)
        }
        for texts in for_display(rows, ["cost/min"]).itertuples(index=False, name=None)
    ]


def _show_page(context: RunContext, request: RunRequest, summary: RunSummary) -> None:
    data_dir, days = context.settings.data_dir, []
    if summary.cost is not None:
        found = Warehouse(warehouse_path(data_dir)).table(query("run/days_read"), {"most_rows": _MOST_ROWS})
        days = for_display(found).to_numpy().tolist()
    result = RunResult(
        f"recspend {request.command}",
        summary.as_object(),
        days,
        [remark.with_file for remark in remarks_of(summary)],
        str((data_dir / "reports").absolute()),
        [path.name for path in summary.reports],
    )
    create_markdown_artifact(
        run_page(result),
        key=f"recspend-{request.command}",
        description=f"Result of recspend {request.command}.",
    )
